"""What a station has told about a span of time, out of the archive, as the content that the fold works with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from connectors.clickhouse.archive import ALWAYS, CARRIED, CORRECTIONS, DEFINITIONS, IN_FORCE
from connectors.clickhouse.client import Warehouse
from models.fold.intake import apply, presume_alive, presume_heard
from models.fold.refold import blank
from models.fold.rules import DAY_MS, source_kind
from models.fold.station import StationState
from models.fold.told import Identity
from sipe.contracts.codec import decode
from sipe.contracts.events import StationEvent
from sipe.contracts.fields import INTERVAL_MS_MAX

BEFORE_MS = DAY_MS
"""So long before a span all is read: signs of life, cycles that share an id, the state when it begins."""
AFTER_MS = INTERVAL_MS_MAX
"""So long after it: intervals are reported at their end."""
DECIDING = ("state_changed", "interval_reported", *CARRIED)
"""The events that decide about time; the others are signs of life, or count pieces."""

_KNOWN = "station = %(station)s AND outcome IN ('accepted', 'late') AND (epoch, offset) < (%(epoch)s, %(offset)s)"
_SIGNS = "type NOT IN %(no_signs)s"
_BEFORE = "ts < fromUnixTimestamp64Milli(toInt64(%(near_from_ms)s))"
_NEAR = f"NOT {_BEFORE} AND ts < fromUnixTimestamp64Milli(toInt64(%(near_to_ms)s))"

_CONTENT = """
SELECT raw FROM events
WHERE {known} AND (
    {near} AND {wanted} OR type IN %(always)s OR type IN %(corrections)s
    OR (ts, epoch, offset) IN (
        SELECT ts, epoch, offset FROM events WHERE {known} AND {before} AND type IN %(carried)s
        ORDER BY ts DESC, boot DESC, seq DESC LIMIT %(in_force)s BY source, type
    )
)
ORDER BY epoch, offset
"""
_ALL = _CONTENT.format(known=_KNOWN, near=_NEAR, before=_BEFORE, wanted="true")
_DECIDING = _CONTENT.format(known=_KNOWN, near=_NEAR, before=_BEFORE, wanted="type IN %(deciding)s")

_DAYS = f"""
SELECT toUnixTimestamp64Milli(min(ts)), toUnixTimestamp64Milli(max(ts)), count() FROM events
WHERE {_KNOWN} AND {_SIGNS} GROUP BY toDate(ts)
"""  # noqa: S608  constants only

_ALIVE = f"""
SELECT source, boot, arrayMap(signs -> (signs[1], signs[-1]), arraySplit(
    (at, silent_ms) -> silent_ms > %(limit_ms)s, times, arrayDifference(times)
))
FROM (
    SELECT source, boot, arraySort(groupArray(toUnixTimestamp64Milli(ts))) AS times FROM events
    WHERE {_KNOWN} AND {_SIGNS} AND {_NEAR} GROUP BY source, boot
)
"""  # noqa: S608  constants only

_COUNTING = "(type = 'cycle_completed' OR type = 'interval_reported')"
_COUNTERS = f"SELECT DISTINCT source FROM events WHERE {_KNOWN} AND {_COUNTING}"  # noqa: S608  constants only
_FIRST_COUNTERS = f"""
SELECT step, min((toUnixTimestamp64Milli(ts), source, boot, seq)) FROM (
    SELECT JSONExtractString(raw, 'step') AS step, ts, source, boot, seq FROM events
    WHERE {_KNOWN} AND (type = 'cycle_completed' OR type = 'interval_reported'
        AND JSONExtractInt(raw, 'good') + JSONExtractInt(raw, 'scrap') + JSONExtractInt(raw, 'rework') > 0)
)
GROUP BY step
"""  # noqa: S608  constants only


class Position(NamedTuple):
    """A place in the log: everything before it is known."""

    epoch: int
    offset: int


class Content(NamedTuple):
    """A station's content about a span, and how many archived events went into it."""

    station: StationState
    events: int


def read_all(store: Warehouse, name: str, before: Position, from_ms: int, to_ms: int) -> Content:
    """Everything that decides about [from_ms, to_ms): late or not, of every log, decoded and taken in one by one."""
    scope = _scope(name, before, from_ms, to_ms)
    station = blank(name)
    raws = store.tuples(_ALL, scope)
    _take_in(station, raws)
    _presume_days(store, station, scope)
    if len({source_kind(source) for (source,) in store.tuples(_COUNTERS, scope)}) > 1:
        for step, identity in store.tuples(_FIRST_COUNTERS, scope):
            first: Identity = tuple(identity)
            station.first_counter[step] = min(first, station.first_counter.get(step, first))
    return Content(station, len(raws))


def read_timeline(store: Warehouse, name: str, before: Position, from_ms: int, to_ms: int) -> Content:
    """What decides about time in [from_ms, to_ms), but not about quantities, which it knows nothing of.

    Most events of a station say no more than that it was there. The store sums those up without decoding one.
    """
    scope = _scope(name, before, from_ms, to_ms)
    station = blank(name)
    _take_in(station, store.tuples(_DECIDING, scope))
    station.pieces = {}
    limits_ms = [presence.limit_ms for boots in station.presence.values() for presence in boots.values()]
    default_ms = station.config.silence_periods * station.config.default_heartbeat_ms
    limit_ms = min([default_ms, *limits_ms])
    for source, boot, spans in store.tuples(_ALIVE, scope | {"limit_ms": limit_ms}):
        for first_ms, last_ms in spans:
            presume_alive(station, source, boot, first_ms, last_ms)
    return Content(station, _presume_days(store, station, scope))


def _scope(name: str, before: Position, from_ms: int, to_ms: int) -> dict[str, Any]:
    return {
        "station": name,
        "epoch": before.epoch,
        "offset": before.offset,
        "near_from_ms": from_ms - BEFORE_MS,
        "near_to_ms": to_ms + AFTER_MS + 1,
        "always": ALWAYS,
        "corrections": CORRECTIONS,
        "carried": CARRIED,
        "deciding": DECIDING,
        "no_signs": (*DEFINITIONS, *CORRECTIONS),
        "in_force": IN_FORCE,
    }


def _take_in(station: StationState, raws: Iterable[tuple[Any, ...]]) -> None:
    for (raw,) in raws:
        event = decode(raw.encode())
        if isinstance(event, StationEvent):
            apply(station, event)


def _presume_days(store: Warehouse, station: StationState, scope: dict[str, Any]) -> int:
    """When the station was heard of at all, near the span or not; returns how many events said so."""
    events = 0
    for first_ms, last_ms, count in store.tuples(_DAYS, scope):
        presume_heard(station, first_ms, last_ms)
        events += count
    return events
