"""Retention: what no event within reach can touch any more is dropped, so that the state stays bounded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from models.fold.rules import HOUR_MS, MINUTE_MS, FoldConfig
from models.fold.station import StationState

HEARTBEAT_MS_MAX = HOUR_MS
"""The longest period that a boot may declare."""


def forget(station: StationState) -> None:
    """Raise the floor as far as the sources allow, and drop what no event within reach can touch."""
    if not station.active_ms:
        return
    floor_ms = floor_of(station.active_ms, station.config)
    if floor_ms <= station.floor_ms:
        return
    station.floor_ms = floor_ms
    station.pieces = {minute: pieces for minute, pieces in station.pieces.items() if minute >= floor_ms}
    station.published = {minute: keys for minute, keys in station.published.items() if minute >= floor_ms}
    station.cycles = {name: cycle for name, cycle in station.cycles.items() if cycle.minute_ms >= floor_ms}
    known_ms = floor_ms - MINUTE_MS  # the instant before the floor has to stay known: did a failure begin at it?
    station.intervals = [interval for interval in station.intervals if interval.to_ms > known_ms]
    station.classifications = [note for note in station.classifications if note.to_ms > known_ms]
    station.stops = [stop for stop in station.stops if stop.to_ms >= floor_ms]
    for marks in station.marks.values():
        del marks[: max(bisect_right(marks, known_ms, key=lambda mark: mark.ts_ms) - 1, 0)]
    started = [i for i, mark in enumerate(station.orders) if mark.started and mark.ts_ms <= known_ms]
    ended = bisect_right(station.orders, known_ms, key=lambda mark: mark.ts_ms)
    del station.orders[: started[-1] if started else ended]
    for signs in station.crew.values():
        del signs[: max(bisect_right(signs, known_ms, key=lambda sign: sign[0][0]) - 1, 0)]
    heard_of_ms = known_ms - station.config.silence_periods * HEARTBEAT_MS_MAX  # a boot may yet tell its heartbeat
    for source, boots in station.presence.items():
        silent = [boot for boot, presence in boots.items() if presence.forget_before(heard_of_ms)]
        # A boot that told its heartbeat may speak again within reach, unless the next one had begun before.
        newest = max((boot for boot, presence in boots.items() if presence.begin_ms <= known_ms), default=0)
        for boot in silent:
            if boot < newest:
                del boots[boot]
                _forget_seen(station, source, boot)
    histories: list[list[Any]] = [station.calendars, *station.standards.values(), *station.authorities.values()]
    for history in histories:
        del history[: max(bisect_right(history, known_ms, key=lambda entry: entry[0]) - 1, 0)]
    station.heard.drop_before(known_ms)


def floor_of(active_ms: Mapping[str, int], config: FoldConfig) -> int:
    """Before this hour nothing is known any more, given the newest sign of each source; there is at least one."""
    newest_ms = max(active_ms.values())
    slowest_ms = min(ts_ms for ts_ms in active_ms.values() if ts_ms >= newest_ms - config.retire_ms)
    floor_ms = slowest_ms - config.reach_ms
    return max(floor_ms - floor_ms % HOUR_MS, 0)


def _forget_seen(station: StationState, source: str, boot: int) -> None:
    """A repeat of what a boot told of its own time is late by now; of what it told of other times it may not be."""
    if (source, boot) not in station.correcting:
        station.missing_before += station.seen.pop((source, boot)).missing
