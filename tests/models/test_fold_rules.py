"""The fold's rules one by one: lateness, reach, silence, authority, versions of closed minutes, bounded state."""

from __future__ import annotations

import pickle
from itertools import count
from typing import Any

import pytest

from models.fold.partition import PartitionFold, Restatement
from models.fold.rules import DAY_MS, HOUR_MS, MINUTE_MS, FoldConfig
from sipe.contracts.codec import build
from sipe.contracts.events import StationEvent
from sipe.contracts.tables import MEASURES

STATION = "manaus.final.line-1.closing"
T0 = 1_772_445_600_000  # 2026-03-02T10:00:00Z
ALWAYS = {"zone": "UTC", "shifts": [{"name": "A", "start": "00:00", "end": "00:00"}]}


class Line:
    """A fold with one station, and what a store would hold of it."""

    def __init__(self) -> None:
        self.fold = PartitionFold(FoldConfig())
        self.seqs = count(1)
        self.cells: dict[tuple[int, str], dict[str, int]] = {}
        self.last = Restatement(0, 0, [], [], [], [], [])

    def say(self, type_: str, at_ms: int, **fields: Any) -> str:
        given = {"type": type_, "station": STATION, "boot": 1, "seq": next(self.seqs), "ts_ms": at_ms}
        event = build(given | fields)
        assert isinstance(event, StationEvent)
        return self.fold.apply(event)

    def cycle(self, at_ms: int, **fields: Any) -> str:
        given = {"order": "po-1", "product": "e31", "step": "close", "qty": 1, "result": "good", "cycle_ms": 900}
        return self.say("cycle_completed", at_ms, **(given | fields))

    def tick(self, now_ms: int) -> Restatement:
        self.last = self.fold.tick(now_ms)
        for run in self.last.minutes:
            for i in range(run.minutes):
                cell = dict(zip((m.name for m in MEASURES), run.measures, strict=True))
                self.cells[run.minute_ms + i * MINUTE_MS, run.order] = cell
        return self.last

    def sum(self, name: str) -> int:
        return sum(cell[name] for cell in self.cells.values())


@pytest.fixture
def line() -> Line:
    return Line()


def test_an_event_within_reach_counts_and_one_before_is_late_and_marked_for_refolding(line: Line) -> None:
    line.cycle(T0)
    line.tick(T0 + 1)
    assert line.cycle(T0 - 3 * DAY_MS) == "accepted"
    assert line.cycle(T0 - 3 * DAY_MS - 1) == "late"
    assert line.tick(T0 + MINUTE_MS).refolds == [(STATION, (T0 - 3 * DAY_MS) // DAY_MS * DAY_MS, 1)]
    assert line.sum("good") == 2
    assert (line.last.stations[0].accepted, line.last.stations[0].late) == (2, 1)


def test_a_doubled_late_event_is_a_duplicate(line: Line) -> None:
    line.cycle(T0)
    line.tick(T0 + 1)
    assert line.cycle(T0 - 4 * DAY_MS, seq=77) == "late"
    assert line.cycle(T0 - 4 * DAY_MS, seq=77) == "duplicate"


def test_the_slowest_source_that_is_not_retired_decides_what_is_late(line: Line) -> None:
    line.cycle(T0, source="gateway")
    line.cycle(T0 + 3 * DAY_MS)
    line.tick(T0 + 3 * DAY_MS + 1)
    assert line.cycle(T0 - 3 * DAY_MS, source="gateway") == "accepted"
    assert line.cycle(T0 - 3 * DAY_MS) == "accepted"
    line.cycle(T0 + 10 * DAY_MS)
    line.tick(T0 + 10 * DAY_MS)
    assert line.cycle(T0, source="gateway") == "late"


def test_what_is_told_late_counts_from_the_floor_on(line: Line) -> None:
    line.say("station_born", T0, firmware="1", heartbeat_ms=HOUR_MS)
    for hour in range(1, 100):
        line.say("heartbeat", T0 + hour * HOUR_MS)
    line.tick(T0 + 99 * HOUR_MS)
    floor_ms = line.fold.stations[STATION].floor_ms
    assert line.say("state_changed", T0 + HOUR_MS, state="executing") == "late"
    line.tick(T0 + 99 * HOUR_MS + 1)
    assert line.sum("apt_ms") == T0 + 99 * HOUR_MS - floor_ms
    assert line.say("interval_reported", floor_ms + HOUR_MS, from_ts_ms=floor_ms - HOUR_MS, state="down") == "late"
    line.tick(T0 + 99 * HOUR_MS + 2)
    assert line.sum("conflict_ms") == HOUR_MS
    assert line.last.refolds == [(STATION, floor_ms // DAY_MS * DAY_MS, 1)]


def test_an_interval_reported_in_time_reaches_48_hours_back_and_counts_in_full(line: Line) -> None:
    line.say("interval_reported", T0, state="executing", from_ts_ms=T0 - 48 * HOUR_MS, source="log-1", seq=1)
    line.tick(T0 + MINUTE_MS)
    late_but_in_time = T0 - DAY_MS
    outcome = line.say(
        "interval_reported", late_but_in_time, state="down", from_ts_ms=late_but_in_time - 48 * HOUR_MS, source="log-1"
    )
    line.tick(T0 + 2 * MINUTE_MS)
    assert outcome == "accepted"
    assert line.sum("adot_ms") == 48 * HOUR_MS
    assert line.sum("apt_ms") == 24 * HOUR_MS
    assert line.sum("conflict_ms") == 24 * HOUR_MS


def test_silence_becomes_unknown_at_a_tick_and_a_late_sign_of_life_takes_it_back(line: Line) -> None:
    line.say("calendar_assigned", T0, valid_from_ms=0, calendar=ALWAYS, source="plant", boot=0, seq=1)
    line.say("station_born", T0, firmware="1", heartbeat_ms=10_000)
    line.say("state_changed", T0, state="executing", order="po-1", product="e31")
    line.tick(T0 + 2 * MINUTE_MS)
    assert line.sum("apt_ms") == 30_000
    assert line.sum("unknown_ms") == 90_000
    line.say("heartbeat", T0 + 30_000)
    line.tick(T0 + 2 * MINUTE_MS)
    assert line.sum("apt_ms") == 60_000
    assert line.sum("unknown_ms") == 60_000


def test_a_heartbeat_declared_long_ago_still_holds_for_the_same_boot(line: Line) -> None:
    line.say("station_born", T0, firmware="1", heartbeat_ms=HOUR_MS)
    line.say("state_changed", T0, state="executing")
    for day in range(12):
        line.cycle(T0 + day * DAY_MS, source="gateway")
        line.tick(T0 + day * DAY_MS + 1)
    before_ms = line.sum("apt_ms")
    line.say("heartbeat", T0 + 12 * DAY_MS)
    line.cycle(T0 + 13 * DAY_MS, source="gateway")
    line.tick(T0 + 13 * DAY_MS + 1)
    assert line.sum("apt_ms") - before_ms == 3 * HOUR_MS


def test_a_repeated_correction_is_a_duplicate_however_long_its_boot_is_gone(line: Line) -> None:
    moved = {"serial": "s", "order": "po-1", "product": "e31", "step": "close", "attempt": 1, "reason": "x"}
    moved |= {"result_before": "good", "result": "scrap", "by": "ana", "cycle_ts_ms": T0 + 12 * DAY_MS}
    line.cycle(T0, source="terminal")
    line.cycle(T0 + DAY_MS, source="terminal", boot=2)
    line.say("unit_reclassified", T0 + 12 * DAY_MS, source="terminal", seq=99, **moved)
    for day in range(14):
        line.cycle(T0 + day * DAY_MS)
        line.tick(T0 + day * DAY_MS + 1)
    assert line.say("unit_reclassified", T0 + 12 * DAY_MS, source="terminal", seq=99, **moved) == "duplicate"


def test_missing_numbers_stay_counted_when_their_boot_is_forgotten(line: Line) -> None:
    line.cycle(T0, seq=1)
    line.cycle(T0, seq=4)
    for day in range(12):
        line.cycle(T0 + day * DAY_MS, boot=2)
        line.tick(T0 + day * DAY_MS + 1)
    assert line.last.stations[0].missing == 2
    assert (("device", 1) in line.fold.stations[STATION].seen) is False


def test_the_time_of_a_first_interval_is_within_the_calendar(line: Line) -> None:
    line.say("calendar_assigned", T0, valid_from_ms=0, calendar=ALWAYS, source="plant", boot=0, seq=1)
    line.say("interval_reported", T0, state="executing", from_ts_ms=T0 - HOUR_MS, source="log-1")
    line.tick(T0 + MINUTE_MS)
    assert (line.sum("apt_ms"), line.sum("overtime_ms")) == (HOUR_MS, 0)


def test_pieces_of_an_interval_without_duration_get_a_standard_that_comes_later(line: Line) -> None:
    fields = {"state": "executing", "from_ts_ms": T0, "good": 5, "product": "e31", "step": "close"}
    line.say("interval_reported", T0, source="log-1", **fields)
    line.tick(T0 + MINUTE_MS)
    standard = {"product": "e31", "step": "close", "planned_cycle_ms": 700}
    line.say("standard_time_set", T0, valid_from_ms=0, source="plant", boot=0, seq=1, **standard)
    line.tick(T0 + 2 * MINUTE_MS)
    assert (line.sum("good"), line.sum("planned_run_ms")) == (5, 3500)


def test_an_event_of_a_clock_that_was_not_set_makes_no_decades_of_unknown_time(line: Line) -> None:
    line.say("state_changed", 0, state="idle")
    line.tick(T0)
    line.say("calendar_assigned", T0, valid_from_ms=T0 + DAY_MS, calendar=ALWAYS, source="plant", boot=0, seq=1)
    line.say("state_changed", T0, state="executing")
    line.say("heartbeat", T0 + MINUTE_MS)
    line.tick(T0 + MINUTE_MS)
    assert (line.sum("pbt_ms"), line.sum("apt_ms")) == (MINUTE_MS, MINUTE_MS)


def test_a_silence_of_months_without_a_calendar_is_unknown_time(line: Line) -> None:
    line.cycle(T0)
    line.cycle(T0 + 200 * DAY_MS)
    line.tick(T0 + 200 * DAY_MS)
    assert line.sum("unknown_ms") == 200 * DAY_MS


def test_a_silent_station_with_a_calendar_is_filled_for_a_week_and_then_retired(line: Line) -> None:
    line.say("calendar_assigned", T0, valid_from_ms=0, calendar=ALWAYS, source="plant", boot=0, seq=1)
    line.tick(T0 + 30 * DAY_MS)
    assert line.sum("unknown_ms") == 7 * DAY_MS


def test_a_closed_minute_is_published_once_and_again_only_when_it_changes(line: Line) -> None:
    def published(now_ms: int) -> bool:
        return any(run.minute_ms <= T0 < run.minute_ms + run.minutes * MINUTE_MS for run in line.tick(now_ms).minutes)

    line.say("calendar_assigned", T0, valid_from_ms=0, calendar=ALWAYS, source="plant", boot=0, seq=1)
    line.cycle(T0 + 1_000)
    assert published(T0 + 2_000)
    assert published(T0 + MINUTE_MS + 10_000)
    assert line.last.closed_ms == T0 + MINUTE_MS
    assert not published(T0 + MINUTE_MS + 11_000)
    assert not published(T0 + 5 * MINUTE_MS)
    line.cycle(T0 + 3_000)
    assert published(T0 + 5 * MINUTE_MS + 1_000)


def test_time_never_runs_back(line: Line) -> None:
    line.cycle(T0)
    line.tick(T0 + HOUR_MS)
    assert line.tick(T0).now_ms == T0 + HOUR_MS


def test_only_the_declared_kind_of_source_counts_and_the_others_are_a_cross_check(line: Line) -> None:
    line.cycle(T0, source="operator")
    line.cycle(T0 + 1, source="device")
    line.tick(T0 + MINUTE_MS)
    assert (line.sum("good"), line.sum("other_source_pieces")) == (1, 1)
    line.say("counting_authority_set", T0, valid_from_ms=0, step="close", source_kind="device", source="plant")
    line.cycle(T0 + 2, source="device-2")
    line.tick(T0 + 2 * MINUTE_MS)
    assert (line.sum("good"), line.sum("other_source_pieces")) == (2, 1)


def test_a_failure_that_turns_out_to_begin_earlier_is_not_counted_twice_over_a_minutes_border(line: Line) -> None:
    line.say("calendar_assigned", T0, valid_from_ms=0, calendar=ALWAYS, source="plant", boot=0, seq=1)
    line.say("state_changed", T0 - MINUTE_MS, state="executing")
    line.say("heartbeat", T0)
    line.say("state_changed", T0 + MINUTE_MS, state="down")
    line.tick(T0 + HOUR_MS)
    assert line.sum("failures") == 1
    line.say("state_changed", T0, state="down")
    line.tick(T0 + HOUR_MS + MINUTE_MS)
    assert line.sum("failures") == 1


def test_positions_of_one_cycle_share_its_time(line: Line) -> None:
    for position in range(24):
        line.cycle(T0 + 24 - position, cycle_id="bench-7", cycle_ms=600_000, position=str(position))
    line.tick(T0 + MINUTE_MS)
    assert (line.sum("good"), line.sum("cycles"), line.sum("cycle_ms")) == (24, 1, 600_000)


def test_a_changed_order_takes_the_old_cell_back(line: Line) -> None:
    line.say("state_changed", T0, state="executing", order="po-1", product="e31")
    line.say("state_changed", T0 + MINUTE_MS, state="idle")
    line.tick(T0 + 2 * MINUTE_MS)
    line.say("state_changed", T0, state="executing", order="po-2", product="e31")
    changes = {(run.order, run.is_deleted) for run in line.tick(T0 + 2 * MINUTE_MS).minutes if run.minute_ms == T0}
    assert changes == {("po-1", True), ("po-2", False)}


def test_a_retroactive_calendar_restates_what_is_within_reach_and_marks_the_rest(line: Line) -> None:
    for day in range(10):
        line.cycle(T0 + day * DAY_MS)
        line.tick(T0 + day * DAY_MS + HOUR_MS)
    line.say("calendar_assigned", T0 + 10 * DAY_MS, valid_from_ms=T0, calendar=ALWAYS, source="plant", boot=0, seq=1)
    refolded = [day_ms for _, day_ms, _ in line.tick(T0 + 10 * DAY_MS + HOUR_MS).refolds]
    assert refolded[0] == T0 // DAY_MS * DAY_MS
    assert len(refolded) == 7
    floor_ms = line.fold.stations[STATION].floor_ms
    assert min(run.minute_ms for run in line.last.minutes) >= floor_ms


def test_the_state_is_bounded_by_the_reach_not_by_the_history(line: Line) -> None:
    def play(days: range) -> int:
        for day in days:
            for minute in range(0, 1440, 5):
                at = T0 + day * DAY_MS + minute * MINUTE_MS
                line.say("state_changed", at, state="down" if minute % 60 == 0 else "executing", order="po-1")
                line.cycle(at + 1_000, cycle_id=f"{day}-{minute}")
                line.tick(at + 2_000)
        return len(pickle.dumps(line.fold))

    line.say("station_born", T0, firmware="1", heartbeat_ms=300_000)
    after_a_week, after_two = play(range(7)), play(range(7, 14))
    assert after_two < 1.05 * after_a_week


def test_an_event_that_reaches_below_what_is_still_known_is_late(line: Line) -> None:
    for day in range(5):
        line.cycle(T0 + day * DAY_MS)
        line.tick(T0 + day * DAY_MS + HOUR_MS)
    assert line.cycle(T0, source="gateway") == "late"
    assert line.last.refolds == []
    assert line.tick(T0 + 5 * DAY_MS).refolds == [(STATION, T0 // DAY_MS * DAY_MS, 1)]
