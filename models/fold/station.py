"""What a station has told: the deduplicated content of its events, held so that the order of arrival cannot matter.

Every collection here is a set, a sorted list or a sum of integers, so the state after any permutation of the same
events is the same. Events come in through models/fold/intake.py, which marks the spans of time that they touch as
dirty; the rows of those spans are worked out again at the next tick (timeline.py, minutes.py, stops.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from models.fold.presence import Presence
from models.fold.rules import DAY_MS, MINUTE_MS, FoldConfig, source_kind
from models.fold.told import (
    FOREVER,
    Classification,
    History,
    Identity,
    Interval,
    OrderMark,
    PieceKey,
    Pieces,
    SharedCycle,
    StateMark,
    in_force,
)
from models.spans import SeqSet, Span, Spans
from sipe.contracts.calendar import Calendar

AHEAD_MS_MAX = 10 * MINUTE_MS
"""Events may be a little ahead of the ticks; what they touch waits for its tick this far."""


class StationState:
    """The content of one station's events within reach, and what of it has to be published again."""

    def __init__(self, station: str, config: FoldConfig) -> None:
        self.station = station
        self.config = config
        # Identity and order.
        self.seen: dict[tuple[str, int], SeqSet] = {}
        self.correcting: set[tuple[str, int]] = set()
        self.missing_before = 0
        self.active_ms: dict[str, int] = {}
        self.floor_ms = 0
        self.begin_ms = FOREVER
        # What was told.
        self.display: tuple[Identity, str] | None = None
        self.presence: dict[str, dict[int, Presence]] = {}
        self.marks: dict[str, list[StateMark]] = {}
        self.intervals: list[Interval] = []
        self.orders: list[OrderMark] = []
        self.crew: dict[str, list[tuple[Identity, bool]]] = {}
        self.classifications: list[Classification] = []
        self.calendars: History[Calendar] = []
        self.standards: dict[tuple[str, str], History[int]] = {}
        self.authorities: dict[str, History[str]] = {}
        self.first_counter: dict[str, Identity] = {}
        self.pieces: dict[int, dict[PieceKey, Pieces]] = {}
        self.cycles: dict[str, SharedCycle] = {}
        # The time to account for: with a calendar while the station is not retired, else from first to last event;
        # `recorded` holds the latter as [first, last + 1), so that it knows a single event too.
        self.first_ms: int | None = None
        self.last_ms = 0
        self.heard = Spans()
        self.recorded = Spans()
        # What to publish at the next tick, and what was published.
        self.dirty = Spans()
        self.published: dict[int, tuple[tuple[str, str, str], ...]] = {}
        self.stops: list[Any] = []
        self.refolds: dict[int, int] = {}
        self.late_days: set[int] = set()
        # Counters.
        self.accepted = self.duplicates = self.late = 0
        self.counters_changed = False

    def touch(self, spans: Iterable[Span]) -> None:
        """These spans have to be worked out again."""
        for from_ms, to_ms in spans:
            self.dirty.add(from_ms, to_ms)

    def touch_minute(self, minute_ms: int) -> None:
        """The quantities of this minute changed; its time did not, so nothing after it is concerned."""
        self.dirty.add(minute_ms, minute_ms + 1)

    def settle(self, now_ms: int) -> None:
        """Everything up to now is published; what events ahead of the tick touched waits for its own."""
        waiting = self.dirty.within(now_ms, now_ms + AHEAD_MS_MAX)
        self.dirty = Spans()
        self.touch(waiting)

    def mark_refold(self, from_ms: int, to_ms: int) -> None:
        """A late event touches these days: they have to be folded again from the archive."""
        for day_ms in range(from_ms - from_ms % DAY_MS, max(to_ms, from_ms + 1), DAY_MS):
            self.refolds[day_ms] = self.refolds.get(day_ms, 0) + 1
            self.late_days.add(day_ms)

    def planned_cycle_ms(self, key: PieceKey, minute_ms: int) -> int | None:
        """Planned run time per item: the cycle's own, else the standard in force when the minute begins."""
        if key.planned_cycle_ms is not None:
            return key.planned_cycle_ms
        return in_force(self.standards.get((key.product, key.step), []), minute_ms)

    def counts(self, key: PieceKey, minute_ms: int) -> bool:
        """Whether pieces of this key are counted: one kind of source has the authority per step.

        Without a declaration it is the kind of source that counted there first.
        """
        if not key.kind:
            return True
        declared = in_force(self.authorities.get(key.step, []), minute_ms)
        return key.kind == (declared or source_kind(self.first_counter[key.step][1]))
