"""Events of both classes for tests of the spool, and what a spool holds, as far as anybody outside can see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from edge.spool import Spool, Waiting
from sipe.contracts.codec import decode
from sipe.contracts.event_classes import class_of
from sipe.contracts.events import CycleCompleted, GapDetected, Heartbeat, StationEvent

STATIONS = ("site.area.line.one", "site.area.line.two")


class Identity(NamedTuple):
    """Which event it is."""

    station: str
    source: str
    boot: int
    seq: int


def beat(seq: int, *, boot: int = 1, station: str = STATIONS[0]) -> Heartbeat:
    """Telemetry."""
    return Heartbeat(station=station, boot=boot, seq=seq, ts_ms=1_000 * seq)


def unit(seq: int, *, boot: int = 1, station: str = STATIONS[0]) -> CycleCompleted:
    """Traceability."""
    return CycleCompleted(
        station=station, boot=boot, seq=seq, ts_ms=1_000 * seq, order="4711", product="M1", step="final", qty=1,
        result="good", cycle_ms=900, serial=f"{boot}-{seq}",
    )  # fmt: skip


def identity(event: StationEvent) -> Identity:
    """Which event it is."""
    return Identity(event.station, event.source, event.boot, event.seq)


def is_kept(event: StationEvent) -> bool:
    """Whether it is of the class that is never dropped."""
    return class_of(event) == "traceability"


def decoded(waiting: Iterable[Waiting]) -> list[StationEvent]:
    """The events in what waits."""
    found = []
    for _, station, value in waiting:
        event = decode(value)
        assert isinstance(event, StationEvent)
        assert event.station == station
        found.append(event)
    return found


def contents(spool: Spool) -> list[StationEvent]:
    """Everything that waits; asked of a spool from which nothing is taken yet."""
    found = decoded(spool.take(1_000_000))
    spool.give_back()
    return found


def seqs(spool: Spool) -> list[int]:
    """Their numbers."""
    return [event.seq for event in contents(spool)]


def declared(events: Iterable[StationEvent]) -> set[Identity]:
    """What the gaps among these events say is missing."""
    return {
        Identity(gap.station, gap.source, gap.boot, seq)
        for gap in events
        if isinstance(gap, GapDetected)
        for seq in range(gap.first_missing, gap.last_missing + 1)
    }
