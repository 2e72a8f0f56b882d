"""Data health as the store tells it: latency from the first time a publication was stored, sums, and coverage."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.health_sql import LIVE_MS, health_select
from connectors.clickhouse.writer import Writer
from sipe.clock import SystemClock
from sipe.contracts import tables
from sipe.contracts.tables import MEASURES, Table

pytestmark = pytest.mark.stack

MINUTE_MS = 60_000
T0 = SystemClock().now_ms() // MINUTE_MS * MINUTE_MS  # of now: the store forgets when publications of long ago came
STATION = "manaus.final.line-1.packing"


def rows(table: Table, *given: dict[str, Any]) -> Block:
    empty = {c.name: "" if "String" in c.type else 0 for c in table.columns}
    return Block.of_rows(table, [empty | row for row in given])


def event(offset: int, ts_ms: int, record_ms: int | None = None, **more: Any) -> dict[str, Any]:
    told = {"station": STATION, "ts": ts_ms, "record_ts": record_ms or ts_ms, "epoch": 1, "partition": 1}
    return told | {"offset": offset, "outcome": "accepted"} | more


def store_publication(store: Warehouse, offset: int, now_ms: int, stored_ms: int) -> None:
    store.run(
        "INSERT INTO publications SELECT 1, 1, %(offset)s, %(now_ms)s, fromUnixTimestamp64Milli(toInt64(%(at)s))",
        {"offset": offset, "now_ms": now_ms, "at": stored_ms},
    )


def latencies(store: Warehouse) -> dict[int, int]:
    return {row["offset"]: row["latency_ms"] for row in store.rows("SELECT * FROM event_latency")}


def only(found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    [row] = found
    return row


def test_the_store_adds_when_a_publication_was_stored_and_a_repeat_changes_nothing(
    writer: Writer, warehouse: Warehouse
) -> None:
    block = rows(tables.PUBLICATIONS, {"partition": 1, "epoch": 1, "offset": 9, "now_ms": T0})
    writer.write([block])
    query = "SELECT toUnixTimestamp64Milli(stored_at) AS at, toUnixTimestamp64Milli(now64(3)) AS now FROM publications"
    first = only(warehouse.rows(query + " FINAL"))
    assert 0 <= first["now"] - first["at"] < 60_000
    writer.write([block])
    assert only(warehouse.rows(query + " FINAL"))["at"] == first["at"]
    warehouse.run("OPTIMIZE TABLE publications FINAL")
    assert only(warehouse.rows(query))["at"] == first["at"]


def test_an_event_is_visible_with_the_first_publication_behind_it(writer: Writer, warehouse: Warehouse) -> None:
    told = [event(offset, T0 + offset) for offset in (1, 2, 3, 4)]
    other = [event(1, T0, partition=2), event(1, T0, epoch=2), event(5, T0), event(3, T0 - 1, outcome="late")]
    writer.write([rows(tables.EVENTS, *told, *other)])
    store_publication(warehouse, 2, T0, T0 + 500)
    store_publication(warehouse, 4, T0 + MINUTE_MS, T0 + 1_500)
    store_publication(warehouse, 2, T0, T0 + 90_000)  # again, after a crash
    assert latencies(warehouse) == {1: 499, 2: 498, 3: 1_497, 4: 1_496}, "5 and the other logs are not published yet"
    by_minute = warehouse.rows("SELECT * FROM latency_by_minute ORDER BY minute")
    assert [row["minute"] for row in by_minute] == [
        datetime.fromtimestamp(ms / 1000, UTC) for ms in (T0, T0 + MINUTE_MS)
    ]
    assert [row["latency_max_ms"] for row in by_minute] == [499, 1_497]
    assert [row["events"] for row in by_minute] == [2, 2]


def test_of_a_replayed_event_only_the_age_of_its_record_says_something(writer: Writer, warehouse: Warehouse) -> None:
    stored_ms = T0 + 400 * 86_400_000
    told = [event(1, T0, stored_ms - 700), event(2, stored_ms - LIVE_MS, stored_ms - 300)]
    writer.write([rows(tables.EVENTS, told[0])])
    store_publication(warehouse, 1, T0, stored_ms)
    row = only(warehouse.rows("SELECT * FROM latency_by_minute"))
    assert (row["events"], row["live_events"], row["latency_p50_ms"]) == (1, 0, None)
    assert row["record_latency_p50_ms"] == 700
    writer.write([rows(tables.EVENTS, told[1])])
    store_publication(warehouse, 2, T0, stored_ms)
    row = only(warehouse.rows("SELECT * FROM latency_by_minute"))
    assert (row["events"], row["live_events"], row["latency_max_ms"]) == (2, 1, LIVE_MS)


def test_quantiles_are_exact(writer: Writer, warehouse: Warehouse) -> None:
    writer.write([rows(tables.EVENTS, *(event(i, T0 - i) for i in range(1, 1_001)))])
    store_publication(warehouse, 2_000, T0, T0)
    row = only(warehouse.rows("SELECT * FROM latency_by_minute"))
    assert [row[f"latency_{name}_ms"] for name in ("p50", "p95", "p99", "max")] == [501, 951, 991, 1_000]


def test_health_by_minute_and_by_station(writer: Writer, warehouse: Warehouse) -> None:
    minute_s = T0 // 1000
    common = {"station": STATION, "partition": 1, "version": 1}
    quiet = {"station": STATION, "minute": minute_s + 120, "pbt_ms": 60_000, "unknown_ms": 45_000}
    writer.write(
        [
            rows(
                tables.STATION_HEALTH,
                common | {"minute": minute_s, "received": 99, "accepted": 99},
                common
                | {"minute": minute_s, "version": 2, "received": 5, "accepted": 2, "duplicates": 1, "rejected": 2}
                | {"missing": 4, "skew_min_ms": 10, "skew_max_ms": 40, "skew_sum_ms": 90},
                common | {"minute": minute_s + 60, "received": 1, "late": 1, "missing": -4}
                | {"skew_min_ms": -7, "skew_max_ms": -7, "skew_sum_ms": -7},
                {"station": "", "minute": minute_s, "partition": 1, "received": 3, "rejected": 3},
                {"station": "", "minute": minute_s, "partition": 2, "received": 4, "rejected": 4},
            ),
            rows(tables.MINUTE_FACTS, quiet),
        ]
    )  # fmt: skip
    found = warehouse.rows("SELECT * FROM data_health ORDER BY station, minute")
    assert [(row["station"], row["received"], row["rejected"]) for row in found] == [
        ("", 7, 7), (STATION, 5, 2), (STATION, 1, 0), (STATION, 0, 0),
    ]  # fmt: skip
    assert [row["missing"] for row in found] == [0, 4, -4, 0]
    assert [row["skew_mean_ms"] for row in found] == [None, 30, -7, None]
    assert [row["coverage"] for row in found] == [None, None, None, 0.25]
    assert found[0]["latency_p50_ms"] is None
    condition = "station = %(station)s AND minute < toDateTime(%(until)s, 'UTC')"
    query = health_select(("station",), condition)
    row = only(warehouse.rows(query, {"station": STATION, "until": minute_s + 120}))
    assert {name: row[name] for name in ("received", "accepted", "duplicates", "late", "missing", "rejected")} == {
        "received": 6, "accepted": 2, "duplicates": 1, "late": 1, "missing": 0, "rejected": 2,
    }  # fmt: skip
    assert (row["skew_min_ms"], row["skew_max_ms"], row["coverage"]) == (-7, 40, None)


def test_a_row_has_every_measure_of_a_minute(untouched: Warehouse) -> None:
    assert {"pbt_ms", "unknown_ms"} <= {measure.name for measure in MEASURES}
    assert untouched.rows("SELECT * FROM data_health") == []
