"""The fold's state out of the archive: what earlier logs left behind, for a log that begins anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from connectors.clickhouse.client import Address, Warehouse, connect
from models.fold.partition import PartitionFold
from models.fold.retention import forget
from models.fold.rules import DAY_MS, FoldConfig
from models.fold.station import StationState
from models.fold.stops import Stop
from models.spans import Spans
from sipe.contracts.codec import decode
from sipe.contracts.events import StationEvent
from sipe.contracts.tables import version_of
from sipe.errors import SipeError

DEFINITIONS = ("calendar_assigned", "standard_time_set", "counting_authority_set")

# Everything within reach of a station's newest event; before that, whatever may still be in force.
_WITHIN_REACH = """
WITH newest AS (
    SELECT station, max(ts) - toIntervalMillisecond(%(reach_ms)s) AS since
    FROM events WHERE partition = %(partition)s AND epoch < %(epoch)s AND type NOT IN %(definitions)s
    GROUP BY station
)
SELECT epoch, offset, raw
FROM events FINAL LEFT JOIN newest USING (station)
WHERE partition = %(partition)s AND epoch < %(epoch)s AND outcome = 'accepted'
  AND (ts >= since OR type IN %(definitions)s OR type = 'station_born')
UNION DISTINCT
SELECT epoch, offset, raw FROM (
    SELECT station, source, type, ts, epoch, offset, raw
    FROM events FINAL LEFT JOIN newest USING (station)
    WHERE partition = %(partition)s AND epoch < %(epoch)s AND outcome = 'accepted' AND ts < since
    ORDER BY ts DESC, boot DESC, seq DESC
    LIMIT %(in_force)s BY station, source, type
)
ORDER BY epoch, offset
"""
IN_FORCE = 100
"""Of each type and source, so many of the last events before the reach: states, orders, operators signed on."""


def restore(address: Address, config: FoldConfig, epoch: int, partition: int) -> PartitionFold:
    """The fold of a partition as all logs before `epoch` left it; empty when there were none.

    What the last tick before had published is read back, not worked out, so that nothing stored is ever overwritten by
    a row made from less than what made it. Events archived after that tick are published with the next.

    Raises `SipeError` when the store knows a later epoch, or does not answer.
    """
    fold = PartitionFold(config)
    with connect(address) as store:
        scope = {"partition": partition, "epoch": epoch}
        newest = store.rows("SELECT max(epoch) AS epoch FROM flow_progress WHERE partition = %(partition)s", scope)
        if newest[0]["epoch"] > epoch:
            raise SipeError(
                f"ClickHouse at {address} holds rows of log epoch {newest[0]['epoch']}, this log is epoch {epoch}: its "
                f"rows would lose against older ones; set SIPE_LOG_EPOCH={newest[0]['epoch'] + 1} "
                "(embedded: write the newest epoch into the file log_epoch of the data directory)"
            )
        progress = store.rows(
            "SELECT epoch, tick_offset, now_ms FROM flow_progress FINAL "
            "WHERE partition = %(partition)s AND epoch < %(epoch)s ORDER BY epoch DESC LIMIT 1",
            scope,
        )
        if not progress:
            return fold
        fold.now_ms = progress[0]["now_ms"] or None
        published_to = (progress[0]["epoch"], progress[0]["tick_offset"])
        reach_ms = config.reach_ms + DAY_MS
        waiting: list[StationEvent] = []
        query = scope | {"reach_ms": reach_ms, "definitions": DEFINITIONS, "in_force": IN_FORCE}
        for row in store.rows(_WITHIN_REACH, query):
            event = decode(row["raw"].encode())
            if not isinstance(event, StationEvent):
                continue
            if (row["epoch"], row["offset"]) < published_to:
                fold.apply(event)
            else:
                waiting.append(event)
        for station in fold.stations.values():
            forget(station)
            _read_back(store, station, epoch)
        for event in waiting:
            fold.apply(event)
    return fold


def _read_back(store: Warehouse, station: StationState, epoch: int) -> None:
    """What the store holds of a station: names, counts, published cells and stops; nothing of it is to be restated."""
    scope = {"station": station.station, "before": version_of(epoch, 0), "floor_s": station.floor_ms // 1000}
    station.dirty = Spans()
    station.counters_changed = False
    for row in store.rows("SELECT * FROM stations FINAL WHERE station = %(station)s", scope):
        station.accepted, station.duplicates, station.late = row["accepted"], row["duplicates"], row["late"]
        station.display = station.display or ((0, "", 0, 0), row["display"])
    first = store.rows(
        "SELECT min(ts) AS first FROM events WHERE station = %(station)s AND outcome = 'accepted' "
        "AND type NOT IN %(types)s HAVING count() > 0",
        scope | {"types": (*DEFINITIONS, "stop_classified", "unit_reclassified")},
    )
    if first and station.first_ms is not None:
        station.first_ms = min(station.first_ms, _ms(first[0]["first"]))
        station.begin_ms = min(station.begin_ms, station.first_ms)
    for minute_s, cells in _published(store, scope):
        station.published[minute_s * 1000] = tuple(sorted(cells))
    station.stops = [
        Stop(
            _ms(row["from_ts"]), _ms(row["to_ts"]), row["state"], row["reason"], row["classified_by"],
            row["stop_version"], row["order"], row["product"], row["shift"], bool(row["open"]),
        )
        for row in store.rows(
            "SELECT * FROM stops FINAL WHERE station = %(station)s AND to_ts >= toDateTime64(%(floor_s)s, 3, 'UTC') "
            "ORDER BY from_ts",
            scope,
        )
    ]  # fmt: skip


def _published(store: Warehouse, scope: dict[str, Any]) -> Iterator[tuple[int, list[tuple[str, str, str]]]]:
    """The cells of the minutes within reach, unless this log has written them already: it will write them again."""
    for row in store.rows(
        "SELECT toUnixTimestamp(minute) AS minute_s, groupArray((order, product, shift)) AS cells "
        "FROM minute_facts FINAL WHERE station = %(station)s AND version < %(before)s "
        "AND minute >= toDateTime(%(floor_s)s, 'UTC') GROUP BY minute",
        scope,
    ):
        yield row["minute_s"], row["cells"]


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
