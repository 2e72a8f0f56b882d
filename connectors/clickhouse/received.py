"""Which numbers of a station's sources have come: by hour, as runs, so that a gateway can hold its own against them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from connectors.clickhouse.client import Warehouse
from models.kpi import HOUR_MS
from sipe.contracts.events import StationEvent

_UNSAID_SOURCE = StationEvent.__struct_defaults__[0]

Place = Literal["stored", "rejected", "declared"]
"""In the archive; a reject with its bytes; not here, as a gap in the archive says."""

_HOUR = f"intDiv(toUnixTimestamp64Milli(ts), {HOUR_MS}) * {HOUR_MS}"
_OF_STATION = """station = %(station)s AND ts >= fromUnixTimestamp64Milli(toInt64(%(from_ms)s))
        AND ts < fromUnixTimestamp64Milli(toInt64(%(to_ms)s))"""

_NUMBERS = f"""
SELECT DISTINCT source, boot, {_HOUR} AS hour_ms, 'stored' AS place, seq FROM events
WHERE {_OF_STATION} AND type != 'gap_detected'
UNION ALL
SELECT DISTINCT if(JSONHas(raw, 'source'), JSONExtractString(raw, 'source'), %(unsaid_source)s) AS source,
    toUInt32(JSONExtractUInt(raw, 'boot')) AS boot, intDiv(at_ms, {HOUR_MS}) * {HOUR_MS} AS hour_ms,
    'rejected' AS place, JSONExtractInt(raw, 'seq') AS seq
FROM (SELECT raw, JSONExtractInt(raw, 'ts_ms') AS at_ms FROM rejects WHERE key = %(station)s)
WHERE at_ms >= %(from_ms)s AND at_ms < %(to_ms)s AND seq > 0 AND match(source, '^[a-z0-9-]{{1,64}}$')
"""  # noqa: S608  constants only

_GAPS = f"""
SELECT DISTINCT source, boot, {_HOUR} AS hour_ms, 'declared' AS place,
    if(raw = '', seq, JSONExtractInt(raw, 'first_missing')) AS first, seq AS last
FROM events WHERE {_OF_STATION} AND type = 'gap_detected'
"""  # noqa: S608  the same

_RUNS = f"""
SELECT * FROM (
    SELECT source, boot, hour_ms, place, toInt64(min(seq)) AS first, toInt64(max(seq)) AS last
    FROM (
        SELECT source, boot, hour_ms, place, seq,
            seq - row_number() OVER (PARTITION BY source, boot, hour_ms, place ORDER BY seq) AS island
        FROM ({_NUMBERS})
    )
    GROUP BY source, boot, hour_ms, place, island
    UNION ALL
    {_GAPS}
)
LIMIT %(runs_max)s
"""  # noqa: S608  the same

_READ_UNTIL = """
SELECT count() AS logs, min(now_ms) AS read_until_ms FROM flow_progress FINAL
WHERE epoch = (SELECT max(epoch) FROM flow_progress)
"""


class Received(NamedTuple):
    """Numbers of one source without a gap between them, of events of one hour, that are in the same place."""

    source: str
    boot: int
    hour_ms: int
    """When it began; that of the event's own time."""
    place: Place
    first: int
    last: int


def received(store: Warehouse, station: str, from_ms: int, to_ms: int, runs_max: int) -> list[Received]:
    """What has come of a station's events of this time, `runs_max` runs at most; raises `SipeError`."""
    asked: dict[str, Any] = {"station": station, "from_ms": from_ms, "to_ms": to_ms, "runs_max": runs_max}
    rows = store.tuples(_RUNS, asked | {"unsaid_source": _UNSAID_SOURCE})
    return [Received(*row) for row in rows]


def read_until_ms(store: Warehouse) -> int | None:
    """Up to when every partition is read, by the log's own time; None before the first tick. Raises `SipeError`."""
    [row] = store.rows(_READ_UNTIL)
    return row["read_until_ms"] if row["logs"] else None
