"""Signs of life: when a source was heard of recently enough for its word to count."""

from __future__ import annotations

from models.fold.told import FOREVER
from models.spans import Span, Spans


class Presence:
    """The alive time of one boot of a source: each event keeps it alive for a number of heartbeat periods.

    The period comes with `station_born`, which may arrive after its heartbeats; until then every sign is kept.
    """

    __slots__ = ("_alive", "_begin_ms", "_limit_ms", "_signs")

    def __init__(self, default_limit_ms: int) -> None:
        self._limit_ms = default_limit_ms
        self._begin_ms = FOREVER
        self._signs: list[int] | None = []
        self._alive = Spans()

    @property
    def limit_ms(self) -> int:
        """How long a sign of life keeps the boot alive."""
        return self._limit_ms

    @property
    def begin_ms(self) -> int:
        """Its first sign of life, whether that was forgotten since or not."""
        return self._begin_ms

    def sign(self, ts_ms: int) -> list[Span]:
        """Note a sign of life; returns the time that is alive now and was not before."""
        self._begin_ms = min(self._begin_ms, ts_ms)
        if self._signs is not None:
            self._signs.append(ts_ms)
        return self._alive.add(ts_ms, ts_ms + self._limit_ms)

    def signs(self, first_ms: int, last_ms: int) -> None:
        """Note signs of life between which it was never silent for as long as the limit; the period is told before."""
        self._begin_ms = min(self._begin_ms, first_ms)
        self._alive.add(first_ms, last_ms + self._limit_ms)

    def declare(self, limit_ms: int) -> list[Span]:
        """The boot has told its period; returns the time that may have changed. Of several words the longest counts."""
        before = list(self._alive)
        if self._signs is not None:
            signs = [(ts_ms, ts_ms + limit_ms) for ts_ms in self._signs]
            self._signs = None
        elif limit_ms > self._limit_ms:  # a span ends so long after its last sign, whatever was merged before
            signs = [(from_ms, to_ms + limit_ms - self._limit_ms) for from_ms, to_ms in before]
        else:
            return []
        self._limit_ms, self._alive = limit_ms, Spans()
        for from_ms, to_ms in signs:
            self._alive.add(from_ms, to_ms)
        return [*before, *self._alive]

    def within(self, from_ms: int, to_ms: int) -> list[Span]:
        """The alive parts of [from_ms, to_ms)."""
        return self._alive.within(from_ms, to_ms)

    def forget_before(self, floor_ms: int) -> bool:
        """Drop what ended before the floor; True when nothing is left."""
        self._alive.drop_before(floor_ms)
        if self._signs is not None:
            self._signs = [ts_ms for ts_ms in self._signs if ts_ms >= floor_ms - self._limit_ms]
        return not self._alive
