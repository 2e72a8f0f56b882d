"""Refolding: the rows of time before the floor, worked out anew from the archive and held against what is stored.

The rules are those of the fold. What differs is where things come from: the content is whatever the archive knows by
now, with no event late, and what was published before is read from the store. Only rows that differ come out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from models.fold.minutes import GOOD, ZERO, MinuteRun, minute_runs, shift_of_minute
from models.fold.rules import MINUTE_MS, FoldConfig, minute_of
from models.fold.station import StationState
from models.fold.stops import Stop, StopChange, alike, differences, stops_of
from models.fold.timeline import Segment, changed_plan, cut, segments
from models.fold.told import History
from models.spans import Span, Spans
from sipe.contracts.calendar import Calendar

CellId = tuple[int, str, str, str]
"""(minute_ms, order, product, shift)."""
Cells = Mapping[CellId, tuple[int, ...]]
"""Measures by cell."""
NEVER_NOW_MS = -1
"""No stop before the floor is open."""


class Minutes(NamedTuple):
    """How many stored or computed cells were compared, and those that are different from what is stored."""

    compared: int
    changed: list[MinuteRun]


class Refold:
    """The stored stops of one station, put right span by span; what belongs to the live fold is left to it.

    A stop that ends at or after the floor is still in the live fold's hands. Where such a stop would have to change,
    `resume_ms` says how high the floor has to be for the next try.
    """

    def __init__(self, floor_ms: int, stops: Iterable[Stop]) -> None:
        self._floor_ms = floor_ms
        self._live = next((stop for stop in stops if stop.to_ms >= floor_ms), None)
        self._stored = [stop for stop in stops if stop.to_ms < floor_ms]
        self._stops = self._stored
        self.resume_ms = 0

    def span(
        self, content: StationState, from_ms: int, to_ms: int, stored: Cells, *, stored_quantities: bool = False
    ) -> Minutes:
        """Restate [from_ms, to_ms), whole minutes before the floor, from the content of a station.

        `stored` is what the store holds of them. With `stored_quantities` the content need not know any pieces: those
        that are stored are right, and move into the cells of the shifts that are in force now.
        """
        timeline = list(segments(content, from_ms - 1, to_ms + 1))
        cells = _cells(content, timeline, from_ms, to_ms)
        if stored_quantities:
            _add_stored_quantities(content, cells, stored)
        self._restate_stops(timeline, from_ms, to_ms)
        return Minutes(len(cells.keys() | stored.keys()), _changes(content.station, stored, cells))

    def stop_changes(self, station: str) -> list[StopChange]:
        """The stops that are different from what is stored."""
        return differences(station, self._stored, self._stops)

    def _restate_stops(self, timeline: list[Segment], from_ms: int, to_ms: int) -> None:
        edge_ms = min(to_ms, self._live.from_ms) if self._live else to_ms
        if self._live and self._live.from_ms <= to_ms:
            found = stops_of(cut(timeline, from_ms, to_ms), NEVER_NOW_MS)
            self._leave(self._live, found, max(edge_ms, from_ms), to_ms)
        if from_ms < edge_ms:
            found = stops_of(cut(timeline, from_ms, edge_ms), NEVER_NOW_MS)
            shift = next(cut(timeline, edge_ms, edge_ms + 1)).plan.shift
            self._stops = _put_in(self._stops, found, from_ms, edge_ms, shift)

    def _leave(self, live: Stop, found: list[Stop], from_ms: int, to_ms: int) -> None:
        """Leave time that a stop of the live fold covers, or adjoins, as it is stored; note whether it is right."""
        expected = [stop for stop in found if stop.to_ms > from_ms]
        told = [stop._replace(from_ms=max(stop.from_ms, from_ms)) for stop in expected]
        kept = [live._replace(from_ms=from_ms, to_ms=to_ms, open=False)] if from_ms < to_ms else []
        begins_before = [stop for stop in found if stop.from_ms < live.from_ms <= stop.to_ms and alike(stop, live)]
        if [stop[:8] for stop in told] != [stop[:8] for stop in kept] or begins_before:
            self.resume_ms = live.to_ms + 1


def replanned(content: StationState, befores: Iterable[History[Calendar]], from_ms: int, to_ms: int) -> list[Span]:
    """The whole minutes of [from_ms, to_ms) for which the calendars say something else than any of `befores` did."""
    old, new = (StationState(content.station, content.config) for _ in range(2))
    new.calendars = content.calendars
    for state in (old, new):
        state.recorded = content.recorded
        state.heard.add(from_ms, to_ms)
    spans = Spans()
    for old.calendars in befores:
        for start, end in changed_plan(old, new, from_ms, to_ms):
            spans.add(minute_of(start), minute_of(end - 1) + MINUTE_MS)
    return list(spans)


def blank(station: str) -> StationState:
    """A station of which nothing is known yet, and for which no event is late."""
    return StationState(station, FoldConfig())


def _cells(content: StationState, timeline: list[Segment], from_ms: int, to_ms: int) -> dict[CellId, tuple[int, ...]]:
    content.published = {}
    return {
        (minute_ms, run.order, run.product, run.shift): run.measures
        for run in minute_runs(content, timeline, from_ms, to_ms)
        for minute_ms in range(run.minute_ms, run.minute_ms + run.minutes * MINUTE_MS, MINUTE_MS)
    }


def _add_stored_quantities(content: StationState, cells: dict[CellId, tuple[int, ...]], stored: Cells) -> None:
    for (minute_ms, order, product, _), measures in stored.items():
        if not any(measures[GOOD:]):
            continue
        cell = (minute_ms, order, product, shift_of_minute(content, minute_ms))
        before = cells.get(cell, ZERO)
        cells[cell] = (*before[:GOOD], *(a + b for a, b in zip(before[GOOD:], measures[GOOD:], strict=True)))


def _changes(station: str, stored: Cells, cells: Cells) -> list[MinuteRun]:
    alive = {cell: measures for cell, measures in cells.items() if any(measures)}
    found = [
        MinuteRun(station, cell[0], 1, *cell[1:], measures, False)
        for cell, measures in alive.items()
        if stored.get(cell) != measures
    ]
    found += [MinuteRun(station, cell[0], 1, *cell[1:], ZERO, True) for cell in stored.keys() - alive.keys()]
    return sorted(found, key=lambda run: run[1:6])


def _put_in(stops: list[Stop], found: list[Stop], from_ms: int, to_ms: int, shift_after: str) -> list[Stop]:
    """Replace the stops of [from_ms, to_ms); one that crosses a border is cut there, or goes on if it is alike."""
    before = stops[: bisect_left(stops, from_ms, key=lambda stop: stop.from_ms)]
    after = stops[bisect_right(stops, to_ms, key=lambda stop: stop.to_ms) :]
    left = before.pop() if before and before[-1].to_ms >= from_ms else None
    right = after.pop(0) if after and after[0].from_ms <= to_ms else None
    found = list(found)
    if left and found and found[0].from_ms == from_ms and alike(left, found[0]):
        found[0] = left._replace(to_ms=found[0].to_ms)
    elif left:
        found.insert(0, left._replace(to_ms=from_ms))
    if right and found and found[-1].to_ms == to_ms and alike(found[-1], right):
        found[-1] = found[-1]._replace(to_ms=right.to_ms)
    elif right and right.from_ms < to_ms:
        found.append(right._replace(from_ms=to_ms, shift=shift_after))
    elif right:
        found.append(right)
    return [*before, *found, *after]
