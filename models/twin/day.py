"""A simulated day of a plant: what is sent, when, and what must come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from models.plant import Plant, PlantStation, plant_events
from models.twin.behaviour import behaviour_of
from models.twin.drafts import Draft, Span
from models.twin.hours import hours as working_hours
from models.twin.link import Identity, Outage, Send, device_events, identity, number, overtaken, transmit
from models.twin.people import attendance, classifications, hand_counts, reclassifications
from models.twin.schedule import jobs_of, outages_of, plant_changes, scaled
from models.twin.truth import Truth, truth_of
from models.twin.work import Work
from sipe.contracts.events import (
    CycleCompleted,
    GapDetected,
    StationBorn,
    StationEvent,
    StopClassified,
    UnitReclassified,
)
from sipe.contracts.script import Tick

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_START_MS = 1_772_445_600_000
"""Monday 2026-03-02, 06:00 in Manaus."""
DAY_HOURS = 16.5
"""Two shifts of eight hours, and half an hour in which some stations go on."""
LATE_MS = 10 * MINUTE_MS
CALM_MS = 5 * MINUTE_MS
"""From the last send to the last tick: everything that a tick may close is closed."""


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day as it is sent, `sends` in sending order, and its ground truth."""

    plant: Plant
    """The plant as simulated: standard times and heartbeats are those of the scale."""
    seed: int
    from_ms: int
    to_ms: int
    now_ms: int
    """The last tick."""
    sends: tuple[Send, ...]
    irregularities: dict[str, int]
    """How often each thing that makes a day difficult happened, by its name."""

    @cached_property
    def truth(self) -> Truth:
        """The rows that must be in the store when everything is in and the last tick has come."""
        return truth_of((send.event for send in self.sends), self.now_ms)

    @property
    def events(self) -> list[StationEvent]:
        """Every event in sending order, doubled ones as often as they are sent."""
        return [send.event for send in self.sends]

    def script(self, tick_ms: int = MINUTE_MS) -> Iterator[Send | Tick]:
        """Sends and ticks in the order of simulated time; a tick comes before what is sent at its moment."""
        tick_at_ms = self.from_ms
        for send in self.sends:
            while tick_at_ms <= send.at_ms:
                yield Tick(tick_at_ms)
                tick_at_ms += tick_ms
            yield send
        while tick_at_ms < self.now_ms:
            yield Tick(tick_at_ms)
            tick_at_ms += tick_ms
        yield Tick(self.now_ms)


def simulate(
    plant: Plant, *, seed: int, day_start_ms: int = DAY_START_MS, hours: float = DAY_HOURS, scale: float = 1.0
) -> Day:
    """One day of the plant, the same for the same arguments.

    `scale` 1 is the plant at its real pace; at 0.05 every cycle takes twenty times as long, so a day has about a
    tenth of the events. At the end of the day the stations get a calendar without shifts. Raises `ValueError` unless
    0 < `scale` <= 1 and the day lasts an hour at least.
    """
    if hours < 1:
        raise ValueError(f"a day must last at least 1 hour, not {hours}")
    plant = scaled(plant, scale)
    span = Span(day_start_ms, day_start_ms + round(hours * HOUR_MS))
    outages = outages_of(plant, span, _random(seed, "plant"))
    happened: Counter[str] = Counter()
    sends = _plant_sends(plant, span)
    for station in plant.stations:
        sends += _station_sends(plant, station, outages.get(station.id), span, seed=seed, happened=happened)
    sends.sort(key=lambda send: (send.at_ms, *identity(send.event)))
    last_ms = max(span.to_ms, sends[-1].at_ms) + CALM_MS
    return Day(
        plant=plant,
        seed=seed,
        from_ms=span.from_ms,
        to_ms=span.to_ms,
        now_ms=last_ms + (span.from_ms - last_ms) % MINUTE_MS,
        sends=tuple(sends),
        irregularities=_irregularities(sends, happened),
    )


def _random(seed: int, name: str) -> Random:
    """A stream of chance of its own for each part, so that a change of one station leaves the others as they were."""
    return Random(f"{seed}/{name}")  # noqa: S311  # a simulation, not a secret


def _plant_sends(plant: Plant, span: Span) -> list[Send]:
    events = plant_events(plant, span.from_ms, boot=1)
    next_seq = {event.station: event.seq + 1 for event in events}
    changes: dict[str, list[Draft]] = {station.id: [] for station in plant.stations}
    for station, draft in plant_changes(plant, span):
        changes[station].append(draft)
    for station, drafts in changes.items():
        events += number(station, "plant", drafts, first_seq=next_seq[station])
    return [Send(event.ts_ms, event) for event in events]


def _station_sends(
    plant: Plant, station: PlantStation, outage: Outage | None, span: Span, *, seed: int, happened: Counter[str]
) -> list[Send]:
    """All that is sent about one station on the day, by its device and by people."""
    random = _random(seed, station.id)
    planned = working_hours([(span.from_ms, plant.calendar_of(station))], span.from_ms, span.to_ms)
    behaviour = behaviour_of(station.role)
    work = Work(station=station, behaviour=behaviour, hours=planned, random=random, span=span)
    work.run(jobs_of(plant, station, span, random))
    device, lost = device_events(station, work.drafts, outage, span.to_ms)
    cycles = [event for event in device if isinstance(event, CycleCompleted)]
    told = {
        "terminal": attendance(planned, behaviour.operators, span, random),
        "api": classifications(work.stops, span.to_ms, random) + reclassifications(cycles, span.to_ms, random),
        "operator-1": hand_counts(cycles, random) if behaviour.counted_by_hand else [],
    }
    happened.update(work.happened)
    happened["lost"] += lost
    sends = transmit(device, outage, random)
    for source, drafts in told.items():
        sends += transmit(number(station.id, source, drafts), None, random)
    return sends


def _irregularities(sends: Sequence[Send], happened: Counter[str]) -> dict[str, int]:
    """How often each thing that makes a day difficult happened; what the sends show is counted there."""
    first: dict[Identity, Send] = {}
    for send in sends:
        first.setdefault(identity(send.event), send)
    events = [send.event for send in first.values()]
    return {
        "events": len(events),
        "sends": len(sends),
        "doubled": len(sends) - len(events),
        "late": sum(send.at_ms - send.event.ts_ms >= LATE_MS for send in first.values()),
        "replayed": sum(event.replayed for event in events),
        "out_of_order": overtaken(sends),
        "lost": happened["lost"],
        "gaps": sum(isinstance(event, GapDetected) for event in events),
        "restarts": sum(isinstance(event, StationBorn) and event.boot > 1 for event in events),
        "stops_classified": sum(isinstance(event, StopClassified) for event in events),
        "units_reclassified": sum(isinstance(event, UnitReclassified) for event in events),
        "hand_counts": sum(isinstance(event, CycleCompleted) and event.source != "device" for event in events),
        "breakdowns": happened["breakdowns"],
        "scrap_bursts": happened["scrap_bursts"],
        "rework_loops": happened["rework_loops"],
    }
