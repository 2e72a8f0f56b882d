from __future__ import annotations

from random import Random
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.testing import TestingSource, cluster_main

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.sink import ClickHouseSink, Publication
from connectors.clickhouse.writer import Retry
from sipe.contracts.tables import EVENTS, FLOW_PROGRESS, MINUTE_FACTS, MINUTE_FACTS_HISTORY, TABLES, Table
from sipe.errors import SipeError

pytestmark = pytest.mark.stack

Row = dict[str, Any]


def row(table: Table, **values: Any) -> Row:
    blank = {column.name: "" if "String" in column.type else 0 for column in table.columns}
    return {**blank, **values}


def publications() -> list[Publication]:
    """What a fold would publish at sixty ticks: minutes that are open, closed, restated and deleted, and progress."""
    random = Random(1)
    published: list[Publication] = []
    for tick in range(60):
        events = [row(EVENTS, station="a.b.c.d", ts=1_000 * tick + n, offset=4 * tick + n) for n in range(3)]
        keys = [{"station": "a.b.c.d", "minute": 60 * minute, "version": tick} for minute in range(tick // 10 + 1)]
        touched = random.sample(keys, random.randint(0, len(keys)))
        facts = [row(MINUTE_FACTS, **key, apt_ms=tick, is_deleted=tick % 3 == 0) for key in touched]
        history = [row(MINUTE_FACTS_HISTORY, **key, apt_ms=tick, published_ms=tick) for key in touched]
        published.append(
            (
                Block.of_rows(FLOW_PROGRESS, [row(FLOW_PROGRESS, offset=4 * tick + 3, version=tick)]),
                Block.of_rows(MINUTE_FACTS, facts),
                Block.of_rows(MINUTE_FACTS_HISTORY, history),
                Block.of_rows(EVENTS, events),
            )
        )
    return published


def play(address: Address, items: list[Publication], batch_size: int, workers: int) -> None:
    flow = Dataflow("play")
    stream = op.input("publications", flow, TestingSource(items, batch_size))
    op.output("store", stream, ClickHouseSink(address, Retry(give_up_after_s=0)))
    cluster_main(flow, [], 0, worker_count_per_proc=workers)  # type: ignore[no-untyped-call]


def stored(warehouse: Warehouse) -> dict[str, list[Row]]:
    return {
        table.name: warehouse.rows(f"SELECT * FROM {table.name} FINAL ORDER BY ALL")  # noqa: S608 - ours
        for table in TABLES
    }


def test_rows_do_not_depend_on_batches_workers_or_repetition(migrated: Address, warehouse: Warehouse) -> None:
    items = publications()
    play(migrated, items, batch_size=7, workers=1)
    once = stored(warehouse)
    assert len(once["events"]) == 180
    assert once["flow_progress"][0]["offset"] == 239
    assert 0 < len(once["minute_facts"]) < 6 < len(once["minute_facts_history"])
    for batch_size, workers, again in ((1, 1, items[25:45]), (60, 2, items), (13, 2, items[:50])):
        play(migrated, again, batch_size, workers)
        assert stored(warehouse) == once


def test_a_flow_stops_on_what_cannot_be_written(migrated: Address, warehouse: Warehouse) -> None:
    warehouse.run("ALTER TABLE events DROP COLUMN raw")
    with pytest.raises(BytewaxRuntimeError) as stopped:
        play(migrated, publications(), batch_size=10, workers=1)
    assert isinstance(stopped.value.__cause__, SipeError)
    assert str(stopped.value.__cause__).startswith(f"cannot write table events: ClickHouse at {migrated}")
    assert stored(warehouse)["flow_progress"] == []
