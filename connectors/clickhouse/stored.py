"""What the store holds of a station: cells, stops, and how high their versions are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.clickhouse.client import Warehouse
from models.fold.refold import CellId
from models.fold.rules import MINUTE_MS
from models.fold.stops import Stop
from models.spans import Span
from sipe.contracts.tables import MEASURES

_MEASURES = ", ".join(measure.name for measure in MEASURES)
_MINUTES = "minute >= toDateTime(%(from_s)s, 'UTC') AND minute < toDateTime(%(to_s)s, 'UTC')"
_TIME = "fromUnixTimestamp64Milli(toInt64({}))"
_STOPS = f"from_ts <= {_TIME.format('%(to_ms)s')} AND to_ts >= {_TIME.format('%(from_ms)s')}"

# Only the minutes that are wanted are read in full; rows of one key have one minute, and so one partition and one fate.
_CELLS_QUERY = f"""
SELECT toUnixTimestamp(minute) AS minute_s, `order`, product, shift, {_MEASURES} FROM minute_facts FINAL
WHERE station = %(station)s AND {_MINUTES}
    AND minute_s < transform(roundDown(minute_s, %(froms_s)s), %(froms_s)s, %(tos_s)s, 0)
ORDER BY minute
SETTINGS do_not_merge_across_partitions_select_final = 1, optimize_move_to_prewhere_if_final = 1
"""  # noqa: S608  constants only

_STOPS_QUERY = f"""
SELECT toUnixTimestamp64Milli(from_ts), toUnixTimestamp64Milli(to_ts), state, reason, classified_by, stop_version,
    `order`, product, shift, open
FROM stops FINAL WHERE station = %(station)s AND {_STOPS} ORDER BY from_ts
"""  # noqa: S608  constants only

_NEWEST_QUERY = f"""
SELECT max(version) FROM (
    SELECT max(version) AS version FROM minute_facts WHERE station = %(station)s AND {_MINUTES}
    UNION ALL
    SELECT max(version) AS version FROM stops WHERE station = %(station)s AND {_STOPS}
)
"""  # noqa: S608  constants only


def cells(store: Warehouse, station: str, spans: Sequence[Span]) -> list[dict[CellId, tuple[int, ...]]]:
    """The measures by cell of each of some spans of whole minutes, which are sorted and disjoint."""
    if not spans:
        return []
    scope = _scope(station, spans[0][0], spans[-1][1])
    scope |= {"froms_s": [start // 1000 for start, _ in spans], "tos_s": [end // 1000 for _, end in spans]}
    found: list[dict[CellId, tuple[int, ...]]] = [{} for _ in spans]
    at = 0
    for minute_s, order, product, shift, *measures in store.tuples(_CELLS_QUERY, scope):
        minute_ms = minute_s * 1000
        while minute_ms >= spans[at][1]:
            at += 1
        found[at][minute_ms, order, product, shift] = tuple(measures)
    return found


def stops(store: Warehouse, station: str, from_ms: int, to_ms: int) -> list[Stop]:
    """The stops that overlap or adjoin a span."""
    rows = store.tuples(_STOPS_QUERY, _scope(station, from_ms, to_ms))
    return [Stop._make((*row[:-1], bool(row[-1]))) for row in rows]


def newest_version(store: Warehouse, station: str, from_ms: int, to_ms: int) -> int:
    """The highest version of any row of a span, also of those that are replaced or deleted."""
    ((version,),) = store.tuples(_NEWEST_QUERY, _scope(station, from_ms, to_ms + MINUTE_MS))
    return int(version)


def _scope(station: str, from_ms: int, to_ms: int) -> dict[str, Any]:
    return {
        "station": station, "from_ms": from_ms, "to_ms": to_ms, "from_s": from_ms // 1000, "to_s": -(-to_ms // 1000),
    }  # fmt: skip
