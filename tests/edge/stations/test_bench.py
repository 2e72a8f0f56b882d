"""A bench whose units the office lets in, or not, with a real office, journal and spool; what it says is the test's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import pytest
from desk_post import Post
from hypothesis import given
from hypothesis import strategies as st
from shop import ASSEMBLY, CALIBRATION
from station_day import Hand, day, events, lived

from edge.channels.channel import monotonic_ms
from edge.channels.intake import Chunk, Message
from edge.client.shapes.common import Limit
from edge.spool import Spool
from edge.stations.bench import BenchStation
from edge.stations.bench_format import Format, Record, Unreadable, Value, records_of
from edge.stations.bench_verdict import verdict_on
from edge.stations.day import Tools
from edge.stations.recorder import Recorder
from edge.stations.scan_station import Scanned
from sipe.contracts import events as contracts
from sipe.contracts.events import CycleCompleted

PostAt = Callable[[str], Post]
LINES = {"format": "delimited", "columns": ["position", "cycle", "serial", "test", "value", "verdict"],
         "units": {}, "complete": "verdict"}  # fmt: skip
FIELDS = {"run": "cycle", "sn": "serial", "pos": "position", "p": "test", "e": "value", "ok": "verdict", "nr": "id"}


def asked(**table: Any) -> Format:
    found: Format = msgspec.convert(table, Format)
    return found


class Bench:
    """Two units that are assembled, and a bench at the calibration station that may be started again."""

    def __init__(self, post_at: PostAt, spool: Spool) -> None:
        day(post_at(ASSEMBLY), Scanned(begins_units=True), "OP-1", "OP-1", "OP-1", spool=spool)
        self.post = post_at(CALIBRATION)
        self.points = [test.id for test in self.post.desk.contract("OP-1").tests]
        self.spool = spool
        self.discarded: dict[str, int] = {}

    def lines(self, serial: str, errors: Sequence[float], verdict: str = "PASS", position: str = "1") -> bytes:
        """What it says of a unit, line by line."""
        said = [f"{position};C1;{serial};{test};{error};" for test, error in zip(self.points, errors, strict=False)]
        said[-1] += verdict
        return "\r\n".join([*said, ""]).encode()

    def day(self, *said: bytes | str, order: str = "OP-1", table: dict[str, Any] = LINES) -> list[tuple[str, str]]:
        """What the screen showed; text is a message, and bytes came over a line."""
        return asyncio.run(self._day(said, order, table))

    async def _day(self, said: Sequence[bytes | str], order: str, table: dict[str, Any]) -> list[tuple[str, str]]:
        has_ended, hand = asyncio.Event(), Hand([order] if order else [])

        async def channel() -> AsyncIterator[Chunk | Message]:
            await hand.has_scanned_all.wait()
            for one in said:
                now_ms = monotonic_ms()
                yield Chunk(now_ms, 1, one) if isinstance(one, bytes) else Message(now_ms, 1, "", one.encode())
            has_ended.set()
            await asyncio.Event().wait()

        post, recorder = self.post, Recorder(self.post.station, "station", self.spool)
        tools = Tools(post.desk, post.journal, recorder, hand, post.clock, monotonic_ms, post.directory)
        station = BenchStation(asked(**table), channel(), tools)
        try:
            await lived(station, has_ended)
        finally:
            await asyncio.to_thread(station.close)
            self.discarded = dict(station.discarded)
        return hand.seen

    def cycles(self) -> list[CycleCompleted]:
        return [one for one in events(self.spool) if isinstance(one, CycleCompleted) and one.station == CALIBRATION]

    def measured(self) -> list[contracts.TestMeasured]:
        return [one for one in events(self.spool) if isinstance(one, contracts.TestMeasured)]


@pytest.fixture
def bench(post_at: PostAt, spool: Spool) -> Bench:
    return Bench(post_at, spool)


def test_units_of_one_cycle_are_judged_by_the_sheet_whatever_the_bench_says(bench: Bench) -> None:
    good, bad = [0.01] * len(bench.points), [0.01] * (len(bench.points) - 1) + [60.0]
    seen = bench.day(bench.lines("WA000001", good) + bench.lines("WA000002", bad, position="2"))
    assert ("passed", "good") in seen
    state, text = seen[-1]
    assert (state, text.split(" is ")[0]) == ("failed", bench.points[-1])
    assert "above" in text
    first, second = bench.cycles()
    assert [(one.serial, one.result, one.position) for one in (first, second)] == [
        ("WA000001", "good", "1"), ("WA000002", "rework", "2"),
    ]  # fmt: skip
    assert first.cycle_id == second.cycle_id == "C1"
    assert len(bench.measured()) == 2 * len(bench.points)
    assert [one.test for one in bench.measured() if not one.passed] == [bench.points[-1]]
    assert all(one.high is not None for one in bench.measured())
    assert [visit.outcome for visit in bench.post.journal.visits("told")] == ["taken", "taken"]


def test_what_was_not_measured_and_what_the_bench_rejects_fails(bench: Bench) -> None:
    seen = bench.day(bench.lines("WA000001", [0.01]) + bench.lines("WA000002", [0.0] * len(bench.points), "FAIL"))
    failed = [text for state, text in seen if state == "failed"]
    assert f"{bench.points[1]} was not measured" in failed[0]
    assert failed[1] == "the bench says FAIL"


def test_a_unit_that_may_not_come_is_shown_and_its_values_are_said(bench: Bench) -> None:
    seen = bench.day(bench.lines("WX-9", [0.5]))
    assert "WX-9 may not come: " in seen[-1][1]
    assert "its result is kept, 1 of them" in seen[-1][1]
    assert [(one.serial, one.value) for one in bench.measured()] == [("WX-9", 0.5)]
    assert bench.cycles() == []
    bench.day()
    assert len(bench.measured()) == 1, "and it is said once"


def test_results_wait_while_the_office_is_away_and_no_order_is_there(bench: Bench) -> None:
    good = bench.lines("WA000001", [0.0] * len(bench.points))
    seen = bench.day(good, order="")
    assert "has a result, and no order is at work" in seen[-1][1]
    bench.post.restart()
    assert bench.cycles() == []
    seen = bench.day(b"\r\n")
    assert seen[-1] == ("passed", "good")
    bench.post.line.refuse()
    seen = bench.day(bench.lines("WA000002", [0.0] * len(bench.points)))
    assert seen[-1][0] == "stopped"


def test_a_line_that_is_cut_while_results_come_costs_none(bench: Bench) -> None:
    good = [0.0] * len(bench.points)

    first = bench.lines("WA000001", good)
    bench.day(first)
    bench.post.line.refuse()
    bench.day(bench.lines("WA000002", good), order="")
    assert [one.serial for one in bench.cycles()] == ["WA000001"]
    bench.post.line.heal()
    bench.post.restart()
    bench.day(b"\r\n")
    assert [one.serial for one in bench.cycles()] == ["WA000001", "WA000002"]


def test_power_that_goes_while_a_result_is_written_down_judges_it_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = bench.lines("WA000001", [0.0] * len(bench.points))
    for place in ("finish", "spooled"):
        with monkeypatch.context() as patched:
            patched.setattr(bench.post.journal, place, _power_cut)
            with pytest.raises(ExceptionGroup):
                bench.day(said)
        bench.post.restart()
        said = b"\r\n"
    bench.day(said)
    assert [one.serial for one in bench.cycles()] == ["WA000001"]
    assert len(bench.measured()) == len(bench.points)


def _power_cut(*_: object) -> None:
    raise OSError("the power goes")


def test_a_message_that_comes_twice_is_judged_once(bench: Bench) -> None:
    table = {"format": "json", "each": "units", "fields": FIELDS, "complete": "record"}
    items = [{"sn": "WA000001", "pos": 3, "p": point, "e": 0.0, "ok": True} for point in bench.points]
    message = json.dumps({"run": "R7", "nr": 12, "units": items})
    seen = bench.day(message, message, table=table)
    assert seen[-1] == ("passed", "good")
    (cycle,) = bench.cycles()
    assert (cycle.cycle_id, cycle.position) == ("R7", "3")


def test_garbage_is_counted_by_reason_and_the_next_line_is_read(bench: Bench) -> None:
    good = bench.lines("WA000001", [0.0] * len(bench.points))
    bench.day(b"\xff\x00;;\r\n1;C1;;P1;0.1;PASS\r\n1;C1;WA000001;P1;much;PASS\r\n" + good)
    assert bench.discarded == {"format": 1, "no-serial": 1, "bad-value": 1}
    assert [(one.serial, one.result) for one in bench.cycles()] == [("WA000001", "good")]


@pytest.mark.parametrize(
    ("table", "text", "record"),
    [
        (
            {"format": "delimited", "columns": ["serial", "u", "", "verdict"], "units": {"u": "V"}},
            "WA1; 229.8 ;x;pass",
            Record(serial="WA1", values=(Value("u", 229.8, "V"),), passed=True, verdict="pass"),
        ),
        (
            {"format": "key-value", "fields": {"SN": "serial", "ERR": "error", "T": "cycle_ms"}, "decimal_comma": True},
            "SN=WA1;ERR=0,12;OTHER=1;T=1500",
            Record(serial="WA1", values=(Value("error", 0.12),), cycle_ms=1_500),
        ),
        (
            {"format": "json", "fields": {"a.sn": "serial", "a.v": "u", "ok": "verdict"}},
            '{"a": {"sn": 17, "v": 3}, "ok": false}',
            Record(serial="17", values=(Value("u", 3.0),), passed=False, verdict="false"),
        ),
    ],
)
def test_a_format_is_data(table: dict[str, Any], text: str, record: Record) -> None:
    assert list(records_of(text, asked(**table))) == [record]


@given(
    st.one_of(
        st.text(max_size=200), st.recursive(st.none() | st.floats() | st.text(), st.lists, max_leaves=5).map(str)
    ),
    st.sampled_from(
        [
            LINES,
            {"format": "key-value", "fields": {"SN": "serial", "a": "b"}},
            {"format": "json", "fields": FIELDS, "each": "units"},
            {"format": "json", "fields": FIELDS},
        ]
    ),
)
def test_whatever_comes_is_a_record_or_says_why_it_is_none(text: str, table: dict[str, Any]) -> None:
    for one in records_of(text, asked(**table)):
        assert isinstance(one, Unreadable) or 1 <= len(one.serial) <= 64


@given(
    low=st.none() | st.floats(-1e6, 1e6),
    high=st.none() | st.floats(-1e6, 1e6),
    value=st.floats(-1e6, 1e6),
    says=st.sampled_from([True, False, None]),
)
def test_a_unit_passes_only_when_its_value_is_within_and_nobody_says_no(
    low: float | None, high: float | None, value: float, says: bool | None
) -> None:
    record = Record(serial="WA1", values=(Value("u", value),), passed=says, verdict="" if says is None else str(says))
    verdict = verdict_on([record], {"u": Limit(id="u", low=low, high=high)})
    is_within = (low is None or value >= low) and (high is None or value <= high)
    assert verdict.measured[0].passed == is_within
    assert (not verdict.failures) == (is_within and says is not False)


def test_another_unit_than_the_sheet_has_and_no_word_at_all_are_no_pass() -> None:
    told = Record(serial="WA1", values=(Value("u", 229.0, "mV"),), passed=True, verdict="ok")
    assert verdict_on([told], {"u": Limit(id="u", unit="V", low=220.0)}).failures == (
        "u is told in mV, and the sheet has V",
    )
    assert verdict_on([Record(serial="WA1")], {}).failures == (
        "neither the bench nor the sheet says whether this is good",
    )
