"""Events in: what each type of event adds to what is known of a station, and which time it touches."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any, Literal

from models.fold.presence import Presence
from models.fold.rules import minute_of, source_kind
from models.fold.station import StationState
from models.fold.told import (
    Classification,
    Interval,
    OrderMark,
    PieceKey,
    Pieces,
    SharedCycle,
    StateMark,
    identity_of,
)
from models.spans import SeqSet, Span
from sipe.contracts import events as ev

Outcome = Literal["accepted", "duplicate", "late"]


def apply(station: StationState, event: ev.StationEvent) -> Outcome:
    """Take one event in; duplicates are told before lateness, so a doubled late event is a duplicate.

    Late is what speaks of time before the floor. It is taken in like any other, for it may still be in force today (a
    state, an order); what it says of the time before the floor is marked, to be folded again from the archive.
    """
    station.counters_changed = True
    seqs = station.seen.get((event.source, event.boot))
    if seqs is None:
        seqs = station.seen[event.source, event.boot] = SeqSet()
    if not seqs.add(event.seq):
        station.duplicates += 1
        return "duplicate"
    touched = span_of(event)
    late = touched is not None and touched[0] < station.floor_ms
    if touched is not None and late:
        station.late += 1
        station.mark_refold(touched[0], min(touched[1], station.floor_ms))
    else:
        station.accepted += 1
    station.begin_ms = min(station.begin_ms, touched[0] if touched else event.ts_ms)
    _hear(station, event, late=late)
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(station, event)
    return "late" if late else "accepted"


def _hear(station: StationState, event: ev.StationEvent, *, late: bool) -> None:
    is_definition = isinstance(event, _DEFINITIONS)
    is_correction = isinstance(event, _CORRECTIONS)
    if is_definition or is_correction:
        station.correcting.add((event.source, event.boot))
    if is_correction:
        return
    from_ms = event.from_ts_ms if isinstance(event, ev.IntervalReported) else event.ts_ms
    station.touch(station.heard.add(from_ms, event.ts_ms + station.config.retire_ms))
    if is_definition:
        return
    station.touch(_presence(station, event.source, event.boot).sign(event.ts_ms))
    if not late:  # a source that only tells of long ago does not hold the floor down
        station.active_ms[event.source] = max(event.ts_ms, station.active_ms.get(event.source, 0))
    station.first_ms = min(from_ms, station.first_ms if station.first_ms is not None else from_ms)
    station.last_ms = max(event.ts_ms, station.last_ms)
    station.touch(_record(station, from_ms, event.ts_ms))


def _presence(station: StationState, source: str, boot: int) -> Presence:
    boots = station.presence.setdefault(source, {})
    presence = boots.get(boot)
    if presence is None:
        limit_ms = station.config.silence_periods * station.config.default_heartbeat_ms
        presence = boots[boot] = Presence(limit_ms)
    return presence


def presume_heard(station: StationState, first_ms: int, last_ms: int) -> None:
    """Events that are not taken in one by one: the first and the last of them, which lie near each other."""
    station.heard.add(first_ms, last_ms + station.config.retire_ms)
    station.first_ms = min(first_ms, station.first_ms if station.first_ms is not None else first_ms)
    _record(station, first_ms, last_ms)


def presume_alive(station: StationState, source: str, boot: int, first_ms: int, last_ms: int) -> None:
    """The same for signs of life of a boot between which it was never silent for too long."""
    _presence(station, source, boot).signs(first_ms, last_ms)


def _record(station: StationState, from_ms: int, to_ms: int) -> list[Span]:
    """Note that the station was there, and in between; returns the time that may be planned now and was not before."""
    gap_ms = station.config.gap_ms
    near = station.recorded.within(from_ms - gap_ms, to_ms + gap_ms + 1)
    start = min([from_ms, *(start for start, _ in near[:1])])
    end = max([to_ms + 1, *(end for _, end in near[-1:])])
    return [(start - 1, end) for start, end in station.recorded.add(start, end)]  # the last of before was not planned


def _name(station: StationState, event: ev.StationEvent, display: str | None) -> None:
    if display is not None and (station.display is None or identity_of(event) > station.display[0]):
        station.display = (identity_of(event), display)


def _born(station: StationState, event: ev.StationBorn) -> None:
    _name(station, event, event.display)
    limit_ms = station.config.silence_periods * event.heartbeat_ms
    station.touch(station.presence[event.source][event.boot].declare(limit_ms))
    _mark(station, event.source, StateMark(event.ts_ms, event.boot, event.seq, None, "", None, None))


def _state_changed(station: StationState, event: ev.StateChanged) -> None:
    mark = StateMark(event.ts_ms, event.boot, event.seq, event.state, event.reason, event.order, event.product)
    _mark(station, event.source, mark)


def _mark(station: StationState, source: str, mark: StateMark) -> None:
    marks = station.marks.setdefault(source, [])
    at = bisect_left(marks, mark[:3])
    marks.insert(at, mark)
    until_ms = marks[at + 1].ts_ms if at + 1 < len(marks) else station.heard.end
    for presence in station.presence[source].values():  # beyond it the mark says nothing
        station.touch(presence.within(mark.ts_ms, until_ms))


def _interval_reported(station: StationState, event: ev.IntervalReported) -> None:
    _name(station, event, event.display)
    interval = Interval(
        event.from_ts_ms, event.ts_ms, event.source, event.boot, event.seq,
        event.state, event.reason, event.order, event.product,
    )  # fmt: skip
    insort(station.intervals, interval, key=_interval_identity)
    station.dirty.add(event.from_ts_ms, event.ts_ms)
    if event.good or event.scrap or event.rework:
        key = PieceKey(
            event.order or "", event.product or "", event.step or "",
            event.planned_cycle_ms, source_kind(event.source),
        )  # fmt: skip
        pieces = _pieces(station, event, minute_of(max(event.ts_ms - 1, 0)), key)
        pieces.good += event.good
        pieces.scrap += event.scrap
        pieces.rework += event.rework


def _cycle_completed(station: StationState, event: ev.CycleCompleted) -> None:
    minute_ms = minute_of(event.ts_ms)
    key = PieceKey(event.order, event.product, event.step, event.planned_cycle_ms, source_kind(event.source))
    pieces = _pieces(station, event, minute_ms, key)
    pieces.add(event.result, event.qty)
    if event.cycle_id is None:
        pieces.cycles += 1
        pieces.cycle_ms += event.cycle_ms
        return
    cycle = SharedCycle(identity_of(event), minute_ms, key, event.cycle_ms)
    known = station.cycles.get(event.cycle_id)
    if known is None or cycle.identity < known.identity:
        station.cycles[event.cycle_id] = cycle
        _count_cycle(station, cycle, 1)
        if known is not None:
            _count_cycle(station, known, -1)


def _count_cycle(station: StationState, cycle: SharedCycle, times: int) -> None:
    pieces = station.pieces[cycle.minute_ms][cycle.key]
    pieces.cycles += times
    pieces.cycle_ms += times * cycle.cycle_ms
    station.touch_minute(cycle.minute_ms)


def _pieces(station: StationState, event: ev.StationEvent, minute_ms: int, key: PieceKey) -> Pieces:
    """The sums to add to; notes who counts at this step, and since when."""
    first = station.first_counter.get(key.step)
    identity = identity_of(event)
    if key.kind and (first is None or identity < first):
        station.first_counter[key.step] = identity
        if first is not None and source_kind(first[1]) != key.kind:
            for counted_ms in station.pieces:
                station.touch_minute(counted_ms)
    station.touch_minute(minute_ms)
    minute = station.pieces.setdefault(minute_ms, {})
    if key not in minute:
        minute[key] = Pieces()
    return minute[key]


def _unit_reclassified(station: StationState, event: ev.UnitReclassified) -> None:
    key = PieceKey(event.order, event.product, event.step, None, "")
    pieces = _pieces(station, event, minute_of(event.cycle_ts_ms), key)
    pieces.add(event.result_before, -1)
    pieces.add(event.result, 1)


def _order_marked(station: StationState, event: ev.OrderStarted | ev.OrderEnded) -> None:
    started = isinstance(event, ev.OrderStarted)
    mark = OrderMark(*identity_of(event), started, event.order, event.product)
    at = bisect_left(station.orders, mark[:4])
    station.orders.insert(at, mark)
    until = next((later.ts_ms for later in station.orders[at + 1 :] if later.started), station.heard.end)
    station.dirty.add(event.ts_ms, until)


def _operator_signed(station: StationState, event: ev.OperatorSignedOn | ev.OperatorSignedOff) -> None:
    marks = station.crew.setdefault(event.operator, [])
    mark = (identity_of(event), isinstance(event, ev.OperatorSignedOn))
    at = bisect_left(marks, mark)
    marks.insert(at, mark)
    station.dirty.add(event.ts_ms, marks[at + 1][0][0] if at + 1 < len(marks) else station.heard.end)


def _stop_classified(station: StationState, event: ev.StopClassified) -> None:
    identity = identity_of(event)
    insort(
        station.classifications,
        Classification(event.stop_version, identity, event.from_ts_ms, event.to_ts_ms, event.reason, event.by),
    )
    station.dirty.add(event.from_ts_ms, event.to_ts_ms)


def _calendar_assigned(station: StationState, event: ev.CalendarAssigned) -> None:
    # A calendar holds no order among its fields; identities are unique, so comparison never reaches it.
    insort(station.calendars, (event.valid_from_ms, identity_of(event), event.calendar))
    _redefine(station, event.valid_from_ms)


def _standard_time_set(station: StationState, event: ev.StandardTimeSet) -> None:
    standards = station.standards.setdefault((event.product, event.step), [])
    insort(standards, (event.valid_from_ms, identity_of(event), event.planned_cycle_ms))
    _redefine(station, event.valid_from_ms)


def _counting_authority_set(station: StationState, event: ev.CountingAuthoritySet) -> None:
    authorities = station.authorities.setdefault(event.step or "", [])
    insort(authorities, (event.valid_from_ms, identity_of(event), event.source_kind))
    _redefine(station, event.valid_from_ms)


def _redefine(station: StationState, valid_from_ms: int) -> None:
    """A definition changed: restate what is within reach, and mark what lies before it."""
    station.dirty.add(minute_of(max(valid_from_ms, station.floor_ms, station.begin_ms)), station.heard.end)
    if station.first_ms is not None and valid_from_ms < station.floor_ms and station.first_ms < station.floor_ms:
        station.mark_refold(max(valid_from_ms, station.first_ms), station.floor_ms)


def _interval_identity(interval: Interval) -> tuple[int, int, str, int, int]:
    return interval[:5]


def span_of(event: ev.StationEvent) -> Span | None:
    """The time an event speaks about; None for definitions, which bring their own date and are never late."""
    if isinstance(event, _DEFINITIONS):
        return None
    if isinstance(event, ev.IntervalReported):
        return min(event.from_ts_ms, max(event.ts_ms - 1, 0)), event.ts_ms  # its quantities lie before its end
    if isinstance(event, ev.StopClassified):
        return event.from_ts_ms, event.to_ts_ms
    if isinstance(event, ev.UnitReclassified):
        return event.cycle_ts_ms, event.cycle_ts_ms
    return event.ts_ms, event.ts_ms


_DEFINITIONS = (ev.CalendarAssigned, ev.StandardTimeSet, ev.CountingAuthoritySet)
_CORRECTIONS = (ev.StopClassified, ev.UnitReclassified)

_HANDLERS: dict[type[ev.StationEvent], Callable[[StationState, Any], None]] = {
    ev.StationBorn: _born,
    ev.StateChanged: _state_changed,
    ev.IntervalReported: _interval_reported,
    ev.CycleCompleted: _cycle_completed,
    ev.UnitReclassified: _unit_reclassified,
    ev.OrderStarted: _order_marked,
    ev.OrderEnded: _order_marked,
    ev.OperatorSignedOn: _operator_signed,
    ev.OperatorSignedOff: _operator_signed,
    ev.StopClassified: _stop_classified,
    ev.CalendarAssigned: _calendar_assigned,
    ev.StandardTimeSet: _standard_time_set,
    ev.CountingAuthoritySet: _counting_authority_set,
}
