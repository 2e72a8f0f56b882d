"""The values that the fold keeps of what a station told."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple, TypeVar

from sipe.contracts.events import StationEvent

T = TypeVar("T")

FOREVER = 1 << 62

Identity = tuple[int, str, int, int]
"""(ts_ms, source, boot, seq): the order of events within a station."""

History = list[tuple[int, Identity, T]]
"""Values by the date from which they hold; of two with the same date the later event wins."""


class StateMark(NamedTuple):
    """From `ts_ms` on a source is in `state`; None after a boot, until it tells."""

    ts_ms: int
    boot: int
    seq: int
    state: str | None
    reason: str
    order: str | None
    product: str | None


class Interval(NamedTuple):
    """A reported interval: the state held over [from_ms, to_ms)."""

    from_ms: int
    to_ms: int
    source: str
    boot: int
    seq: int
    state: str
    reason: str
    order: str | None
    product: str | None


class OrderMark(NamedTuple):
    """An order came to the unit, or left it."""

    ts_ms: int
    source: str
    boot: int
    seq: int
    started: bool
    order: str
    product: str


class Classification(NamedTuple):
    """A reason given to [from_ms, to_ms) by a person; the greatest wins, instant by instant."""

    stop_version: int
    identity: Identity
    from_ms: int
    to_ms: int
    reason: str
    by: str


class PieceKey(NamedTuple):
    """What pieces of one minute are summed by; `planned_cycle_ms` None asks for the standard in force."""

    order: str
    product: str
    step: str
    planned_cycle_ms: int | None
    kind: str
    """The kind of source that counted; empty for a reclassification, which every authority has to accept."""


class Pieces:
    """Sums of one minute and key."""

    __slots__ = ("cycle_ms", "cycles", "good", "rework", "scrap")

    def __init__(self) -> None:
        self.good = self.scrap = self.rework = self.cycles = self.cycle_ms = 0

    def add(self, result: str, qty: int) -> None:
        """Add pieces of one result."""
        setattr(self, result, getattr(self, result) + qty)


class SharedCycle(NamedTuple):
    """The cycle behind a cycle_id: counted once, where its smallest event stands."""

    identity: Identity
    minute_ms: int
    key: PieceKey
    cycle_ms: int


def identity_of(event: StationEvent) -> Identity:
    """Where an event stands among those of its station."""
    return event.ts_ms, event.source, event.boot, event.seq


def in_force(history: History[T], at_ms: int) -> T | None:
    """The value of an effective-dated history at an instant."""
    at = bisect_right(history, at_ms, key=lambda entry: entry[0])
    return history[at - 1][2] if at else None
