"""What late events and corrections mark is folded again, and is then as if all had been told in time."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import chain, count
from pathlib import Path

import pytest
from folded_log import FoldedLog
from past_day import again, end_of, later, names_of, say, some_hours, tables

from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.cuts import cuts
from connectors.clickhouse.writer import Writer
from models.fold.rules import DAY_MS, HOUR_MS, MINUTE_MS, FoldConfig, minute_of
from pipelines.reprocess import work
from pipelines.reprocess.job import fold_again
from pipelines.reprocess.pending import asked_for, marks, plan, settle, settle_marks, settled_by
from sipe.contracts.events import ClockAdvanced, Event

pytestmark = [pytest.mark.stack, pytest.mark.long]

CORRECTED = {
    "zone": "America/Manaus",
    "shifts": [{"name": "A", "start": "05:00", "end": "14:00"}, {"name": "B", "start": "14:00", "end": "23:00"}],
    "breaks": [{"name": "lunch", "start": "10:30", "end": "11:15"}],
}

STATION = "manaus.final.line-1.packing"
T0_MS = 1_772_445_600_000  # 2026-03-02T10:00:00Z


@pytest.fixture(scope="module")
def day() -> list[Event]:
    return some_hours(stations=2)


def told_late(day: list[Event]) -> list[Event]:
    name, at_ms = names_of(day)[0], end_of(day)
    piece = {"order": "po-late", "product": "e31", "step": "pack", "qty": 3, "result": "good", "cycle_ms": 900}
    span = {"from_ts_ms": at_ms - 3 * HOUR_MS, "to_ts_ms": at_ms - HOUR_MS, "stop_version": 9, "by": "lead"}
    return [
        say(name, "station_born", at_ms - 2 * HOUR_MS, 2, firmware="1", heartbeat_ms=60_000),
        say(name, "state_changed", at_ms - 2 * HOUR_MS + 7_000, 3, state="down", reason="belt"),
        say(name, "cycle_completed", at_ms - 100 * MINUTE_MS, 4, **piece),
        say(name, "order_started", at_ms - 90 * MINUTE_MS, 5, order="po-late", product="e31", planned_qty=9),
        say(name, "stop_classified", at_ms + HOUR_MS, 6, reason="jam", source="api", **span),
    ]


def corrected(day: list[Event]) -> list[Event]:
    fields = {"valid_from_ms": end_of(day) - 4 * HOUR_MS, "calendar": CORRECTED, "source": "plant"}
    at_ms = end_of(later(day))
    return [say(name, "calendar_assigned", at_ms, 7, **fields) for name in names_of(day)]


def told_in_time(address: Address, day: list[Event], news: list[Event]) -> dict[str, list[dict[str, object]]]:
    """What a store knows when the news come before the day is long over."""
    with FoldedLog.opened(address) as log, closing(Warehouse(address)) as store:
        log.send([*day[:-1], *news, day[-1]])
        log.send(later(day))
        return tables(store)


def test_late_events_are_counted_as_if_they_had_come_in_time(
    migrated: Address, other: Address, store: Warehouse, day: list[Event]
) -> None:
    news = told_late(day)
    right = told_in_time(other, day, news)
    with FoldedLog.opened(migrated) as log:
        log.send(day)
        log.send(later(day))
        log.send(news)
        assert marks(store) == []
        log.tick(end_of(later(day)) + 2_000)
        assert {mark.station for mark in marks(store)} == {names_of(day)[0]}
        assert tables(store) != right
        result = settle_marks(migrated, processes=1)
        assert result.total("changed") > 0
        assert tables(store) == right
        assert marks(store) == []
        log.send(news)
        log.tick(end_of(later(day)) + 4_000)
        assert marks(store) == [], "a doubled late event is a duplicate"
        assert again(migrated, store).total("changed") == 0


KILLED_BEFORE = [
    ("CREATE TABLE", 2),
    ("ALTER TABLE minute_facts_history", 1),
    ("ALTER TABLE stops", 1),
    ("ALTER TABLE minute_facts ", 1),
    ("DROP TABLE", 4),
]
"""A run drops three tables, creates three, attaches their months, and drops them again."""


def test_a_run_killed_at_any_point_leaves_what_was_and_the_next_one_does_it(
    migrated: Address, other: Address, store: Warehouse, day: list[Event]
) -> None:
    news = told_late(day)
    right = told_in_time(other, day, news)
    with FoldedLog.opened(migrated) as log:
        log.send(day)
        log.send(later(day))
        log.send([*news, ClockAdvanced(now_ms=end_of(later(day)) + 2_000)])
    url = f"clickhouse://{migrated.user}:{migrated.password}@{migrated.host}:{migrated.port}/{migrated.database}"
    before, waiting = tables(store), marks(store)
    for statement, nth in KILLED_BEFORE:
        program = [sys.executable, str(Path(__file__).with_name("killed_run.py")), url, statement, str(nth)]
        killed = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        known = tables(store)
        assert known["minute_facts"] == (right if statement == "DROP TABLE" else before)["minute_facts"]
        assert known["stops"] in (before["stops"], right["stops"])
        assert marks(store) == waiting
    assert settle_marks(migrated, processes=1).total("changed") == 0
    assert (tables(store), marks(store)) == (right, [])
    restated = store.rows(
        "SELECT count() AS n FROM minute_facts_history WHERE minute < now() AND version > %(v)s",
        {"v": max(mark.version for mark in waiting)},
    )
    assert restated[0]["n"] > 0, "the history knows of it although the run that swapped it in was killed"


def keep_settling(address: Address, stop: threading.Event, changed: list[int]) -> None:
    while not stop.is_set():
        changed += [done.changed for done in settle_marks(address, processes=1).done if done.changed]


def test_a_run_beside_the_flow_gives_what_a_calm_one_gives(
    migrated: Address, other: Address, store: Warehouse, day: list[Event]
) -> None:
    begin_ms = end_of(later(day))
    live: list[list[Event]] = []
    for minute in range(1, 40):
        at_ms = begin_ms + minute * MINUTE_MS
        signs = [say(name, "heartbeat", at_ms, 1_000 + minute) for name in names_of(day)]
        late = told_late(day)[minute % 5 : minute % 5 + 1]
        live.append([*signs, *late, ClockAdvanced(now_ms=at_ms + 1)])
    live.append([ClockAdvanced(now_ms=begin_ms + 41 * MINUTE_MS)])
    with FoldedLog.opened(other) as log:
        log.send([*day, *later(day), *chain.from_iterable(live)])
    stop = threading.Event()
    changed: list[int] = []
    with FoldedLog.opened(migrated) as log, ThreadPoolExecutor(1) as threads:
        log.send([*day, *later(day)])
        settling = threads.submit(keep_settling, migrated, stop, changed)
        try:
            for batch in live:
                log.send(batch)
            while not changed and not settling.done():
                log.tick(begin_ms + 41 * MINUTE_MS)
        finally:
            stop.set()
        settling.result()
    assert settle_marks(other, processes=1).total("changed") > 0
    settle_marks(migrated, processes=1)
    with Warehouse(other) as calm:
        assert tables(store) == tables(calm)
    assert changed, "no run met the flow"
    assert again(migrated, store).total("changed") == 0


def test_a_corrected_calendar_restates_no_more_than_it_changes(
    migrated: Address, other: Address, store: Warehouse, day: list[Event]
) -> None:
    news = corrected(day)
    right = told_in_time(other, day, news)
    with FoldedLog.opened(migrated) as log:
        log.send(day)
        log.send(later(day))
        log.send([*news, ClockAdvanced(now_ms=end_of(later(day)) + 2_000)])
        assert tables(store) != right
        tasks = plan(store).tasks
        assert [task.corrected is not None for task in tasks] == [True, True]
        result = settle_marks(migrated, processes=1)
        everything = again(migrated, store)
        assert 0 < result.total("changed") <= result.total("compared") < everything.total("compared")
        assert (everything.total("changed"), everything.total("stops_changed")) == (0, 0)
        assert tables(store) == right
        assert marks(store) == []
        log.send(told_late(day))
        log.tick(end_of(later(day)) + 4_000)
        assert [task.corrected for task in plan(store).tasks] == [None]


def test_rows_that_take_many_inserts_are_all_there(
    migrated: Address, other: Address, store: Warehouse, day: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = count()
    write = Writer.write
    monkeypatch.setattr(work, "ROWS_PER_INSERT", 7)
    monkeypatch.setattr(Writer, "write", lambda *given: next(writes) >= 0 and write(*given))
    news = corrected(day)
    right = told_in_time(other, day, news)
    with FoldedLog.opened(migrated) as log:
        log.send([*day, *later(day)])
        log.send([*news, ClockAdvanced(now_ms=end_of(later(day)) + 2_000)])
        before = next(writes)
        settle_marks(migrated, processes=1)
    assert next(writes) > before + 5
    assert (tables(store), marks(store)) == (right, [])


def test_a_calendar_corrected_and_taken_back_is_as_it_was(migrated: Address, other: Address, store: Warehouse) -> None:
    def calendar(at_ms: int, seq: int, start: str) -> Event:
        told = {"zone": "UTC", "shifts": [{"name": "A", "start": start, "end": "00:00"}]}
        return say(STATION, "calendar_assigned", at_ms, seq, source="plant", valid_from_ms=T0_MS, calendar=told)

    soon_ms, later_ms = T0_MS + 77 * HOUR_MS, T0_MS + 87 * HOUR_MS
    day = [calendar(T0_MS, 1, "00:00"), say(STATION, "heartbeat", T0_MS, 1)]
    first = [say(STATION, "heartbeat", soon_ms, 2), calendar(soon_ms, 2, "18:00")]
    back = [say(STATION, "heartbeat", later_ms, 3), calendar(later_ms, 3, "00:00")]
    with FoldedLog.opened(other) as log, Warehouse(other) as calm:
        log.send([*day, *first, *back, ClockAdvanced(now_ms=later_ms + 1)])
        right = tables(calm)
    with FoldedLog.opened(migrated) as log:
        log.send([*day, ClockAdvanced(now_ms=T0_MS), first[0], ClockAdvanced(now_ms=soon_ms)])
        log.send([first[1], ClockAdvanced(now_ms=soon_ms + 1), back[0], ClockAdvanced(now_ms=later_ms)])
        log.send([back[1], ClockAdvanced(now_ms=later_ms + 1)])
        assert tables(store) != right, "what was restated with the first is old by now"
        assert [len(task.corrected.befores) for task in plan(store).tasks if task.corrected] == [2]
        settle_marks(migrated, processes=1)
        assert tables(store)["minute_facts"] == right["minute_facts"]
        assert again(migrated, store).total("changed") == 0


def test_what_was_folded_in_part_is_folded_whole_when_a_calendar_comes(
    migrated: Address, other: Address, store: Warehouse, day: list[Event]
) -> None:
    days_later = say(names_of(day)[0], "heartbeat", end_of(day) + 3 * DAY_MS, 1_000)
    late, news = [*told_late(day), days_later], corrected(day)
    right = told_in_time(other, day, [*late, *news])
    with FoldedLog.opened(migrated) as log:
        log.send(day)
        log.send(later(day))
        log.send([*late, ClockAdvanced(now_ms=end_of(later(day)) + 2_000)])
        from_ms = minute_of(end_of(day)) + DAY_MS
        found, waiting = cuts(store, FoldConfig()), marks(store)
        assert min(mark.day_ms for mark in waiting) < from_ms < max(mark.day_ms for mark in waiting)
        result = fold_again(migrated, asked_for(found.values(), from_ms, 1 << 41), processes=1)
        settle(migrated, settled_by(result.done, waiting), result.done)
        assert marks(store) == waiting
        log.send([*news, ClockAdvanced(now_ms=end_of(later(day)) + 4_000)])
        settle_marks(migrated, processes=1)
        assert (tables(store), marks(store)) == (right, [])


def test_a_station_whose_clock_was_once_not_set_is_folded_again(migrated: Address, store: Warehouse) -> None:
    piece = {"order": "po-late", "product": "e31", "step": "pack", "qty": 3, "result": "good", "cycle_ms": 900}
    with FoldedLog.opened(migrated) as log:
        log.send([say(STATION, "heartbeat", 5, 1), say(STATION, "heartbeat", T0_MS, 2), ClockAdvanced(now_ms=T0_MS)])
        log.send([say(STATION, "cycle_completed", T0_MS - 5 * DAY_MS, 3, **piece), ClockAdvanced(now_ms=T0_MS + 1)])
        settle_marks(migrated, processes=1)
        assert store.tuples("SELECT sum(good) FROM minute_facts_current") == [(3,)]
        assert not any(mark.is_new for mark in marks(store))


def test_a_day_whose_events_retention_has_taken_stays_as_it_is_and_says_so(
    migrated: Address, store: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    piece = {"order": "po-late", "product": "e31", "step": "pack", "qty": 3, "result": "good", "cycle_ms": 900}
    long_ago_ms = T0_MS - 30 * DAY_MS
    with FoldedLog.opened(migrated) as log:
        log.send([say(STATION, "heartbeat", long_ago_ms, 1), ClockAdvanced(now_ms=long_ago_ms)])
        log.send([say(STATION, "heartbeat", T0_MS, 2), ClockAdvanced(now_ms=T0_MS)])
        store.run("ALTER TABLE events UPDATE raw = '' WHERE seq = 1 SETTINGS mutations_sync = 2")
        before = tables(store)
        log.send([say(STATION, "cycle_completed", long_ago_ms + HOUR_MS, 3, **piece), ClockAdvanced(now_ms=T0_MS + 1)])
        [mark] = marks(store)
        assert plan(store).too_late == [mark]
        settle_marks(migrated, processes=1)
    assert f"too_late: {mark} is past the archive's retention and stays as it is" in caplog.text
    assert tables(store)["minute_facts"] == before["minute_facts"]
    assert not any(mark.is_new for mark in marks(store))
