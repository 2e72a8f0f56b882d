"""What a plant file says: the stations, the calendars they work by, and their standard times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from sipe.contracts.calendar import Break, Calendar, Shift
from sipe.contracts.events import CalendarAssigned, CountingAuthoritySet, StandardTimeSet, StationEvent
from sipe.contracts.fields import DurationMs, HeartbeatMs, Name, Source, Station, Text
from sipe.errors import UsageError

T = TypeVar("T")
StepTimes = dict[Name, dict[Name, DurationMs]]


class PlantStation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A station: who it is, when it works, and how long a piece of each product may take at each of its steps."""

    id: Station
    display: Name
    role: Name
    calendar: Name
    heartbeat_ms: HeartbeatMs = 30_000
    counting: Annotated[Source, Meta(description="The kind of source that alone counts pieces here.")] | None = None
    planned_cycle_ms: Annotated[StepTimes, Meta(min_length=1)]

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps done here, in the order of the file."""
        return tuple(self.planned_cycle_ms)


class Plant(Struct, frozen=True, kw_only=True):
    """A whole plant, every reference in it resolved."""

    name: str
    calendars: dict[str, Calendar]
    stations: tuple[PlantStation, ...]

    def calendar_of(self, station: PlantStation) -> Calendar:
        """The calendar that the station works by."""
        return self.calendars[station.calendar]

    @property
    def products(self) -> tuple[str, ...]:
        """Every product that has a standard time somewhere, in the order of first mention."""
        times = (step for station in self.stations for step in station.planned_cycle_ms.values())
        return tuple(dict.fromkeys(product for step in times for product in step))


class _ShiftEntry(Shift, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In a file, a key that nobody reads is a typo; in an event it may come from a newer producer."""


class _BreakEntry(Break, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _PlannedStopEntry(Struct, rename={"from_": "from"}, forbid_unknown_fields=True):
    from_: datetime
    to: datetime
    reason: Text = ""


class _ExceptionEntry(Struct, forbid_unknown_fields=True):
    date: date
    shifts: tuple[_ShiftEntry, ...] = ()


class _CalendarEntry(Struct, forbid_unknown_fields=True):
    zone: Name
    shifts: tuple[_ShiftEntry, ...] = ()
    breaks: tuple[_BreakEntry, ...] = ()
    planned_stops: tuple[_PlannedStopEntry, ...] = ()
    exceptions: tuple[_ExceptionEntry, ...] = ()


class _PlantEntry(Struct, forbid_unknown_fields=True):
    name: Name
    calendars: dict[str, Any]
    stations: Annotated[tuple[dict[str, Any], ...], Meta(min_length=1)]


def parse_plant(document: Mapping[str, object]) -> Plant:
    """A plant from the plain values of a plant file; raises `UsageError` with the table and key that is wrong."""
    entry = _convert(document, _PlantEntry, "")
    calendars = {name: _calendar(value, f"calendars.{name}") for name, value in entry.calendars.items()}
    stations: dict[str, PlantStation] = {}
    for index, value in enumerate(entry.stations):
        station = _station(value, f"stations[{index}]")
        if station.id in stations:
            raise UsageError(f"stations[{index}].id: {station.id} is there twice")
        if station.calendar not in calendars:
            known = ", ".join(sorted(calendars)) or "none"
            raise UsageError(f"stations[{index}].calendar: no calendar {station.calendar!r}; there is {known}")
        stations[station.id] = station
    return Plant(name=entry.name, calendars=calendars, stations=tuple(stations.values()))


def _station(value: dict[str, Any], where: str) -> PlantStation:
    steps = value.get("planned_cycle_ms")
    for step, times in steps.items() if isinstance(steps, dict) else ():
        for product, planned_cycle_ms in times.items() if isinstance(times, dict) else ():
            _convert(planned_cycle_ms, DurationMs, f"{where}.planned_cycle_ms.{step}.{product}")
    return _convert(value, PlantStation, where)


def _calendar(value: object, where: str) -> Calendar:
    entry = _convert(value, _CalendarEntry, where)
    try:
        zone = ZoneInfo(entry.zone)
    except (KeyError, OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        raise UsageError(f"{where}.zone: unknown time zone {entry.zone!r}") from None
    fields = {
        "zone": entry.zone,
        "shifts": entry.shifts,
        "breaks": entry.breaks,
        "planned_stops": [
            {"from_ms": _unix_ms(stop.from_, zone), "to_ms": _unix_ms(stop.to, zone), "reason": stop.reason}
            for stop in entry.planned_stops
        ],
        "exceptions": [{"date": day.date.isoformat(), "shifts": day.shifts} for day in entry.exceptions],
    }
    return _convert(msgspec.to_builtins(fields), Calendar, where)


def _convert(value: object, type_: type[T], where: str) -> T:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        place = (where + path.rstrip("`")).lstrip(".") or "top level"
        raise UsageError(f"{place}: {what}") from None


def _unix_ms(moment: datetime, zone: ZoneInfo) -> int:
    """A moment without an offset is the plant's local time."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return round(aware.timestamp() * 1000)


def plant_events(
    plant: Plant,
    now_ms: int,
    *,
    boot: int,
    first_seq: int = 1,
    source: str = "plant",
    valid_from_ms: int | None = None,
) -> list[StationEvent]:
    """The events that teach the stream this plant, station by station, each station numbered from `first_seq`.

    They happen at `now_ms` and are valid from `valid_from_ms` on (default: from `now_ms`).
    """
    from_ms = now_ms if valid_from_ms is None else valid_from_ms
    events: list[StationEvent] = []
    for station in plant.stations:
        for seq, (kind, fields) in enumerate(_definitions(plant, station), start=first_seq):
            common = {"station": station.id, "source": source, "boot": boot, "seq": seq, "ts_ms": now_ms}
            events.append(kind(**common, valid_from_ms=from_ms, **fields))
    return events


def _definitions(plant: Plant, station: PlantStation) -> Iterator[tuple[Callable[..., StationEvent], dict[str, Any]]]:
    yield CalendarAssigned, {"calendar": plant.calendar_of(station)}
    for step, times in station.planned_cycle_ms.items():
        for product, planned_cycle_ms in times.items():
            yield StandardTimeSet, {"product": product, "step": step, "planned_cycle_ms": planned_cycle_ms}
    if station.counting is not None:
        yield CountingAuthoritySet, {"source_kind": station.counting}
