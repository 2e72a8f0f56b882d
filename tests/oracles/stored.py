"""What a store holds, in the form of the twin's ground truth."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.clickhouse.client import Warehouse
from models.twin.day import Day


def assert_store_is(store: Warehouse, day: Day) -> None:
    """The stored facts and stops are those of the day's truth: no row more, none less, every column equal."""
    facts = store.rows("SELECT * EXCEPT (closed, version, is_deleted) FROM minute_facts FINAL ORDER BY ALL")
    stops = store.rows("SELECT * EXCEPT (version, is_deleted) FROM stops FINAL ORDER BY ALL")
    assert sorted(map(_plain, facts)) == sorted(tuple(row) for row in day.truth.facts)
    assert sorted(map(_plain, stops)) == sorted(tuple(row) for row in day.truth.stops)


def _plain(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(round(v.timestamp() * 1000) if isinstance(v, datetime) else v for v in row.values())
