"""Retention counts from when something was stored: a replayed log of years ago stays, and knowledge is never lost."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from connectors.clickhouse import retention
from connectors.clickhouse.archive import restore
from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.cuts import cuts
from connectors.clickhouse.writer import Writer
from connectors.kafka.records import Record
from models.fold.rules import FoldConfig
from pipelines.decode import DecodedBatch
from pipelines.fold import FoldLogic
from sipe.clock import SystemClock
from sipe.contracts import tables
from sipe.contracts.codec import build, encode
from sipe.contracts.events import ClockAdvanced, Event
from sipe.errors import UsageError
from sipe.settings import Settings, load

pytestmark = pytest.mark.stack

DAY_MS = 86_400_000
NOW_MS = SystemClock().now_ms()
LONG_AGO_MS = 1_330_000_000_000  # 2012
STATION = "manaus.final.line-1.packing"
ALWAYS = {"zone": "UTC", "shifts": [{"name": "A", "start": "00:00", "end": "00:00"}]}


def story(ts_ms: int) -> list[Event]:
    """One of each kind, with a gap and a double; the last is a tick."""
    told: list[dict[str, Any]] = [
        {"type": "calendar_assigned", "source": "plant", "seq": 1, "valid_from_ms": 0, "calendar": ALWAYS},
        {"type": "station_born", "seq": 1, "firmware": "1", "heartbeat_ms": 60_000},
        {"type": "state_changed", "seq": 2, "state": "executing", "order": "po-1", "product": "e31"},
        *({"type": "heartbeat", "seq": seq} for seq in (3, 4, 9, 9)),
        {"type": "cycle_completed", "seq": 10, "order": "po-1", "product": "e31", "step": "pack", "qty": 3}
        | {"result": "good", "cycle_ms": 900},
    ]
    common = {"station": STATION, "boot": 1, "ts_ms": ts_ms}
    return [*(build(common | fields) for fields in told), ClockAdvanced(now_ms=ts_ms + 120_000)]


def write(writer: Writer, address: Address, events: list[Event], *, record_ms: int, epoch: int = 1) -> None:
    logic = FoldLogic(None, partial(restore, address, FoldConfig()))
    records = [(Record(i, record_ms, None, encode(event)), event) for i, event in enumerate(events)]
    publications, _ = logic.on_batch([DecodedBatch(epoch, 0, [*records])])
    for publication in publications:
        writer.write(publication)


def merge(store: Warehouse) -> None:
    """Let every table drop what is too old."""
    for kept in retention.rules(Settings()):
        store.run(f"OPTIMIZE TABLE {kept.table} FINAL")


def count(store: Warehouse, table: str, where: str = "1") -> int:
    return int(store.rows(f"SELECT count() AS n FROM {table} WHERE {where}")[0]["n"])  # noqa: S608  ours


def test_it_is_applied_once_and_again_only_when_it_differs(migrated: Address) -> None:
    settings = Settings()
    assert retention.apply(migrated, settings) == retention.rules(settings)
    assert all(kept.applied for kept in retention.plan(migrated, settings))
    assert retention.apply(migrated, settings) == ()
    longer = replace(settings, facts_retention_days=800, events_retention_days=91)
    changed = retention.apply(migrated, longer)
    assert [rule.table for rule in changed] == ["events", "minute_facts", "minute_facts_history", "stops"]
    assert retention.apply(migrated, longer) == ()


@pytest.mark.parametrize("name", ["events_retention_days", "facts_retention_days"])
def test_what_state_is_rebuilt_from_cannot_be_kept_for_too_short(name: str) -> None:
    needed = retention.days_needed(FoldConfig())
    retention.rules(load({f"SIPE_{name.upper()}": str(needed)}))
    with pytest.raises(UsageError, match=rf"SIPE_{name.upper()}={needed - 1}: at least {needed} days are needed"):
        retention.rules(load({f"SIPE_{name.upper()}": str(needed - 1)}))


def test_a_replayed_log_of_years_ago_stays(migrated: Address, warehouse: Warehouse, writer: Writer) -> None:
    retention.apply(migrated, Settings())
    write(writer, migrated, story(LONG_AGO_MS), record_ms=NOW_MS)
    before = {table.name: count(warehouse, table.name) for table in tables.TABLES}
    assert before["minute_facts"] > 0
    assert before["station_health"] > 0
    merge(warehouse)
    assert count(warehouse, "events", "raw != ''") == before["events"] == 8
    for name in ("minute_facts", "minute_facts_history", "station_health"):
        assert count(warehouse, f"{name} FINAL") > 0, name


def test_of_old_events_the_bytes_go_and_what_was_learned_from_them_stays(
    migrated: Address, warehouse: Warehouse, writer: Writer
) -> None:
    old_ms = NOW_MS - 100 * DAY_MS
    write(writer, migrated, story(old_ms), record_ms=old_ms)
    before = restore(migrated, FoldConfig(), 2, 0, 0).fold.stations[STATION]
    stored = warehouse.rows("SELECT * FROM stations_current")
    assert cuts(warehouse, FoldConfig())[STATION].begin_ms < old_ms
    retention.apply(migrated, Settings())
    merge(warehouse)
    types = warehouse.rows("SELECT DISTINCT type FROM events WHERE raw = '' ORDER BY type")
    assert [row["type"] for row in types] == ["cycle_completed", "heartbeat"], "else nothing was dropped"
    assert count(warehouse, "events") == 8
    cut = cuts(warehouse, FoldConfig())[STATION]
    assert cut.begin_ms > old_ms, "what has lost its bytes is not folded again"
    after = restore(migrated, FoldConfig(), 2, 0, 0).fold.stations[STATION]
    assert after.calendars == before.calendars
    assert after.marks == before.marks
    assert {key: seqs.missing for key, seqs in after.seen.items()} == {("device", 1): 4, ("plant", 1): 0}
    assert (after.accepted, after.duplicates, after.late) == (before.accepted, before.duplicates, before.late)
    write(writer, migrated, story(old_ms), record_ms=NOW_MS, epoch=2)
    [row] = warehouse.rows("SELECT * FROM stations_current")
    assert (row["accepted"], row["missing"]) == (stored[0]["accepted"], stored[0]["missing"])
    assert row["duplicates"] == stored[0]["duplicates"] + 8, "every one of them is known again"


def test_old_rejects_and_rows_of_old_facts_go(migrated: Address, warehouse: Warehouse, writer: Writer) -> None:
    common = {"epoch": 1, "partition": 0, "reason": "schema", "detail": "", "key": "", "raw": "x", "attempt": 1}
    ages = [(0, NOW_MS), (1, NOW_MS - 91 * DAY_MS)]
    rows = [common | {"offset": offset, "record_ts": record_ms} for offset, record_ms in ages]
    writer.write([Block.of_rows(tables.REJECTS, rows)])
    write(writer, migrated, story(NOW_MS - DAY_MS), record_ms=NOW_MS)
    retention.apply(migrated, Settings())
    merge(warehouse)
    assert [row["offset"] for row in warehouse.rows("SELECT offset FROM rejects")] == [0]
    assert count(warehouse, "minute_facts") > 0
    warehouse.run("ALTER TABLE minute_facts MODIFY TTL stored_at + toIntervalSecond(0)")
    merge(warehouse)
    assert count(warehouse, "minute_facts") == 0, "the rule bites once its time has come"
