"""The fold of one partition: a map of stations, moved on by the ticks in the log.

Nothing is published but at a tick, so what is published, its version and the history are functions of the log alone,
whatever the batch size, the number of workers, or where a crash cut.
"""

from __future__ import annotations

from typing import NamedTuple

from models.fold.intake import Outcome, apply
from models.fold.minutes import MinuteRun, minute_runs
from models.fold.retention import forget
from models.fold.rules import MINUTE_MS, FoldConfig, minute_of
from models.fold.station import StationState
from models.fold.stops import StopChange, restate_stops, spans_of_stops
from models.fold.timeline import segments
from models.health import Health, HealthRow
from models.quarantine import Quarantine
from models.spans import Spans
from sipe.contracts.events import StationEvent


class StationRow(NamedTuple):
    """A station's name and the counts of its events."""

    station: str
    display: str
    has_calendar: bool
    accepted: int
    duplicates: int
    late: int
    missing: int
    last_ms: int


class Restatement(NamedTuple):
    """What one tick publishes. Minutes that end at or before `closed_ms` are closed."""

    now_ms: int
    closed_ms: int
    minutes: list[MinuteRun]
    stops: list[StopChange]
    stations: list[StationRow]
    refolds: list[tuple[str, int, int]]
    health: list[HealthRow]


class PartitionFold:
    """The state of one partition."""

    def __init__(self, config: FoldConfig) -> None:
        self.config = config
        self.stations: dict[str, StationState] = {}
        self.now_ms: int | None = None
        self.health = Health()
        self.quarantine = Quarantine()

    def apply(self, event: StationEvent) -> Outcome:
        """Take one event of a station in."""
        station = self.stations.get(event.station)
        if station is None:
            station = self.stations[event.station] = StationState(event.station, self.config)
        return apply(station, event)

    def tick(self, now_ms: int) -> Restatement:
        """Move the time on, never back, and publish everything that changed since the last tick."""
        previous_ms = self.now_ms if self.now_ms is not None else now_ms
        self.now_ms = now_ms = max(now_ms, previous_ms)
        closed_ms = minute_of(now_ms - self.config.close_grace_ms)
        closed_before_ms = minute_of(previous_ms - self.config.close_grace_ms)
        restatement = Restatement(now_ms, closed_ms, [], [], [], [], [])
        for name in sorted(self.stations):
            station = self.stations[name]
            for grown_from_ms, grown_to_ms in ((previous_ms, now_ms), (closed_before_ms, closed_ms)):
                for from_ms, to_ms in station.heard.within(grown_from_ms, grown_to_ms):
                    station.dirty.add(from_ms, to_ms)
            if station.dirty:
                _restate(station, now_ms, restatement)
            if station.counters_changed:
                restatement.stations.append(_row(station))
                restatement.refolds.extend(
                    (name, day_ms, station.refolds[day_ms]) for day_ms in sorted(station.late_days)
                )
                station.counters_changed = False
                station.late_days = set()
            forget(station)
        missing = ((row.station, row.missing) for row in restatement.stations)
        restatement.health.extend(self.health.tick(now_ms, missing))
        return restatement


def _restate(station: StationState, now_ms: int, restatement: Restatement) -> None:
    changed = Spans()
    for from_ms, to_ms in station.dirty.within(station.floor_ms, now_ms):
        # Whether a failure begins at `to_ms` depends on the state before it: the minute there is restated too.
        changed.add(minute_of(from_ms), min(minute_of(to_ms) + MINUTE_MS, now_ms))
    station.settle(now_ms)
    stops = spans_of_stops(station, changed, now_ms)
    known = Spans()
    for from_ms, to_ms in changed:
        known.add(from_ms - 1, to_ms)
    for from_ms, to_ms in stops:
        known.add(max(from_ms, station.floor_ms), to_ms)
    timeline = [segment for from_ms, to_ms in known for segment in segments(station, from_ms, to_ms)]
    for from_ms, to_ms in changed:
        restatement.minutes.extend(minute_runs(station, timeline, from_ms, to_ms))
    restatement.stops.extend(restate_stops(station, timeline, stops, now_ms))


def _row(station: StationState) -> StationRow:
    return StationRow(
        station.station,
        station.display[1] if station.display else station.station,
        bool(station.calendars),
        station.accepted,
        station.duplicates,
        station.late,
        station.missing_before + sum(seqs.missing for seqs in station.seen.values()),
        station.last_ms,
    )
