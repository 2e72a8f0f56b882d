"""What is stored against the ground truth of a simulated day, row by row and column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.clickhouse.client import Warehouse
from models.twin import Day, FactRow, StopRow

_FACTS = f"""
SELECT toUnixTimestamp(minute) * 1000 AS minute_ms, {", ".join(f"`{c}`" for c in FactRow._fields if c != "minute_ms")}
FROM minute_facts_current WHERE station IN %(stations)s
"""  # noqa: S608  # our own names
_STOPS = f"""
SELECT toUnixTimestamp64Milli(from_ts) AS from_ms, toUnixTimestamp64Milli(to_ts) AS to_ms,
    {", ".join(f"`{c}`" for c in StopRow._fields if c not in {"from_ms", "to_ms"})}
FROM stops_current WHERE station IN %(stations)s
"""  # noqa: S608  # our own names
_FACT_KEY = 5
_STOP_KEY = 2

Rows = Mapping[tuple[Any, ...], tuple[Any, ...]]


def differences(store: Warehouse, day: Day) -> list[str]:
    """One line for each row that is missing, too many or not as the truth says; rows of zeros say nothing."""
    scope = {"stations": tuple(station.id for station in day.plant.stations)}
    facts = [FactRow(**row) for row in store.rows(_FACTS, scope)]
    stops = [StopRow(**row) for row in store.rows(_STOPS, scope)]
    return [
        *_compare("minute_facts", _keyed(day.truth.facts, _FACT_KEY), _keyed(facts, _FACT_KEY), FactRow._fields),
        *_compare("stops", _keyed(day.truth.stops, _STOP_KEY), _keyed(stops, _STOP_KEY), StopRow._fields),
    ]


def _keyed(rows: Any, key: int) -> Rows:
    return {tuple(row[:key]): tuple(row) for row in rows if any(row[key:])}


def _compare(table: str, true: Rows, stored: Rows, columns: tuple[str, ...]) -> list[str]:
    lines = [f"{table}: {key} is missing" for key in true.keys() - stored.keys()]
    lines += [f"{table}: {key} should not be there" for key in stored.keys() - true.keys()]
    for key in true.keys() & stored.keys():
        wrong = [
            f"{column} is {is_} instead of {should}"
            for column, should, is_ in zip(columns, true[key], stored[key], strict=True)
            if should != is_
        ]
        if wrong:
            lines.append(f"{table}: {key}: {', '.join(wrong)}")
    return sorted(lines)
