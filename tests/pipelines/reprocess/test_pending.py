"""What late events and corrections mark is folded again, and is then as if all had been told in time."""

from __future__ import annotations

from contextlib import closing

import pytest
from folded_log import FoldedLog
from past_day import again, end_of, later, names_of, say, some_hours, tables

from connectors.clickhouse.client import Address, Warehouse
from models.fold.rules import HOUR_MS, MINUTE_MS
from pipelines.reprocess.pending import marks, plan, settle_marks
from sipe.contracts.events import ClockAdvanced, Event

pytestmark = pytest.mark.stack

CORRECTED = {
    "zone": "America/Manaus",
    "shifts": [{"name": "A", "start": "05:00", "end": "14:00"}, {"name": "B", "start": "14:00", "end": "23:00"}],
    "breaks": [{"name": "lunch", "start": "10:30", "end": "11:15"}],
}


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
    at_ms = later(day)[0].ts_ms  # type: ignore[union-attr]
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
        tasks = plan(store, marks(store)).tasks
        assert [len(task.corrected) for task in tasks] == [1, 1]
        result = settle_marks(migrated, processes=1)
        everything = again(migrated, store)
        assert 0 < result.total("changed") <= result.total("compared") < everything.total("compared")
        assert (everything.total("changed"), everything.total("stops_changed")) == (0, 0)
        assert tables(store) == right
        assert marks(store) == []
        log.send(told_late(day))
        log.tick(end_of(later(day)) + 4_000)
        assert [task.corrected for task in plan(store, marks(store)).tasks] == [()]
