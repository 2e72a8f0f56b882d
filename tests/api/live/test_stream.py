"""The live stream over a real server: what it shows to whom, where it goes on, and when it ends."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from office import who
from redis_server import RedisServer
from shop import ASSEMBLY, CALIBRATION, LINE, ready_shop
from sql_stores import START_MS
from sse_client import Stream, stream
from waiting import until
from web import Web

from api.background import bells
from api.live import live
from api.live import stream as stream_module
from connectors.sql import outbox
from connectors.sql.duties import SERVICE
from connectors.sql.work import Store, Work
from sipe.clock import ManualClock

OTHER_LINE = "manaus.final.line-2"
DEADLINE_S = 30.0
Open = Callable[..., Stream]


@pytest.fixture
def open_stream(web: Web) -> Iterator[Open]:
    """Opens a stream of somebody, which is closed when the test ends."""
    with ExitStack() as streams:

        def opened(person: str, last_id: str | None = None, **query: str) -> Stream:
            return streams.enter_context(stream(web.url, web.token(person), last_id, **query))

        yield opened


@pytest.fixture
def fast_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.2)


def tell(store: Store, kind: str, **body: object) -> None:
    def told(work: Work) -> None:
        work.tell(kind, "thing/1", **body)

    store.work(who("gil"), told)


def tell_many(store: Store, count: int, size: int = 0) -> None:
    def told(work: Work) -> None:
        for number in range(count):
            work.tell("sheet_counted", "thing/1", number=number, text="x" * size)

    store.work(who("gil"), told)


def test_what_is_agreed_is_shown_at_once(web: Web, store: Store, open_stream: Open) -> None:
    ready_shop(store)
    board = open_stream("pia")
    begin = int(board.opened())
    assert web.post("pia", "/v1/orders/OP-1/units", {"count": 2}).is_success
    (event,) = board.take(1)
    assert (event.kind, event.id) == ("change", str(begin + 1))
    serials = ["WA000001", "WA000002"]
    assert event.data == {
        "kind": "units_begun",
        "on": "order/OP-1",
        "at_ms": START_MS,
        "line": LINE,
        "serials": serials,
    }


def test_who_resumes_misses_nothing_and_gets_nothing_twice(store: Store, open_stream: Open) -> None:
    first = open_stream("pia")
    first.opened()
    tell_many(store, 3)
    seen = first.take(2)
    first.answer.close()
    tell_many(store, outbox.LOT + 5)
    second = open_stream("pia", seen[-1].id)
    seen += second.take(outbox.LOT + 6)
    tell(store, "sheet_counted", number=-1)
    seen += second.take(1)
    ids = [int(event.id) for event in seen]
    assert ids == list(range(ids[0], ids[0] + outbox.LOT + 9))
    assert seen[-1].data["number"] == -1


def test_who_cannot_resume_is_told_so_and_goes_on(store: Store, open_stream: Open) -> None:
    tell_many(store, 4)
    store.work(SERVICE, outbox.number)
    with store.reading() as connection:
        newest = outbox.head(connection).position
    store.work(SERVICE, outbox.acknowledged, newest)
    store.work(SERVICE, outbox.prune, START_MS + 1)
    tell_many(store, 1)
    for last in (str(newest - 1), str(newest + 100), "yesterday", "-1", "9" * 30):
        (event,) = (again := open_stream("pia", last)).take(1)
        assert (event.kind, event.data["position"]) == ("reset", int(event.id)), last
        again.answer.close()
    assert open_stream("pia", str(newest)).take(1)[0].kind == "change"
    board = open_stream("caio", "0")
    board.take(1)
    tell_many(store, 1)
    assert board.take(1)[0].data["kind"] == "sheet_counted"


class TestRights:
    @pytest.mark.parametrize(
        ("person", "seen"),
        [
            ("asm", ["own", "line", "plant"]),  # a device
            ("cal", ["station", "line", "plant"]),
            ("otto", ["own", "station", "line", "plant"]),  # an operator of the line
            ("lia", ["other_line", "other_station", "plant"]),  # of another line
            ("caio", ["own", "station", "line", "other_line", "other_station", "plant", "nowhere"]),
        ],
    )
    def test_everybody_sees_what_they_may_read(
        self, store: Store, open_stream: Open, person: str, seen: list[str]
    ) -> None:
        told = open_stream(person)
        told.opened()
        tell(store, "unit_x", what="own", station=ASSEMBLY)
        tell(store, "unit_x", what="station", station=CALIBRATION)
        tell(store, "unit_x", what="line", line=LINE)
        tell(store, "unit_x", what="other_line", line=OTHER_LINE)
        tell(store, "unit_x", what="other_station", station=f"{OTHER_LINE}.pack")
        tell(store, "sheet_x", what="plant")
        tell(store, "unit_x", what="nowhere")
        tell(store, "sheet_x", what="end")
        shown = []
        for event in told.events():
            if event.data["what"] == "end":
                break
            shown.append(event.data["what"])
        assert shown == seen

    def test_what_is_asked_for_has_to_be_allowed(self, web: Web) -> None:
        for person, query in (
            ("asm", f"station={CALIBRATION}"),
            ("asm", f"line={OTHER_LINE}"),
            ("otto", f"line={OTHER_LINE}"),
            ("lia", f"station={CALIBRATION}"),
        ):
            assert web.get(person, f"/v1/stream?{query}").status_code == 403, (person, query)
        for query, status in (("kinds=A", 422), ("line=x", 422), ("station=x", 422), ("colour=red", 400)):
            assert web.get("caio", f"/v1/stream?{query}").status_code == status, query

    def test_a_stream_shows_what_it_was_asked_for(self, store: Store, open_stream: Open) -> None:
        streams = [
            open_stream("caio", kinds="unit_x,unit_end"),
            open_stream("caio", line=LINE),
            open_stream("caio", station=CALIBRATION),
        ]
        for one in streams:
            one.opened()
        tell(store, "unit_x", number=1, line=LINE)
        tell(store, "unit_y", number=2, station=CALIBRATION)
        tell(store, "sheet_x", number=3)
        tell(store, "unit_end", number=4, station=CALIBRATION)
        shown = [
            [event.data["number"] for event in one.take(count)] for one, count in zip(streams, (2, 3, 2), strict=True)
        ]
        assert shown == [[1, 4], [1, 2, 4], [2, 4]]


@pytest.mark.usefixtures("fast_beats")
class TestBeats:
    def test_silence_says_up_to_where_there_was_nothing_to_tell(self, store: Store, open_stream: Open) -> None:
        told = open_stream("lia")
        begin = int(told.opened())
        tell(store, "unit_x", line=LINE)
        store.work(SERVICE, outbox.number)
        until(lambda: int(told.beat()) == begin + 1, "the beat says what was passed over", DEADLINE_S)

    def test_a_stream_ends_with_the_access_token_and_tells_nothing_more(
        self, web: Web, store: Store, clock: ManualClock, open_stream: Open
    ) -> None:
        told = open_stream("pia")
        told.beat()
        clock.advance(601_000)
        tell_many(store, 1)
        assert list(told.events()) == []
        assert web.get("pia", "/v1/stream").status_code == 401

    def test_a_reader_that_went_is_forgotten(self, web: Web, open_stream: Open) -> None:
        told = open_stream("pia")
        told.opened()
        assert web.live.streams == 1
        told.answer.close()
        until(lambda: web.live.streams == 0, "it is forgotten", DEADLINE_S)


def test_nobody_has_too_many(web: Web, open_stream: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [open_stream("pia") for _ in range(live.STREAMS_EACH_MAX)]
    assert all(one.opened() for one in streams)
    refused = web.get("pia", "/v1/stream")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert web.get("caio", "/v1/stream").status_code == 200
    monkeypatch.setattr(live, "STREAMS_MAX", live.STREAMS_EACH_MAX)
    assert web.get("caio", "/v1/stream").status_code == 503


def test_who_does_not_read_is_cut_off_and_resumes(
    web: Web, store: Store, open_stream: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "SLOW_S", 0.5)
    request = f"GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {web.token('pia')}\r\n\r\n"
    with socket.socket() as slow:
        slow.settimeout(DEADLINE_S)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        slow.connect(("127.0.0.1", web.port))
        slow.sendall(request.encode())
        until(lambda: web.live.streams == 1, "it is open", DEADLINE_S)
        other = open_stream("caio")
        other.opened()
        tell_many(store, 100, size=100_000)
        assert len(other.take(100)) == 100, "nobody else waits for it"
        until(lambda: web.live.streams == 1, "it is cut off", DEADLINE_S)
        text = b""
        while chunk := slow.recv(1 << 20):
            text += chunk
    whole = re.findall(rb"id: (\d+)\nevent: change\ndata: \{[^\n]*\}\n\n", text)
    assert 0 < len(whole) < 100
    rest = open_stream("pia", whole[-1].decode()).take(100 - len(whole))
    assert [event.data["number"] for event in rest] == list(range(len(whole), 100))


def test_the_service_stops_although_somebody_listens(web: Web, open_stream: Open) -> None:
    told = open_stream("pia")
    told.opened()
    web.live.close()
    assert list(told.events()) == []


@pytest.mark.needs("redis")
def test_other_processes_learn_it_by_redis_and_without_it_later(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two services over one store, of which the second one looks by itself hardly ever."""
    monkeypatch.setattr(live, "POLL_S", 60.0)
    stop, clock = threading.Event(), ManualClock(START_MS)
    beside = Store(str(store.transactions.engine.url), clock)
    with ExitStack() as open_:
        redis = open_.enter_context(RedisServer(tmp_path / "redis"))
        here = open_.enter_context(Web(store, clock, tmp_path, redis_url=redis.url))
        there = open_.enter_context(Web(beside, clock, tmp_path, redis_url=redis.url))
        loops = [
            threading.Thread(target=loop, args=(web.services, stop))
            for web in (here, there)
            for loop in (bells.announce, bells.hear)
        ]
        for thread in loops:
            thread.start()
        try:
            told = open_.enter_context(stream(there.url, there.token("pia")))
            told.opened()
            until(lambda: redis.ask("PUBSUB", "NUMSUB", "sipe:told") != b"", "somebody hears", DEADLINE_S)
            tell_many(store, 1)
            assert told.take(1)[0].kind == "change"
            monkeypatch.setattr(live, "POLL_S", 0.2)
            tell_many(store, 1)
            assert told.take(1)[0].kind == "change"
            redis.kill()
            tell_many(store, 2)
            assert len(told.take(2)) == 2
        finally:
            stop.set()
            for thread in loops:
                thread.join()
    beside.close()
