"""A span folded again from the archive: the same rows where nothing changed, the right ones where something did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from folded_log import FoldedLog
from past_day import again, end_of, later, names_of, some_hours, tables

from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.cuts import cuts
from connectors.clickhouse.staging import SUFFIX
from models.fold.rules import DAY_MS, FoldConfig
from sipe.contracts.events import Event

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def day() -> list[Event]:
    return some_hours(stations=3)


@pytest.fixture
def folded(migrated: Address, day: list[Event]) -> Iterator[FoldedLog]:
    """The day, folded and long over."""
    with FoldedLog.opened(migrated) as log:
        log.send(day)
        log.send(later(day))
        yield log


@pytest.mark.usefixtures("folded")
def test_where_nothing_changed_nothing_is_written(migrated: Address, store: Warehouse, day: list[Event]) -> None:
    result = again(migrated, store, end_of(day) - DAY_MS, end_of(day) + 8 * DAY_MS)
    assert result.total("events") > 1_000
    assert result.total("compared") > 500
    assert (result.total("changed"), result.total("stops_changed")) == (0, 0)
    staged = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE %(name)s"
    assert store.rows(staged, {"name": f"%{SUFFIX}"}) == []


@pytest.mark.usefixtures("folded")
def test_rows_that_a_bug_made_are_put_right_and_the_history_shows_it(
    migrated: Address, store: Warehouse, day: list[Event]
) -> None:
    right = tables(store)
    version = store.rows("SELECT max(version) AS version FROM minute_facts")[0]["version"]
    falsified = f"SELECT * REPLACE (adet_ms + 1 AS adet_ms, {version} AS version) FROM minute_facts FINAL"  # noqa: S608  ours
    store.run(f"INSERT INTO minute_facts {falsified} WHERE toMinute(minute) < 7")
    store.run("INSERT INTO minute_facts SELECT * REPLACE ('X' AS shift) FROM minute_facts FINAL LIMIT 9")
    for lie in ("'off' AS state", "1 AS is_deleted"):
        restated = f"SELECT * REPLACE ({lie}, version + 1 AS version) FROM stops FINAL"  # noqa: S608  ours
        store.run(f"INSERT INTO stops {restated} ORDER BY cityHash64(from_ts, %(lie)s) LIMIT 5", {"lie": lie})
    wrong = tables(store)
    assert wrong["minute_facts"] != right["minute_facts"]
    assert wrong["stops"] != right["stops"]
    span = end_of(day) - DAY_MS, end_of(day) + 9 * DAY_MS
    told = again(migrated, store, *span, dry_run=True)
    assert tables(store) == wrong
    result = again(migrated, store, *span, processes=2)
    assert tables(store) == right
    assert result.total("changed") == told.total("changed") > 0
    assert result.total("stops_changed") == told.total("stops_changed") > 0
    corrected = store.rows("SELECT count() AS rows FROM minute_facts_history WHERE version > %(v)s", {"v": version})
    assert corrected == [{"rows": result.total("changed")}]
    twice = again(migrated, store, *span)
    assert (twice.total("changed"), twice.total("stops_changed")) == (0, 0)


def test_what_the_flow_still_restates_is_left_to_it(migrated: Address, store: Warehouse, day: list[Event]) -> None:
    with FoldedLog.opened(migrated) as log:
        log.send(day)
        store.run("INSERT INTO minute_facts SELECT * REPLACE (999 AS good) FROM minute_facts FINAL")
        wrong = tables(store)
        assert again(migrated, store).done == []
        log.send(later(day)[1:])
        floors = {name: cut.floor_ms for name, cut in cuts(store, FoldConfig()).items()}
        result = again(migrated, store)
        assert sorted(done.task.cut.station for done in result.done) == names_of(day)[1:]
        assert all(done.task.to_ms == floors[done.task.cut.station] for done in result.done)
        untouched = [row for row in wrong["minute_facts"] if row["station"] == names_of(day)[0]]
        assert [row for row in tables(store)["minute_facts"] if row["station"] == names_of(day)[0]] == untouched
