"""The timeline of a station: what it did, instant by instant, as a pure function of what was told.

`segments` cuts a span of time wherever anything changes (a state, an order, a shift, a signal lost, an operator signing
on, a stop classified) and says for each piece which state counts and to whom its time belongs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

from models.calendar import windows
from models.fold.rules import RANK, UNKNOWN
from models.fold.station import StationState
from models.fold.told import FOREVER
from models.spans import Span, Spans
from sipe.contracts.fields import INTERVAL_MS_MAX

T = TypeVar("T")
Steps = list[tuple[int, T]]
"""A step function: the value from each instant on; the first step is where the span begins."""


class Claim(NamedTuple):
    """Somebody says that the station was in a state over [from_ms, to_ms). The smallest of several counts."""

    rank: int
    since_ms: int
    order: str
    product: str
    reason: str
    from_ms: int
    to_ms: int
    state: str


class Plan(NamedTuple):
    """What the calendar says: the shift ('' outside), and whether this is planned busy time or a planned stop."""

    shift: str = ""
    planned: bool = False
    planned_stop: bool = False


class Note(NamedTuple):
    """The classification in force."""

    reason: str
    by: str
    stop_version: int


class Segment(NamedTuple):
    """A span over which nothing changes."""

    from_ms: int
    to_ms: int
    state: str
    order: str
    product: str
    reason: str
    conflict: bool
    plan: Plan
    operators: int
    note: Note | None


NO_ORDER = ("", "")
OFF_PLAN = Plan()


def segments(station: StationState, from_ms: int, to_ms: int) -> Iterator[Segment]:
    """The segments of [from_ms, to_ms), in order and without gaps between them."""
    claims = sorted(_claims(station, from_ms, to_ms), key=lambda claim: claim.from_ms)
    orders = _order_steps(station, from_ms, to_ms)
    plans = _plan_steps(station, from_ms, to_ms)
    crews = _crew_steps(station, from_ms, to_ms)
    notes = _note_steps(station, from_ms, to_ms)
    edges = {from_ms, to_ms}
    edges.update(claim.from_ms for claim in claims)
    edges.update(claim.to_ms for claim in claims)
    edges.update(at for steps in (orders, plans, crews, notes) for at, _ in steps)
    order_at, plan_at, crew_at, note_at = _reader(orders), _reader(plans), _reader(crews), _reader(notes)
    active: list[Claim] = []
    next_claim = 0
    for start, end in pairwise(sorted(edges)):
        if active:
            active = [claim for claim in active if claim.to_ms > start]
        while next_claim < len(claims) and claims[next_claim].from_ms <= start:
            active.append(claims[next_claim])
            next_claim += 1
        (order, product), plan = order_at(start), plan_at(start)
        state, reason = UNKNOWN, ""
        if active:
            winner = min(active)
            state, reason = winner.state, winner.reason
            if winner.order:
                product = winner.product or (product if winner.order == order else "")
                order = winner.order
            elif winner.product:
                product = winner.product
        conflict = len(active) > 1 and any(claim.rank != active[0].rank for claim in active)
        yield Segment(start, end, state, order, product, reason, conflict, plan, crew_at(start), note_at(start))


def cut(timeline: Sequence[Segment], from_ms: int, to_ms: int) -> Iterator[Segment]:
    """The part of a timeline that lies in [from_ms, to_ms)."""
    for at in range(bisect_right(timeline, from_ms, key=_to_ms), len(timeline)):
        segment = timeline[at]
        if segment.from_ms >= to_ms:
            return
        if segment.from_ms < from_ms or segment.to_ms > to_ms:
            segment = segment._replace(from_ms=max(segment.from_ms, from_ms), to_ms=min(segment.to_ms, to_ms))
        yield segment


def changed_plan(before: StationState, after: StationState, from_ms: int, to_ms: int) -> Iterator[Span]:
    """Where in [from_ms, to_ms) two states of a station plan differently."""
    old, new = _plan_steps(before, from_ms, to_ms), _plan_steps(after, from_ms, to_ms)
    old_at, new_at = _reader(old), _reader(new)
    edges = sorted({from_ms, to_ms, *(at for at, _ in old), *(at for at, _ in new)})
    for start, end in pairwise(edges):
        if old_at(start) != new_at(start) and start < to_ms:
            yield start, min(end, to_ms)


def _to_ms(segment: Segment) -> int:
    return segment.to_ms


def _reader(steps: Steps[T]) -> Callable[[int], T]:
    """Reads a step function at instants that only grow."""
    at = 0

    def value(ts_ms: int) -> T:
        nonlocal at
        while at + 1 < len(steps) and steps[at + 1][0] <= ts_ms:
            at += 1
        return steps[at][1]

    return value


def _claims(station: StationState, from_ms: int, to_ms: int) -> Iterator[Claim]:
    for source, marks in station.marks.items():
        alive = _alive(station, source, from_ms, to_ms)
        if not alive:
            continue
        first = max(bisect_right(marks, from_ms, key=lambda mark: mark.ts_ms) - 1, 0)
        last = bisect_left(marks, to_ms, key=lambda mark: mark.ts_ms)
        for i in range(first, last):
            mark = marks[i]
            if mark.state is None:
                continue
            until = marks[i + 1].ts_ms if i + 1 < len(marks) else FOREVER
            for start, end in alive.within(max(mark.ts_ms, from_ms), min(until, to_ms)):
                yield Claim(
                    RANK[mark.state], mark.ts_ms, mark.order or "", mark.product or "", mark.reason,
                    start, end, mark.state,
                )  # fmt: skip
    first = bisect_left(station.intervals, from_ms - INTERVAL_MS_MAX, key=lambda interval: interval.from_ms)
    last = bisect_left(station.intervals, to_ms, key=lambda interval: interval.from_ms)
    for interval in station.intervals[first:last]:
        start, end = max(interval.from_ms, from_ms), min(interval.to_ms, to_ms)
        if start < end:
            yield Claim(
                RANK[interval.state], interval.from_ms, interval.order or "", interval.product or "", interval.reason,
                start, end, interval.state,
            )  # fmt: skip


def _alive(station: StationState, source: str, from_ms: int, to_ms: int) -> Spans:
    alive = Spans()
    for presence in station.presence[source].values():
        for start, end in presence.within(from_ms, to_ms):
            alive.add(start, end)
    return alive


def _order_steps(station: StationState, from_ms: int, to_ms: int) -> Steps[tuple[str, str]]:
    """The order at the unit: from its start until its end or the next start."""
    orders = station.orders
    last = bisect_left(orders, to_ms, key=lambda mark: mark.ts_ms)
    first = bisect_right(orders, from_ms, hi=last, key=lambda mark: mark.ts_ms)
    while first > 0 and not orders[first - 1].started:
        first -= 1
    current = NO_ORDER
    steps = [(from_ms, current)]
    for mark in orders[max(first - 1, 0) : last]:
        if mark.started:
            current = (mark.order, mark.product)
        elif mark.order == current[0]:
            current = NO_ORDER
        if mark.ts_ms <= from_ms:
            steps[0] = (from_ms, current)
        else:
            steps.append((mark.ts_ms, current))
    return steps


def _plan_steps(station: StationState, from_ms: int, to_ms: int) -> Steps[Plan]:
    """The working time that is accounted for.

    With a calendar: its shifts, while the station is not retired. Without one: busy from the first to the last event.
    """
    steps = [(from_ms, OFF_PLAN)]
    starts = [valid_from_ms for valid_from_ms, _, _ in station.calendars]
    without_until = starts[0] if starts else FOREVER
    for first_ms, beyond_ms in station.recorded.within(from_ms, min(to_ms, without_until) + 1):
        _set_step(steps, first_ms, beyond_ms - 1, Plan(planned=True))
    for i, (valid_from_ms, _, calendar) in enumerate(station.calendars):
        valid_to_ms = starts[i + 1] if i + 1 < len(starts) else FOREVER
        for start, end in station.heard.within(max(from_ms, valid_from_ms), min(to_ms, valid_to_ms)):
            for window in windows(calendar, start, end):
                plan = Plan(window.shift, window.planned, not window.planned)
                _set_step(steps, window.from_ms, window.to_ms, plan)
    return steps


def _set_step(steps: Steps[Plan], from_ms: int, to_ms: int, plan: Plan) -> None:
    """Append [from_ms, to_ms) to steps that end in the value off plan."""
    if from_ms < to_ms:
        if steps[-1][0] == from_ms:
            steps.pop()
        steps += [(from_ms, plan), (to_ms, OFF_PLAN)]


def _crew_steps(station: StationState, from_ms: int, to_ms: int) -> Steps[int]:
    """How many operators are signed on; a retired station is attended by nobody."""
    changes: dict[int, int] = {from_ms: 0}
    for marks in station.crew.values():
        ends = [identity[0] for identity, _ in marks[1:]] + [FOREVER]
        for ((ts_ms, *_), signed_on), until_ms in zip(marks, ends, strict=True):
            if not signed_on or ts_ms >= to_ms or until_ms <= from_ms:
                continue
            for start, end in station.heard.within(max(ts_ms, from_ms), min(until_ms, to_ms)):
                changes[start] = changes.get(start, 0) + 1
                changes[end] = changes.get(end, 0) - 1
    steps: Steps[int] = []
    operators = 0
    for at in sorted(changes):
        operators += changes[at]
        steps.append((at, operators))
    return steps


def _note_steps(station: StationState, from_ms: int, to_ms: int) -> Steps[Note | None]:
    """The classification in force: of those that cover an instant, the one with the highest version."""
    notes = [note for note in station.classifications if note.from_ms < to_ms and note.to_ms > from_ms]
    edges = {from_ms} | {max(note.from_ms, from_ms) for note in notes} | {min(note.to_ms, to_ms) for note in notes}
    steps: Steps[Note | None] = []
    for at in sorted(edges):
        covering = [note for note in notes if note.from_ms <= at < note.to_ms]
        top = max(covering) if covering else None
        steps.append((at, Note(top.reason, top.by, top.stop_version) if top else None))
    return steps
