"""What a simulated day has in store for a plant: its pace, its orders, its outages, its changes of plan."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import msgspec

from models.plant import Plant, PlantStation
from models.twin.drafts import Draft, Job, Span
from models.twin.link import Outage, OutageKind
from sipe.contracts.calendar import Calendar
from sipe.contracts.events import CalendarAssigned, StandardTimeSet

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
HEARTBEAT_MS_MAX = 5 * MINUTE_MS


def scaled(plant: Plant, scale: float) -> Plant:
    """The plant at another pace: standard times and heartbeats over `scale`."""
    if not 0 < scale <= 1:
        raise ValueError(f"scale must be above 0 and at most 1, not {scale}")
    stations = tuple(
        msgspec.structs.replace(
            station,
            heartbeat_ms=max(station.heartbeat_ms, min(round(station.heartbeat_ms / scale), HEARTBEAT_MS_MAX)),
            planned_cycle_ms={
                step: {product: round(ms / scale) for product, ms in times.items()}
                for step, times in station.planned_cycle_ms.items()
            },
        )
        for station in plant.stations
    )
    return msgspec.structs.replace(plant, stations=stations)


def jobs_of(plant: Plant, station: PlantStation, span: Span, random: Random) -> list[Job]:
    """The day's orders, products in turn, as the station works on them."""
    day_ms = span.to_ms - span.from_ms
    count = max(2, round(day_ms / (2.75 * HOUR_MS)))
    ends_ms = [
        span.from_ms + day_ms * (n + 1) // count + random.randint(-5, 5) * day_ms // 1000 for n in range(count - 1)
    ]
    ends_ms.append(span.to_ms - max(MINUTE_MS, day_ms // 200))
    piece_ms = max(max(times.values(), default=HOUR_MS) for times in station.planned_cycle_ms.values())
    jobs = []
    for index, (start_ms, end_ms) in enumerate(pairwise([span.from_ms, *ends_ms])):
        product = plant.products[index % len(plant.products)]
        jobs.append(Job(f"PO-{1001 + index}", product, 1 + (end_ms - start_ms) // piece_ms, end_ms))
    return jobs


def outages_of(plant: Plant, span: Span, random: Random) -> dict[str, Outage]:
    """Three stations that are not heard for a while, each in its own way."""
    victims = random.sample(plant.stations, min(3, len(plant.stations)))
    day_ms = span.to_ms - span.from_ms
    plans: tuple[tuple[OutageKind, float, float], ...] = (
        ("gateway_dead", 0.30, 0.025),
        ("uplink_down", 0.45, 0.04),
        ("power_loss", 0.62, 0.03),
    )
    outages = {}
    for station, (kind, begins, lasts) in zip(victims, plans, strict=False):
        start_ms = span.from_ms + round(begins * day_ms) + random.randint(0, 30_000)
        duration_ms = round(lasts * day_ms)
        if kind != "uplink_down":
            duration_ms = max(duration_ms, round(4.5 * station.heartbeat_ms))
        outages[station.id] = Outage(kind, start_ms, start_ms + duration_ms)
    return outages


def plant_changes(plant: Plant, span: Span) -> Iterator[tuple[str, Draft]]:
    """What the plant tells during the day, station by station: corrected standard times, and its end.

    Every third station gets a standard time that is valid from the middle of a minute in the past. At the end comes a
    calendar without shifts, else a stack would go on to fill the time after the day as unknown.
    """
    day_ms = span.to_ms - span.from_ms
    corrected_ms = span.from_ms + day_ms * 2 // 5
    valid_from_ms = corrected_ms - day_ms // 20 + 12_345
    for index, station in enumerate(plant.stations):
        step, times = next(iter(station.planned_cycle_ms.items()))
        for product, planned_cycle_ms in list(times.items())[:1] if index % 3 == 0 else ():
            standard = {"product": product, "step": step, "planned_cycle_ms": planned_cycle_ms * 24 // 25}
            yield station.id, Draft(corrected_ms, StandardTimeSet, {"valid_from_ms": valid_from_ms, **standard})
        closed = Calendar(zone=plant.calendar_of(station).zone)
        yield station.id, Draft(span.to_ms, CalendarAssigned, {"valid_from_ms": span.to_ms, "calendar": closed})
