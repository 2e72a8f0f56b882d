"""Minute facts: the sums of ISO 22400 time elements and quantities of each minute, order, product and shift."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from models.calendar import windows
from models.fold.rules import (
    ELEMENT_WITH_ORDER,
    ELEMENT_WITHOUT_ORDER,
    MINUTE_MS,
    WORKING,
    minute_of,
)
from models.fold.station import StationState
from models.fold.timeline import Segment, cut
from models.fold.told import in_force
from sipe.contracts.tables import MEASURES

INDEX = {measure.name: i for i, measure in enumerate(MEASURES)}
ZERO = (0,) * len(MEASURES)
PBT, CONFLICT, DOWN, FAILURES = INDEX["pbt_ms"], INDEX["conflict_ms"], INDEX["down_ms"], INDEX["failures"]
PLANNED_STOP, OVERTIME = INDEX["planned_stop_ms"], INDEX["overtime_ms"]
ATTENDED, WORKED = INDEX["attended_ms"], INDEX["worked_ms"]
GOOD, SCRAP, REWORK = INDEX["good"], INDEX["scrap"], INDEX["rework"]
CYCLES, CYCLE, PLANNED_RUN = INDEX["cycles"], INDEX["cycle_ms"], INDEX["planned_run_ms"]
PIECES_WITH_STANDARD, OTHER_SOURCE_PIECES = INDEX["pieces_with_standard"], INDEX["other_source_pieces"]

CellKey = tuple[str, str, str]
"""(order, product, shift)."""
Cells = dict[CellKey, list[int]]


class MinuteRun(NamedTuple):
    """The same cell in so many consecutive minutes from `minute_ms` on; a deleted one takes back what was published."""

    station: str
    minute_ms: int
    minutes: int
    order: str
    product: str
    shift: str
    measures: tuple[int, ...]
    is_deleted: bool


def minute_runs(station: StationState, timeline: Sequence[Segment], from_ms: int, to_ms: int) -> Iterator[MinuteRun]:
    """The cells of [from_ms, to_ms), which begins on a minute; whole minutes that are alike come as one run.

    The timeline has to hold the millisecond before them too: whether a failure begins depends on it.
    Cells that were published before and are no more are taken back; what is published is remembered.
    """
    minutes: dict[int, Cells] = {}
    state_before = next(cut(timeline, from_ms - 1, from_ms)).state
    for segment in cut(timeline, from_ms, to_ms):
        whole_from, whole_to = -(-segment.from_ms // MINUTE_MS) * MINUTE_MS, minute_of(segment.to_ms)
        if segment.state == "down" != state_before:
            _cell(minutes, segment.from_ms, segment)[FAILURES] += _is_busy(segment)
            whole_from = minute_of(segment.from_ms) + MINUTE_MS
        if whole_from < whole_to:
            _add_time(minutes, segment, segment.from_ms, whole_from)
            yield from _whole_minutes(station, minutes, segment, whole_from, whole_to)
            _add_time(minutes, segment, whole_to, segment.to_ms)
        else:
            border_ms = min(minute_of(segment.from_ms) + MINUTE_MS, segment.to_ms)
            _add_time(minutes, segment, segment.from_ms, border_ms)
            _add_time(minutes, segment, border_ms, segment.to_ms)
        state_before = segment.state
    for minute_ms in sorted(minutes):
        _add_pieces(station, minute_ms, minutes[minute_ms])
        yield from _publish(station, minute_ms, minute_ms + MINUTE_MS, minutes[minute_ms])


def _whole_minutes(
    station: StationState, minutes: dict[int, Cells], segment: Segment, from_ms: int, to_ms: int
) -> Iterator[MinuteRun]:
    """Whole minutes of one segment: those with pieces go to `minutes`, the others are alike."""
    sample: dict[int, Cells] = {}
    _add_time(sample, segment, 0, MINUTE_MS)
    start = from_ms
    for minute_ms in _within(station.pieces, from_ms, to_ms):
        yield from _publish(station, start, minute_ms, sample[0])
        _add_time(minutes, segment, minute_ms, minute_ms + MINUTE_MS)
        start = minute_ms + MINUTE_MS
    yield from _publish(station, start, to_ms, sample[0])


def _within(minutes: Collection[int], from_ms: int, to_ms: int) -> list[int]:
    """Those of some minutes that lie in [from_ms, to_ms), sorted; as fast as the shorter of the two allows."""
    if (to_ms - from_ms) // MINUTE_MS < len(minutes):
        return [minute_ms for minute_ms in range(from_ms, to_ms, MINUTE_MS) if minute_ms in minutes]
    return sorted(minute_ms for minute_ms in minutes if from_ms <= minute_ms < to_ms)


def _is_busy(segment: Segment) -> bool:
    """Whether a segment is planned busy time (PBT)."""
    return segment.plan.planned and segment.state != "planned_stop"


def _cell(minutes: dict[int, Cells], ts_ms: int, segment: Segment) -> list[int]:
    cells = minutes.setdefault(minute_of(ts_ms), {})
    return cells.setdefault((segment.order, segment.product, segment.plan.shift), list(ZERO))


def _add_time(minutes: dict[int, Cells], segment: Segment, from_ms: int, to_ms: int) -> None:
    """Add a part of a segment that lies within one minute."""
    duration_ms = to_ms - from_ms
    if duration_ms <= 0:
        return
    cell = _cell(minutes, from_ms, segment)
    working = segment.state in WORKING
    if _is_busy(segment):
        element = (ELEMENT_WITH_ORDER if segment.order else ELEMENT_WITHOUT_ORDER)[segment.state]
        cell[PBT] += duration_ms
        cell[INDEX[element]] += duration_ms
        cell[CONFLICT] += duration_ms if segment.conflict else 0
        cell[DOWN] += duration_ms if segment.state == "down" else 0
    else:
        cell[PLANNED_STOP] += duration_ms if segment.plan.planned_stop or segment.plan.planned else 0
        cell[OVERTIME] += duration_ms if working else 0
    cell[ATTENDED] += duration_ms * segment.operators
    cell[WORKED] += duration_ms * segment.operators if working else 0


def _add_pieces(station: StationState, minute_ms: int, cells: Cells) -> None:
    """Add the quantities of a minute, each to the cell of its own order and product."""
    found = station.pieces.get(minute_ms)
    if found is None:
        return
    shift = shift_of_minute(station, minute_ms)
    for key, pieces in found.items():
        cell = cells.setdefault((key.order, key.product, shift), list(ZERO))
        produced = pieces.good + pieces.scrap + pieces.rework
        if not station.counts(key, minute_ms):
            cell[OTHER_SOURCE_PIECES] += produced
            continue
        cell[GOOD] += pieces.good
        cell[SCRAP] += pieces.scrap
        cell[REWORK] += pieces.rework
        cell[CYCLES] += pieces.cycles
        cell[CYCLE] += pieces.cycle_ms
        planned_cycle_ms = station.planned_cycle_ms(key, minute_ms)
        if planned_cycle_ms is not None:
            cell[PLANNED_RUN] += planned_cycle_ms * produced
            cell[PIECES_WITH_STANDARD] += produced


def shift_of_minute(station: StationState, minute_ms: int) -> str:
    """Shifts begin and end on whole minutes, so a minute lies in one."""
    calendar = in_force(station.calendars, minute_ms + MINUTE_MS - 1)
    found = windows(calendar, minute_ms, minute_ms + MINUTE_MS) if calendar else []
    return found[0].shift if found else ""


def _publish(station: StationState, from_ms: int, to_ms: int, cells: Cells) -> Iterator[MinuteRun]:
    """The same cells for every minute of [from_ms, to_ms)."""
    if from_ms >= to_ms:
        return
    alive = {key: tuple(cell) for key, cell in sorted(cells.items()) if any(cell)}
    keys = tuple(alive)
    for minute_ms in range(from_ms, to_ms, MINUTE_MS) if keys else _within(station.published, from_ms, to_ms):
        before = station.published.get(minute_ms, ())
        if before == keys:
            continue
        for key in before:
            if key not in alive:
                yield MinuteRun(station.station, minute_ms, 1, *key, ZERO, True)
        if keys:
            station.published[minute_ms] = keys
        else:
            del station.published[minute_ms]
    for key, measures in alive.items():
        yield MinuteRun(station.station, from_ms, (to_ms - from_ms) // MINUTE_MS, *key, measures, False)
