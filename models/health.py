"""Data health: what became of the messages of each station, per minute of the tick that took them in.

It counts per minute of the log's time, not of the events' own: a day that arrives late shows when it arrived. All
follows from the log, so a replay counts the same; and the minutes of a station add up to its totals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sipe.contracts.codec import station_of

MINUTE_MS = 60_000
NAMES_MAX = 10_000
"""Between two ticks, so many names that are known only from rejects; those of further ones are nobody's."""
SKEW_SUM_MS_MAX = 1 << 62
"""What the column holds is more than any clock gives; a log that is read for years into one minute might."""
NOBODY = ""
"""The station of rejects without a station's name as their key."""


class HealthRow(NamedTuple):
    """One station in one minute, up to now. `missing` is the change: a straggler that fills a gap takes it back."""

    station: str
    minute_ms: int
    received: int
    accepted: int
    duplicates: int
    late: int
    missing: int
    rejected: int
    skew_min_ms: int
    skew_max_ms: int
    skew_sum_ms: int


class Counts:
    """What came from one station in some time."""

    __slots__ = ("accepted", "duplicates", "late", "missing", "rejected", "skew_max_ms", "skew_min_ms", "skew_sum_ms")

    def __init__(self) -> None:
        self.accepted = self.duplicates = self.late = self.missing = self.rejected = 0
        self.skew_min_ms = self.skew_max_ms = self.skew_sum_ms = 0

    @property
    def events(self) -> int:
        """How many were events, whatever became of them; only these have a skew."""
        return self.accepted + self.duplicates + self.late

    def skew(self, min_ms: int, max_ms: int, sum_ms: int) -> None:
        """Take in the skew of events that are counted after this."""
        self.skew_min_ms = min(self.skew_min_ms, min_ms) if self.events else min_ms
        self.skew_max_ms = max(self.skew_max_ms, max_ms) if self.events else max_ms
        self.skew_sum_ms += sum_ms

    def add(self, other: Counts) -> None:
        """Take in what came later."""
        if other.events:
            self.skew(other.skew_min_ms, other.skew_max_ms, other.skew_sum_ms)
        for name in ("accepted", "duplicates", "late", "missing", "rejected"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def row(self, station: str, minute_ms: int) -> HealthRow:
        """What is published."""
        return HealthRow(
            station, minute_ms, self.events + self.rejected, self.accepted, self.duplicates, self.late, self.missing,
            self.rejected, self.skew_min_ms, self.skew_max_ms,
            max(min(self.skew_sum_ms, SKEW_SUM_MS_MAX), -SKEW_SUM_MS_MAX),
        )  # fmt: skip


class Health:
    """The counts of one partition: of the minute of the last tick, and of what came after it."""

    def __init__(self) -> None:
        self.minute_ms: int | None = None
        self.counts: dict[str, Counts] = {}
        self.fresh: dict[str, Counts] = {}
        self.missing: dict[str, int] = {}
        """How many numbers of each station were missing at the last tick."""

    def event(self, station: str, outcome: str, skew_ms: int) -> None:
        """An event came, and this became of it; `skew_ms` is its record's time less its own."""
        counts = self.fresh.get(station)
        if counts is None:
            counts = self.fresh[station] = Counts()
        counts.skew(skew_ms, skew_ms, skew_ms)
        if outcome == "accepted":
            counts.accepted += 1
        elif outcome == "duplicate":
            counts.duplicates += 1
        else:
            counts.late += 1

    def reject(self, key: bytes | None, number: int = 1) -> None:
        """Messages came that are no events, under this key."""
        self.fresh.setdefault(self._sender(key), Counts()).rejected += number

    def tick(self, now_ms: int, missing: Iterable[tuple[str, int]]) -> list[HealthRow]:
        """The rows of every station that something came from since the last tick, in the minute of this one.

        `missing` is how many numbers are missing now, of those stations where that may have changed.
        """
        minute_ms = now_ms - now_ms % MINUTE_MS
        if minute_ms != self.minute_ms:
            self.minute_ms, self.counts = minute_ms, {}
        for station, level in missing:
            if change := level - self.missing.get(station, 0):
                self.fresh.setdefault(station, Counts()).missing += change
            self.missing[station] = level
        fresh, self.fresh = self.fresh, {}
        for station, counts in fresh.items():
            self.counts.setdefault(station, Counts()).add(counts)
        return [self.counts[station].row(station, minute_ms) for station in sorted(fresh)]

    def _sender(self, key: bytes | None) -> str:
        name = station_of(key)
        if name is None:
            return NOBODY
        return name if name in self.missing or name in self.fresh or len(self.fresh) < NAMES_MAX else NOBODY
