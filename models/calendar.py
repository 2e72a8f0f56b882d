"""Working time of a station: shifts, breaks and planned stops as half-open spans of UTC milliseconds.

ISO 22400: planned operation time (POT) is the time inside shifts; planned busy time (PBT) is POT without planned stops.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models.spans import Spans
from sipe.contracts.calendar import Break, Calendar, Shift

DAY = timedelta(days=1)


class Window(NamedTuple):
    """A span inside one shift; `planned` when it is planned busy time, not a planned stop."""

    from_ms: int
    to_ms: int
    shift: str
    planned: bool


def windows(calendar: Calendar, from_ms: int, to_ms: int) -> list[Window]:
    """The shifts of a calendar over [from_ms, to_ms), cut at breaks and planned stops; time off shift is left out.

    Zone-aware: local times are taken as the wall clock shows them, so a shift over a change of the clock is an hour
    shorter or longer. Windows are sorted and disjoint; where shifts overlap, the one that starts later wins.
    """
    zone = ZoneInfo(calendar.zone)
    day = datetime.fromtimestamp(from_ms / 1000, zone).date() - DAY
    last = datetime.fromtimestamp(to_ms / 1000, zone).date()
    found: list[Window] = []
    while day <= last:
        for window in _windows_of_day(calendar, day):
            if window.from_ms < to_ms and window.to_ms > from_ms:
                found.append(window._replace(from_ms=max(from_ms, window.from_ms), to_ms=min(to_ms, window.to_ms)))
        day += DAY
    return sorted(found)


@lru_cache(maxsize=4096)
def _windows_of_day(calendar: Calendar, day: date) -> tuple[Window, ...]:
    """The windows of the shifts that start on a local date."""
    zone = ZoneInfo(calendar.zone)
    nearby = (day, day + DAY)  # a shift lasts a day at most, so what cuts it starts today or tomorrow
    stops = [_local_span(zone, date_, stop) for date_ in (day - DAY, *nearby) for stop in _breaks(calendar, date_)]
    stops = sorted(stops + [(stop.from_ms, stop.to_ms) for stop in calendar.planned_stops])
    shifts = [shift for date_ in nearby for shift in _shifts_of_day(calendar, date_)]
    found: list[Window] = []
    for start, end, name in _shifts_of_day(calendar, day):
        taken = Spans()
        for other_start, other_end, other_name in shifts:
            if (other_start, other_end, other_name) > (start, end, name):
                taken.add(other_start, other_end)
        for part_start, part_end in taken.add(start, end):
            found += _cut(part_start, part_end, f"{day.isoformat()}/{name}", stops)
    return tuple(found)


def _cut(start: int, end: int, shift: str, stops: list[tuple[int, int]]) -> list[Window]:
    found: list[Window] = []
    at = start
    for stop_from, stop_to in stops:
        stop_start, stop_end = max(at, stop_from), min(end, stop_to)
        if stop_start >= stop_end:
            continue
        if at < stop_start:
            found.append(Window(at, stop_start, shift, True))
        found.append(Window(stop_start, stop_end, shift, False))
        at = stop_end
    if at < end:
        found.append(Window(at, end, shift, True))
    return found


def _shifts_of_day(calendar: Calendar, day: date) -> list[tuple[int, int, str]]:
    zone = ZoneInfo(calendar.zone)
    shifts = next(
        (exception.shifts for exception in calendar.exceptions if exception.date == day.isoformat()),
        tuple(shift for shift in calendar.shifts if day.isoweekday() in shift.days),
    )
    return [(*_local_span(zone, day, shift), shift.name) for shift in shifts]


def _breaks(calendar: Calendar, day: date) -> list[Break]:
    return [stop for stop in calendar.breaks if day.isoweekday() in stop.days]


def _local_span(zone: ZoneInfo, day: date, span: Shift | Break) -> tuple[int, int]:
    start, end = time.fromisoformat(span.start), time.fromisoformat(span.end)
    end_day = day if end > start else day + DAY
    return _utc_ms(zone, day, start), _utc_ms(zone, end_day, end)


def _utc_ms(zone: ZoneInfo, day: date, at: time) -> int:
    return int(datetime.combine(day, at, zone).timestamp()) * 1000
