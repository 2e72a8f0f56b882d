"""The working calendar of a station, whole and self-contained, as `calendar_assigned` carries it."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from sipe.contracts.fields import LocalDate, Name, Text, TimeMs, TimeOfDay, Weekday

Weekdays = Annotated[tuple[Weekday, ...], Meta(min_length=1, max_length=7)]
EVERY_DAY: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)


class Shift(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A span of planned operation time (POT) that starts on the given weekdays.

    An `end` at or before `start` lies on the next day; the shift belongs to the day it starts on.
    """

    name: Name
    start: TimeOfDay
    end: TimeOfDay
    days: Weekdays = EVERY_DAY


class Break(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recurring planned stop: inside planned operation time, outside planned busy time (PBT)."""

    name: Name
    start: TimeOfDay
    end: TimeOfDay
    days: Weekdays = EVERY_DAY


class PlannedStop(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A single planned stop, such as preventive maintenance: [from_ms, to_ms)."""

    from_ms: TimeMs
    to_ms: TimeMs
    reason: Text = ""

    def __post_init__(self) -> None:
        if self.to_ms <= self.from_ms:
            raise ValueError("planned stop must end after it starts")


class DayException(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Replaces the shifts that start on one local date; no shifts means a closed day."""

    date: LocalDate
    shifts: Annotated[tuple[Shift, ...], Meta(max_length=6)] = ()

    def __post_init__(self) -> None:
        date.fromisoformat(self.date)


class Calendar(Struct, frozen=True, kw_only=True, omit_defaults=True, cache_hash=True):
    """Shifts, breaks, planned stops and exceptions in one time zone. No shifts means never planned."""

    zone: Name
    shifts: Annotated[tuple[Shift, ...], Meta(max_length=12)] = ()
    breaks: Annotated[tuple[Break, ...], Meta(max_length=24)] = ()
    planned_stops: Annotated[tuple[PlannedStop, ...], Meta(max_length=400)] = ()
    exceptions: Annotated[tuple[DayException, ...], Meta(max_length=800)] = ()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError, an odd path an OSError
            raise ValueError(f"unknown time zone {self.zone!r}") from error
        except KeyError:
            raise ValueError(f"unknown time zone {self.zone!r}") from None
