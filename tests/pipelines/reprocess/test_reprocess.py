"""A span folded again from the archive: the same rows where nothing changed, the right ones where something did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from folded_log import FoldedLog

from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.cuts import cuts
from connectors.clickhouse.staging import SUFFIX
from connectors.files.plant import read_plant
from models.fold.rules import DAY_MS, MINUTE_MS, FoldConfig
from models.twin.day import simulate
from pipelines.reprocess.job import Result, fold_again
from pipelines.reprocess.pending import asked_for
from sipe.contracts.codec import build
from sipe.contracts.events import ClockAdvanced, Event, StationEvent
from sipe.contracts.script import Tick

pytestmark = pytest.mark.stack

PLANT = Path(__file__).resolve().parents[3] / "examples" / "plant.toml"
STATIONS = 3
LATER_MS = 11 * DAY_MS
"""So long after the day all of it lies before every floor, also that of stations with a source that speaks seldom."""


@pytest.fixture(scope="module")
def day() -> list[Event]:
    """Some hours of some stations of a factory, with its ticks."""
    script = [
        ClockAdvanced(now_ms=item.now_ms) if isinstance(item, Tick) else item.event
        for item in simulate(read_plant(PLANT), seed=5, hours=5, scale=0.05).script(20 * MINUTE_MS)
    ]
    names = sorted({event.station for event in script if isinstance(event, StationEvent)})[:STATIONS]
    return [event for event in script if isinstance(event, ClockAdvanced) or event.station in names]


def end_of(day: list[Event]) -> int:
    return max(event.ts_ms for event in day if isinstance(event, StationEvent))


def names_of(day: list[Event]) -> list[str]:
    return sorted({event.station for event in day if isinstance(event, StationEvent)})


def later(day: list[Event]) -> list[Event]:
    """A sign of life of every station when the day is long over."""
    at_ms = end_of(day) + LATER_MS
    signs = [
        build({"type": "heartbeat", "station": name, "boot": 99, "seq": 1, "ts_ms": at_ms}) for name in names_of(day)
    ]
    return [*signs, ClockAdvanced(now_ms=at_ms + 1)]


def tables(store: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """What is known now, whenever it became known."""
    return {
        "minute_facts": store.rows("SELECT * EXCEPT (closed, version) FROM minute_facts_current ORDER BY ALL"),
        "stops": store.rows("SELECT * EXCEPT version FROM stops_current ORDER BY ALL"),
    }


def again(address: Address, store: Warehouse, from_ms: int = 0, to_ms: int = 1 << 41, **options: Any) -> Result:
    found = cuts(store, FoldConfig())
    return fold_again(address, asked_for(found.values(), from_ms, to_ms), **({"processes": 1} | options))


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
    falsified = f"SELECT * REPLACE (adet_ms + 1 AS adet_ms, {version} AS version) FROM minute_facts FINAL"  # noqa: S608
    store.run(f"INSERT INTO minute_facts {falsified} WHERE toMinute(minute) < 7")
    store.run("INSERT INTO minute_facts SELECT * REPLACE ('X' AS shift) FROM minute_facts FINAL LIMIT 9")
    for lie in ("'off' AS state", "1 AS is_deleted"):
        restated = f"SELECT * REPLACE ({lie}, version + 1 AS version) FROM stops FINAL"  # noqa: S608
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
