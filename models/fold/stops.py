"""Stops: uninterrupted spans of planned busy time in one loss state, with one reason and one order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from models.fold.rules import STOPPED
from models.fold.station import StationState
from models.fold.timeline import Segment, segments
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


def restate_stops(station: StationState, changed: Iterable[Span], now_ms: int) -> list[StopChange]:
    """Work out the stops that changed time touches, and return what is different from before."""
    before: dict[int, Stop] = {stop.from_ms: stop for stop in station.stops}
    spans = Spans()
    for from_ms, to_ms in changed:
        touched = [stop for stop in station.stops if stop.from_ms <= to_ms and stop.to_ms >= from_ms]
        start = min([from_ms, *(stop.from_ms for stop in touched)])
        end = max([to_ms, *(stop.to_ms for stop in touched)])
        spans.add(start, min(end, now_ms))
    after = dict(before)
    for from_ms, to_ms in spans:
        known_from_ms = max(from_ms, station.floor_ms)
        found = _stops_of(segments(station, known_from_ms, to_ms), now_ms) if known_from_ms < to_ms else []
        for start in [start for start in after if from_ms <= start < to_ms]:
            stop = after.pop(start)
            if start < known_from_ms:  # it began before what is still known: only its end can have changed
                if found and found[0].from_ms == known_from_ms and _alike(found[0], stop):
                    found[0] = stop._replace(to_ms=found[0].to_ms, open=found[0].open)
                else:
                    found.insert(0, stop._replace(to_ms=min(stop.to_ms, known_from_ms), open=False))
        after |= {stop.from_ms: stop for stop in found}
    station.stops = [after[start] for start in sorted(after)]
    gone = [StopChange(station.station, stop, True) for start, stop in before.items() if start not in after]
    new = [StopChange(station.station, stop, False) for stop in station.stops if before.get(stop.from_ms) != stop]
    return gone + new


def _stops_of(timeline: Iterable[Segment], now_ms: int) -> list[Stop]:
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
        if found and found[-1].to_ms == stop.from_ms and _alike(found[-1], stop):
            found[-1] = found[-1]._replace(to_ms=stop.to_ms, open=stop.open)
        else:
            found.append(stop)
    return found


def _alike(one: Stop, other: Stop) -> bool:
    return one[2:8] == other[2:8]
