"""Standard times from a CSV, as `standard_time_set` events for the stations of an interval log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from connectors.files.csv_table import read_csv
from connectors.files.interval_log import BOOT, source_of
from connectors.files.mapping import LogMapping
from sipe.contracts.codec import build
from sipe.contracts.events import IntervalReported, StandardTimeSet

CYCLE_COLUMN = "planned_cycle_ms"
CYCLE_MS_MAX = 366 * 86_400_000

_WHOLE_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, kw_only=True)
class StandardTimes:
    """Planned run time per item, milliseconds, by (product, step)."""

    source: str
    planned_cycle_ms: Mapping[tuple[str, str], int]


def read_standards(mapping: LogMapping) -> StandardTimes | None:
    """The standard times that the mapping names, or None when it names none; raises `UsageError`."""
    product_column, step_column = mapping.columns.product, mapping.columns.step
    if mapping.standards is None or product_column is None or step_column is None:  # the last two go with the first
        return None
    table = read_csv(mapping.standards.file)
    wanted = (("[columns] product", product_column), ("[columns] step", step_column), ("[standards]", CYCLE_COLUMN))
    table.require(wanted)
    times: dict[tuple[str, str], int] = {}
    for row in table.rows:
        pair = row.cells[product_column], row.cells[step_column]
        cycle = row.cells[CYCLE_COLUMN]
        if pair in times:
            raise table.error(row, step_column, f"has a standard time for {pair[0]!r} already, further up")
        if not _WHOLE_NUMBER.fullmatch(cycle) or not 0 < int(cycle) <= CYCLE_MS_MAX:
            raise table.error(row, CYCLE_COLUMN, f"is not a whole number of milliseconds from 1 to {CYCLE_MS_MAX}")
        times[pair] = int(cycle)
    return StandardTimes(source=source_of("standards", table.sha256), planned_cycle_ms=times)


def standard_events(standards: StandardTimes, events: Iterable[IntervalReported]) -> list[StandardTimeSet]:
    """One event for each station and each of its (product, step) that has a standard, valid for the whole log.

    They are said at the station's first start, and have to reach the log before the intervals do.
    """
    pairs: dict[str, set[tuple[str, str]]] = {}
    first_ms: dict[str, int] = {}
    for event in events:
        first_ms[event.station] = min(event.from_ts_ms, first_ms.get(event.station, event.from_ts_ms))
        if event.product is not None and event.step is not None:
            pairs.setdefault(event.station, set()).add((event.product, event.step))
    seqs: Counter[str] = Counter()
    result = []
    for station in sorted(pairs):
        for product, step in sorted(pairs[station] & standards.planned_cycle_ms.keys()):
            seqs[station] += 1
            fields = {
                "type": "standard_time_set",
                "station": station,
                "source": standards.source,
                "boot": BOOT,
                "seq": seqs[station],
                "ts_ms": first_ms[station],
                "valid_from_ms": 0,
                "product": product,
                "step": step,
                "planned_cycle_ms": standards.planned_cycle_ms[product, step],
            }
            result.append(cast("StandardTimeSet", build(fields)))
    return result
