"""When a station is planned to work, spelled out instant by instant from its calendars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.twin.steps import Steps
from sipe.contracts.calendar import Break, Calendar, Shift


class Hours(NamedTuple):
    """`shift` is the shift's id or '' outside of any; `planned` is planned busy time (PBT) as the calendar has it."""

    shift: Steps[str]
    planned: Steps[bool]

    def spans(self, from_ms: int, to_ms: int) -> Iterator[tuple[int, int, str, bool]]:
        """The parts (from_ms, to_ms, shift, planned) of a span between one change and the next."""
        edges = sorted({from_ms, to_ms, *(ms for ms in self.shift.instants if from_ms < ms < to_ms)})
        for start_ms, end_ms in pairwise(edges):
            yield start_ms, end_ms, self.shift.at(start_ms), self.planned.at(start_ms)


class _Span(NamedTuple):
    from_ms: int
    to_ms: int
    name: str

    def covers(self, ms: int) -> bool:
        return self.from_ms <= ms < self.to_ms


def hours(assigned: Sequence[tuple[int, Calendar]], from_ms: int, to_ms: int) -> Hours:
    """The hours over [from_ms, to_ms) under (valid_from_ms, calendar) pairs, ascending; before the first: no shift."""
    result = Hours(Steps(""), Steps(False))
    ends_ms = [valid_from_ms for valid_from_ms, _ in assigned[1:]] + [to_ms]
    for (valid_from_ms, calendar), end_ms in zip(assigned, ends_ms, strict=True):
        shifts, stops = _spans(calendar, from_ms, to_ms)
        borders = {valid_from_ms, *(ms for span in (*shifts, *stops) for ms in (span.from_ms, span.to_ms))}
        for ms in sorted(border for border in borders if valid_from_ms <= border < end_ms):
            shift = next((span.name for span in shifts if span.covers(ms)), "")
            result.shift.set(ms, shift)
            result.planned.set(ms, shift != "" and not any(span.covers(ms) for span in stops))
    return result


def _spans(calendar: Calendar, from_ms: int, to_ms: int) -> tuple[list[_Span], list[_Span]]:
    """Shifts, and everything that takes planned busy time out of them."""
    zone = ZoneInfo(calendar.zone)
    replaced = {exception.date: exception.shifts for exception in calendar.exceptions}
    shifts, stops = [], [_Span(stop.from_ms, stop.to_ms, stop.reason) for stop in calendar.planned_stops]
    for day in _days(from_ms, to_ms, zone):
        weekday = day.isoweekday()
        usual = [shift for shift in calendar.shifts if weekday in shift.days]
        for shift in replaced.get(day.isoformat(), usual):
            shifts.append(_on_day(shift, day, zone, f"{day.isoformat()}/{shift.name}"))
        stops += [_on_day(pause, day, zone, pause.name) for pause in calendar.breaks if weekday in pause.days]
    return shifts, stops


def _days(from_ms: int, to_ms: int, zone: ZoneInfo) -> Iterable[date]:
    """The local dates of the span, and the one before, whose night shift reaches in."""
    day = datetime.fromtimestamp(from_ms / 1000, zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(to_ms / 1000, zone).date()
    while day <= last:
        yield day
        day += timedelta(days=1)


def _on_day(entry: Shift | Break, day: date, zone: ZoneInfo, name: str) -> _Span:
    last_day = day + timedelta(days=1) if entry.end <= entry.start else day
    return _Span(_local_ms(day, entry.start, zone), _local_ms(last_day, entry.end, zone), name)


def _local_ms(day: date, time_of_day: str, zone: ZoneInfo) -> int:
    moment = datetime.fromisoformat(f"{day.isoformat()}T{time_of_day}").replace(tzinfo=zone)
    return round(moment.timestamp() * 1000)
