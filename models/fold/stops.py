"""Stops: uninterrupted spans of planned busy time in one loss state, with one reason and one order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models.fold.rules import STOPPED
from models.fold.station import StationState
from models.fold.timeline import Segment, cut
from models.spans import Span, Spans


class Stop(NamedTuple):
    """A stop, known by where it begins; cut where planned busy time ends, or the reason or the order changes."""

    from_ms: int
    to_ms: int
    state: str
    reason: str
    classified_by: str
    stop_version: int
    order: str
    product: str
    shift: str
    open: bool


class StopChange(NamedTuple):
    """A stop as it is now, or one that is no more."""

    station: str
    stop: Stop
    is_deleted: bool


def spans_of_stops(station: StationState, changed: Iterable[Span], now_ms: int) -> Spans:
    """Changed time, and the stops that it touches in their full length."""
    spans = Spans()
    for from_ms, to_ms in changed:
        touched = _slice(station.stops, from_ms, to_ms)
        start = min([from_ms, *(stop.from_ms for stop in station.stops[touched][:1])])
        end = max([to_ms, *(stop.to_ms for stop in station.stops[touched][-1:])])
        spans.add(start, min(end, now_ms))
    return spans


def restate_stops(
    station: StationState, timeline: Sequence[Segment], spans: Iterable[Span], now_ms: int
) -> list[StopChange]:
    """Work out the stops of some spans from their timeline, and return what is different from before."""
    changes: list[StopChange] = []
    for from_ms, to_ms in spans:
        known_from_ms = max(from_ms, station.floor_ms)
        found = stops_of(cut(timeline, known_from_ms, to_ms), now_ms) if known_from_ms < to_ms else []
        first = bisect_left(station.stops, from_ms, key=_from_ms)
        last = bisect_left(station.stops, to_ms, key=_from_ms)
        before = station.stops[first:last]
        if before and before[0].from_ms < known_from_ms:
            found = _continued(before[0], found, known_from_ms)
        station.stops[first:last] = found
        changes += differences(station.station, before, found)
    return changes


def _slice(stops: list[Stop], from_ms: int, to_ms: int) -> slice:
    """The stops that overlap or adjoin a span."""
    return slice(bisect_left(stops, from_ms, key=_to_ms), bisect_right(stops, to_ms, key=_from_ms))


def _continued(stop: Stop, found: list[Stop], known_from_ms: int) -> list[Stop]:
    """A stop that began before what is still known: only its end can have changed."""
    if found and found[0].from_ms == known_from_ms and alike(found[0], stop):
        return [stop._replace(to_ms=found[0].to_ms, open=found[0].open), *found[1:]]
    return [stop._replace(to_ms=min(stop.to_ms, known_from_ms), open=False), *found]


def differences(station: str, before: list[Stop], after: list[Stop]) -> list[StopChange]:
    """What has to be written so that `before` becomes `after`: stops that are no more first."""
    known = {stop.from_ms: stop for stop in before}
    gone = known.keys() - {stop.from_ms for stop in after}
    return [
        *(StopChange(station, known[from_ms], True) for from_ms in sorted(gone)),
        *(StopChange(station, stop, False) for stop in after if known.get(stop.from_ms) != stop),
    ]


def stops_of(timeline: Iterable[Segment], now_ms: int) -> list[Stop]:
    """The stops of a part of a timeline; what lasts until now is open."""
    found: list[Stop] = []
    for segment in timeline:
        if not segment.plan.planned or segment.state not in STOPPED:
            continue
        note = segment.note
        stop = Stop(
            segment.from_ms,
            segment.to_ms,
            segment.state,
            note.reason if note else segment.reason,
            note.by if note else "",
            note.stop_version if note else 0,
            segment.order,
            segment.product,
            segment.plan.shift,
            segment.to_ms == now_ms,
        )
        if found and found[-1].to_ms == stop.from_ms and alike(found[-1], stop):
            found[-1] = found[-1]._replace(to_ms=stop.to_ms, open=stop.open)
        else:
            found.append(stop)
    return found


def _from_ms(stop: Stop) -> int:
    return stop.from_ms


def _to_ms(stop: Stop) -> int:
    return stop.to_ms


def alike(one: Stop, other: Stop) -> bool:
    """Whether two stops that adjoin are one: the same state, reason and order."""
    return one[2:8] == other[2:8]
