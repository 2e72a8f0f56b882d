"""Events from before a machine knew the time: held, then sent with their time, once and the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.spool import Spool
from edge.spool.rows import Row
from edge.stations.recorder import Fact, Recorder
from edge.uplink.held import HeldOutbox
from sipe.contracts.codec import CLOCK_SET_MS_MIN, decode, encode
from sipe.contracts.events import CycleCompleted, Heartbeat, StationEvent

STATION = "manaus.final.line-1.placer"
NOW_MS = 1_795_000_000_000


class Time:
    """Knows when the machine was started, or does not."""

    def __init__(self, start_ms: int | None = None) -> None:
        self.start = start_ms

    def start_ms(self) -> int | None:
        return self.start


def say(spool: Spool, *times_ms: int) -> None:
    recorder = Recorder(STATION, "station", spool)
    recorder.keep(recorder.numbered([Fact(Heartbeat, ts_ms, {}) for ts_ms in times_ms]))


def read(outbox: HeldOutbox) -> list[tuple[int, int, str | None]]:
    """(number, time, quality) of all that may go out; what its row says is what is in it."""
    found: list[tuple[int, int, str | None]] = []
    for row in outbox.read(0, 100):
        event = decode(row.message)
        assert isinstance(event, StationEvent)
        assert (event.ts_ms, event.seq, event.boot) == (row.ts_ms, row.seq, row.boot)
        found.append((event.seq, event.ts_ms, event.ts_quality))
    return found


def test_nothing_goes_out_until_the_time_is_known_and_then_all_in_order(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        time, path = Time(), tmp_path / "starts.json"
        outbox = HeldOutbox(spool, time, path, "first")
        say(spool, 1_000, 2_000)
        assert read(outbox) == []
        time.start = NOW_MS  # the clock is set between two events of a batch
        say(spool, NOW_MS + 3_000)
        corrected = [(1, NOW_MS + 1_000, "corrected"), (2, NOW_MS + 2_000, "corrected"), (3, NOW_MS + 3_000, None)]
        assert read(outbox) == corrected
        time.start = NOW_MS + 7_777  # by NTP, step by step
        assert read(outbox) == corrected, "what is sent twice is the same"
        assert read(HeldOutbox(spool, Time(), path, "first")) == corrected, "over a restart of the gateway, too"


def test_a_machine_that_was_started_again_before_it_knew_ended_when_it_began_anew(tmp_path: Path) -> None:
    path = tmp_path / "starts.json"
    for boot_id, times_ms in [("first", [1_000, 5_000]), ("second", [400])]:
        with Spool(tmp_path / "spool") as spool:
            assert read(HeldOutbox(spool, Time(), path, boot_id)) == []
            say(spool, *times_ms)
    with Spool(tmp_path / "spool") as spool:
        outbox = HeldOutbox(spool, Time(NOW_MS), path, "third")
        say(spool, NOW_MS + 9)
        assert read(outbox) == [
            (1, NOW_MS - 4_400, "estimated"),
            (2, NOW_MS - 400, "estimated"),
            (1, NOW_MS, "estimated"),
            (1, NOW_MS + 9, None),
        ]


def test_what_is_sent_is_let_go_of_and_a_file_that_is_damaged_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "starts.json"
    path.write_bytes(b"[{")
    with Spool(tmp_path / "spool") as spool:
        outbox = HeldOutbox(spool, Time(NOW_MS), path, "first")
        say(spool, 1_000)
        (row,) = outbox.read(0, 10)
        outbox.delivered([row.position])
        assert outbox.read(0, 10) == []
        before = dict(outbox.boots())
        outbox.new_boot()
        say(spool, 2_000)
        assert read(outbox) == [(1, NOW_MS + 2_000, "corrected")]
        assert outbox.boots()["station"] > before["station"]


def test_a_gap_gets_its_time_as_well(tmp_path: Path) -> None:
    class Gap:
        """A spool of one gap."""

        def read(self, after: int, limit: int) -> list[Row]:
            return [Row(1, STATION, "station", 1, 4, 700, 2, 0, b"")] if after < 1 else []

        def boots(self) -> dict[str, int]:
            return {}

        def new_boot(self) -> None: ...

        def delivered(self, positions: object) -> None: ...

    assert read(HeldOutbox(Gap(), Time(NOW_MS), tmp_path / "starts.json", "first")) == [(4, NOW_MS + 700, None)]


@given(
    runs=st.lists(st.lists(st.integers(0, 10_000), max_size=4), min_size=1, max_size=4),
    knows=st.booleans(),
)
def test_however_often_a_machine_starts_the_order_stays_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[int]], knows: bool
) -> None:
    directory = tmp_path_factory.mktemp("held")
    said = 0
    for at, steps_ms in enumerate(runs):
        with Spool(directory / "spool") as spool:
            is_last = at == len(runs) - 1
            outbox = HeldOutbox(spool, Time(NOW_MS if knows and is_last else None), directory / "starts.json", str(at))
            say(spool, *[sum(steps_ms[: end + 1]) for end in range(len(steps_ms))])
            said += len(steps_ms)
            times_ms = [ts_ms for _, ts_ms, _ in read(outbox)]
            assert len(times_ms) == (said if knows and is_last else 0)
            assert times_ms == sorted(times_ms)
            assert all(ts_ms >= CLOCK_SET_MS_MIN for ts_ms in times_ms)


def test_the_rest_of_an_event_stays_as_it_is(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        outbox = HeldOutbox(spool, Time(NOW_MS), tmp_path / "starts.json", "first")
        what = {"order": "OP-1", "product": "P", "step": "smt", "qty": 3, "result": "good", "cycle_ms": 1_500}
        recorder = Recorder(STATION, "station", spool)
        (event,) = recorder.numbered([Fact(CycleCompleted, 60_000, what)])
        recorder.keep([event])
        (row,) = outbox.read(0, 10)
        sent = decode(row.message)
        assert isinstance(sent, CycleCompleted)
        assert encode(sent).replace(b',"ts_quality":"corrected"', b"") == encode(event).replace(
            b":60000", b":%d" % (NOW_MS + 60_000)
        )
