"""What a station has told about a span of time, out of the archive, as the content that the fold works with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from connectors.clickhouse.archive_sql import ALWAYS, CARRIED, CORRECTIONS, COUNTS_PIECES, IN_FORCE, NO_SIGNS
from connectors.clickhouse.client import Warehouse
from models.fold.intake import apply, presume_alive, presume_heard
from models.fold.refold import blank
from models.fold.rules import DAY_MS, MINUTE_MS, source_kind
from models.fold.station import StationState
from models.fold.told import FOREVER, Identity
from models.spans import Span
from sipe.contracts.codec import decode
from sipe.contracts.events import StationEvent
from sipe.contracts.fields import INTERVAL_MS_MAX

BEFORE_MS = DAY_MS
"""So long before a span all is read: signs of life, cycles that share an id, the state when it begins."""
AFTER_MS = INTERVAL_MS_MAX
"""So long after it: intervals are reported at their end."""
DECIDING = ("interval_reported", *CARRIED)
"""The events that decide about time; the others are signs of life, or count pieces."""

_KNOWN = "station = %(station)s AND outcome IN ('accepted', 'late') AND (epoch, offset) < (%(epoch)s, %(offset)s)"
_SIGNS = "type NOT IN %(no_signs)s"
_BEFORE = "ts < fromUnixTimestamp64Milli(toInt64(%(near_from_ms)s))"
_NEAR = f"NOT {_BEFORE} AND ts < fromUnixTimestamp64Milli(toInt64(%(near_to_ms)s))"

_CARRIED_IN = f"""(ts, epoch, offset) IN (
    SELECT ts, epoch, offset FROM events WHERE {_KNOWN} AND {_BEFORE} AND type IN %(carried)s
    ORDER BY ts DESC, boot DESC, seq DESC LIMIT %(in_force)s BY source, type
)"""  # noqa: S608  constants only

_ALL = f"""
SELECT raw FROM events
WHERE {_KNOWN} AND ({_NEAR} OR type IN %(always)s OR type IN %(corrections)s OR {_CARRIED_IN})
ORDER BY epoch, offset
"""  # noqa: S608  constants only

# Of the states only those that hold in one of the spans.
_DECIDING = f"""
SELECT raw FROM (
    SELECT raw, type, toUnixTimestamp64Milli(ts) AS since_ms, leadInFrame(since_ms, 1, %(forever)s) OVER (
        PARTITION BY source, type ORDER BY ts, boot, seq ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING
    ) AS until_ms
    FROM events WHERE {_KNOWN} AND (type IN %(always)s OR type IN %(deciding)s AND {_NEAR})
)
WHERE type != 'state_changed'
    OR arrayExists((from_ms, to_ms) -> since_ms <= to_ms AND until_ms >= from_ms, %(froms_ms)s, %(tos_ms)s)
"""  # noqa: S608  constants only

_CARRIED = f"SELECT raw FROM events WHERE {_KNOWN} AND {_CARRIED_IN}"  # noqa: S608  constants only

_DAYS = f"""
SELECT toUnixTimestamp64Milli(min(ts)), toUnixTimestamp64Milli(max(ts)), count() FROM events
WHERE {_KNOWN} AND {_SIGNS} AND {{}} GROUP BY toDate(ts)
"""  # noqa: S608  constants only
_ALL_DAYS = _DAYS.format("true")
_OTHER_DAYS = _DAYS.format(f"NOT ({_NEAR})")

_ALIVE = f"""
SELECT source, boot, length(times), arrayMap(signs -> (signs[1], signs[-1]), arraySplit(
    (at, silent_ms) -> silent_ms > %(limit_ms)s, times, arrayDifference(times)
))
FROM (
    SELECT source, boot, arraySort(groupArray(toUnixTimestamp64Milli(ts))) AS times FROM events
    WHERE {_KNOWN} AND {_SIGNS} AND {_NEAR} GROUP BY source, boot
)
"""  # noqa: S608  constants only

_COUNTERS = f"""
SELECT DISTINCT source FROM events WHERE {_KNOWN} AND (type = 'cycle_completed' OR type = 'interval_reported')
"""  # noqa: S608  constants only
_FIRST_COUNTERS = f"""
SELECT step, min((toUnixTimestamp64Milli(ts), source, boot, seq)) FROM (
    SELECT JSONExtractString(raw, 'step') AS step, ts, source, boot, seq FROM events
    WHERE {_KNOWN} AND {COUNTS_PIECES}
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
    _presume_days(store, station, _ALL_DAYS, scope)
    if len({source_kind(source) for (source,) in store.tuples(_COUNTERS, scope)}) > 1:
        for step, identity in store.tuples(_FIRST_COUNTERS, scope):
            first: Identity = tuple(identity)
            station.first_counter[step] = min(first, station.first_counter.get(step, first))
    return Content(station, len(raws))


def read_timeline(store: Warehouse, name: str, before: Position, spans: Sequence[Span]) -> Content:
    """What decides about time in some spans, sorted and disjoint, but not about quantities: it knows nothing of those.

    Most events of a station say no more than that it was there: the store sums those up without decoding one.
    """
    scope = _scope(name, before, spans[0][0], spans[-1][1])
    scope |= {"froms_ms": [start - MINUTE_MS for start, _ in spans], "tos_ms": [end for _, end in spans]}
    station = blank(name)
    _take_in(station, store.tuples(_DECIDING, scope))
    events = _presume_alive(store, station, scope)
    events += _presume_days(store, station, _OTHER_DAYS, scope)
    if station.first_ms is not None and station.first_ms < scope["near_from_ms"]:
        _take_in(station, store.tuples(_CARRIED, scope))
    station.pieces = {}
    return Content(station, events)


def _presume_alive(store: Warehouse, station: StationState, scope: dict[str, Any]) -> int:
    """When each boot gave signs of life near the spans; returns how many it gave."""
    limits_ms = [presence.limit_ms for boots in station.presence.values() for presence in boots.values()]
    default_ms = station.config.silence_periods * station.config.default_heartbeat_ms
    signs = 0
    for source, boot, count, spans in store.tuples(_ALIVE, scope | {"limit_ms": min([default_ms, *limits_ms])}):
        signs += count
        for first_ms, last_ms in spans:
            presume_alive(station, source, boot, first_ms, last_ms)
            presume_heard(station, first_ms, last_ms)
    return signs


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
        "no_signs": NO_SIGNS,
        "in_force": IN_FORCE,
        "forever": FOREVER,
    }


def _take_in(station: StationState, raws: Iterable[tuple[Any, ...]]) -> None:
    for (raw,) in raws:
        event = decode(raw.encode())
        if isinstance(event, StationEvent):
            apply(station, event)


def _presume_days(store: Warehouse, station: StationState, query: str, scope: dict[str, Any]) -> int:
    """When the station was heard of at all, day by day; returns how many events said so."""
    events = 0
    for first_ms, last_ms, count in store.tuples(query, scope):
        presume_heard(station, first_ms, last_ms)
        events += count
    return events


def days_heard(store: Warehouse, name: str, before: Position) -> StationState:
    """A station of which nothing is known but when it was heard of: what a plan without a calendar depends on."""
    station = blank(name)
    _presume_days(store, station, _ALL_DAYS, _scope(name, before, 0, 0))
    return station
