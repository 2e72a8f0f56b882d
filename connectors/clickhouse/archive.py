"""The fold's state out of the archive, as it was at a position of the log.

For a log that begins anew, and for one whose saved state is lost or is of another version of this program.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from connectors.clickhouse.archive_health import restore_health
from connectors.clickhouse.archive_quarantine import restore_quarantine
from connectors.clickhouse.archive_sql import (
    ACTIVE,
    ALWAYS,
    CARRIED,
    CELLS,
    COUNTS,
    DAYS,
    DISPLAYS,
    EVENTS,
    FIRST_COUNTERS,
    IN_FORCE,
    NO_SIGNS,
    SEEN,
    STATIONS,
    STOPS,
)
from connectors.clickhouse.client import Address, Warehouse, connect
from models.fold.partition import PartitionFold
from models.fold.retention import floor_of, forget
from models.fold.rules import DAY_MS, FoldConfig
from models.fold.station import StationState
from models.fold.stops import Stop
from models.spans import SeqSet
from sipe.contracts.codec import decode
from sipe.contracts.events import StationEvent
from sipe.contracts.tables import version_of
from sipe.errors import SipeError

STATIONS_AT_ONCE = 10
"""So many stations share a query, but for their events: a query costs more than what it finds."""


class Restored(NamedTuple):
    """A fold as it was before a record, and the offset after the last tick before it; 0 when this log had none."""

    fold: PartitionFold
    tick_offset: int


def restore(address: Address, config: FoldConfig, epoch: int, partition: int, offset: int) -> Restored:
    """The fold of a partition after every record before (`epoch`, `offset`); empty when there were none.

    What the last tick before had published is read back, not worked out, so that nothing stored is ever overwritten by
    a row made from less than what made it. Events archived after that tick are published with the next.

    Raises `SipeError` when the store does not answer, or knows a later epoch, or more of this one: only what was stored
    last is known as it was.
    """
    fold = PartitionFold(config)
    with connect(address) as store:
        scope: dict[str, Any] = {"partition": partition, "epoch": epoch, "offset": offset}
        scope |= {"version": version_of(epoch, offset)}
        progress = store.rows(
            "SELECT epoch, offset, tick_offset, now_ms FROM flow_progress FINAL "
            "WHERE partition = %(partition)s ORDER BY epoch DESC LIMIT 1",
            scope,
        )
        if not progress:
            return Restored(fold, 0)
        last = progress[0]
        _check_newest(address, last, epoch, partition, offset)
        fold.now_ms = last["now_ms"] or None
        scope |= {"published_epoch": last["epoch"], "published_offset": last["tick_offset"]}
        scope |= {"always": ALWAYS, "carried": CARRIED, "no_signs": NO_SIGNS, "in_force": IN_FORCE}
        _restore_stations(store, fold, scope)
        published, end = (scope["published_epoch"], scope["published_offset"]), (epoch, offset)
        restore_health(store, fold.health, partition, fold.now_ms, published=published, end=end)
        restore_quarantine(store, fold.quarantine, partition, fold.now_ms, published=published, end=end)
    return Restored(fold, last["tick_offset"] if last["epoch"] == epoch else 0)


def _check_newest(address: Address, last: dict[str, Any], epoch: int, partition: int, offset: int) -> None:
    if last["epoch"] > epoch:
        raise SipeError(
            f"ClickHouse at {address} holds rows of log epoch {last['epoch']}, this log is epoch {epoch}: its "
            f"rows would lose against older ones; set SIPE_LOG_EPOCH={last['epoch'] + 1} "
            "(embedded: write the newest epoch into the file log_epoch of the data directory)"
        )
    if (last["epoch"], last["offset"]) > (epoch, offset):
        raise SipeError(
            f"ClickHouse at {address} holds partition {partition} up to offset {last['offset']}, but the flow goes on "
            f"at {offset} and has no saved state: does another flow write there? stop it and start this one again"
        )


def _restore_stations(store: Warehouse, fold: PartitionFold, scope: dict[str, Any]) -> None:
    active = _by_station(store, ACTIVE, scope)
    floors: dict[str, int] = {}
    for name in (row["station"] for row in store.rows(STATIONS, scope)):
        active_ms = _active_ms(active.get(name, []))
        floors[name] = floor_of(active_ms, fold.config) if active_ms else 0
    names = sorted(floors, key=lambda name: (floors[name], name))
    for at in range(0, len(names), STATIONS_AT_ONCE):
        some = names[at : at + STATIONS_AT_ONCE]
        past = _Past(store, some, [floors[name] for name in some], scope)
        for name in some:
            _restore_station(fold, name, active.get(name, []), past)


def _restore_station(fold: PartitionFold, name: str, active: list[dict[str, Any]], past: _Past) -> None:
    station = fold.stations[name] = StationState(name, fold.config)
    published, waiting = past.events(name)
    for event in published:
        fold.apply(event)
    if station.first_ms is not None:
        station.first_ms = min(station.first_ms, *(_ms(row["first"]) for row in active))
    station.active_ms = _active_ms(active)
    forget(station)
    station.settle(fold.now_ms or 0)
    past.read_published(station)
    for event in waiting:
        fold.apply(event)
    past.read_counts(station)


class _Past:
    """What the store holds of some stations."""

    def __init__(self, store: Warehouse, names: list[str], floors_ms: list[int], scope: dict[str, Any]) -> None:
        self._store = store
        self._floors_ms = dict(zip(names, floors_ms, strict=True))
        floors_s = [floor_ms // 1000 for floor_ms in floors_ms]
        self._scope = scope
        some = scope | {"stations": tuple(names), "stations_array": names}
        some |= {"floors_s": floors_s, "lowest_s": min(floors_s)}
        queries = (DISPLAYS, FIRST_COUNTERS, CELLS, STOPS, DAYS, SEEN, COUNTS)
        self._rows = {query: _by_station(store, query, some) for query in queries}

    def events(self, name: str) -> tuple[list[StationEvent], list[StationEvent]]:
        """What is within reach or may still be in force: the events that a tick has published, and those after it."""
        since_ms = max(self._floors_ms[name] - DAY_MS, 0)
        end = self._scope["published_epoch"], self._scope["published_offset"]
        published: list[StationEvent] = []
        waiting: list[StationEvent] = []
        for row in self._store.rows(EVENTS, self._scope | {"station": name, "since_ms": since_ms}):
            event = decode(row["raw"].encode())
            if isinstance(event, StationEvent):
                (published if (row["epoch"], row["offset"]) < end else waiting).append(event)
        return published, waiting

    def read_published(self, station: StationState) -> None:
        """The rows that the store holds, and what is older than the reach but decides about rows to come."""
        for row in self._of(station, DISPLAYS):
            station.display = station.display or ((0, "", 0, 0), row["display"])
        for row in self._of(station, FIRST_COUNTERS):
            ts, source, boot, seq = row["identity"]
            station.first_counter[row["step"]] = (_ms(ts), source, boot, seq)
        for row in self._of(station, CELLS):
            station.published[row["minute_s"] * 1000] = tuple(sorted(row["cells"]))
        station.stops = [
            Stop(
                _ms(row["from_ts"]), _ms(row["to_ts"]), row["state"], row["reason"], row["classified_by"],
                row["stop_version"], row["order"], row["product"], row["shift"], bool(row["open"]),
            )
            for row in self._of(station, STOPS)
        ]  # fmt: skip
        station.refolds = {row["day_s"] * 1000: row["events"] for row in self._of(station, DAYS)}

    def read_counts(self, station: StationState) -> None:
        """Which numbers were seen and how many events there were, of the whole archive, and whether a tick told it."""
        station.seen = {}
        station.missing_before = 0
        for row in self._of(station, SEEN):
            station.seen.setdefault((row["source"], row["boot"]), SeqSet()).add_all(row["first"], row["last"])
        [counts] = self._of(station, COUNTS)
        station.accepted, station.duplicates, station.late = counts["accepted"], counts["duplicates"], counts["late"]
        station.counters_changed = counts["waiting"] > 0

    def _of(self, station: StationState, query: str) -> list[dict[str, Any]]:
        return self._rows[query].get(station.station, [])


def _by_station(store: Warehouse, query: str, scope: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in store.rows(query, scope):
        found.setdefault(row["station"], []).append(row)
    return found


def _active_ms(active: list[dict[str, Any]]) -> dict[str, int]:
    return {row["source"]: newest_ms for row in active if (newest_ms := _ms(row["newest"]))}


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
