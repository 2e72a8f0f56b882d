"""Pulses at an input, and the readings of a counter: debounced, and without what a reset or a rollover would add.

Times are of one clock that never goes back, in milliseconds; nothing here looks at a clock.
"""

from __future__ import annotations

from edge.protocols.records import Record


class PulseInput:
    """Counts the pulses of a contact that bounces: a level counts once it has lasted for `debounce_ms`."""

    def __init__(self, debounce_ms: float, active: bool = True) -> None:
        """`active` is the level of a pulse. What the input shows first is no pulse, even if active."""
        self.count = 0
        """Pulses since the beginning, or since `reset`."""
        self._debounce_ms = debounce_ms
        self._active = active
        self._settled: bool | None = None
        self._level: bool | None = None
        self._since_ms = 0.0

    def read(self, level: bool, at_ms: float) -> int:
        """The level from now on, at each change or as often as one likes; gives how many pulses began: 0 or 1.

        A pulse is counted at the first reading after it has lasted, and belongs to the time of its beginning.
        """
        began = self._settle(at_ms)
        if level != self._level:
            self._level, self._since_ms = level, at_ms
            if self._settled is None:
                self._settled = level
        self.count += began
        return began

    def reset(self) -> int:
        """Count from zero; gives what was counted. A pulse that lasts is not counted again."""
        counted, self.count = self.count, 0
        return counted

    def _settle(self, at_ms: float) -> int:
        if self._level == self._settled or at_ms - self._since_ms < self._debounce_ms:
            return 0
        self._settled = self._level
        return int(self._settled == self._active)


class Step(Record):
    """What a counter has counted since the reading before; after a reset what was counted before it is not known."""

    FIELDS = ("pulses", "was_reset")

    def __init__(self, pulses: int, was_reset: bool) -> None:
        self.pulses = pulses
        self.was_reset = was_reset


class CounterInput:
    """Readings of a counter that begins with 0 again at `wrap`, or when its device restarts."""

    def __init__(self, wrap: int, rate_max_hz: float, burst_ms: float = 0.0) -> None:
        """`rate_max_hz` tells the two apart: no rollover makes more pulses than can have come.

        What its device has counted in `burst_ms` may show at once, however short a time has passed.
        """
        self._wrap = wrap
        self._rate_max_hz = rate_max_hz
        self._burst_ms = burst_ms
        self.value: int | None = None
        """What it showed last."""
        self._last_ms: float | None = 0.0

    def restore(self, value: int, at_ms: float | None) -> None:
        """Go on from a reading that somebody has kept; `at_ms` is None when nobody knows how long ago that was.

        Then a lower value is that of a device which has restarted, for a power cut is likelier than a whole round.
        """
        self.value, self._last_ms = value, at_ms

    def read(self, value: int, at_ms: float) -> Step:
        """The pulses since the reading before; the first reading is where counting begins.

        A device that restarts counts from 0: what it shows then has come since, unless that is more than can have come
        and somebody has set it. Raises `ValueError` for a value that this counter cannot have.
        """
        if not 0 <= value < self._wrap:
            raise ValueError(f"a counter of {self._wrap} never shows {value}")
        before, before_ms = self.value, self._last_ms
        self.value, self._last_ms = value, at_ms
        if before is None:
            return Step(0, False)
        if before_ms is None:
            return Step(value - before, False) if value >= before else Step(value, True)
        most = int(self._rate_max_hz * max(at_ms - before_ms, self._burst_ms) / 1000) + 1
        counted = pulses_between(before, value, self._wrap, most)
        if counted is None:
            return Step(value if value <= most else 0, True)
        return Step(counted, False)


def pulses_between(before: int, value: int, wrap: int, most: int) -> int | None:
    """The pulses between two readings of a counter, over its end if need be; None when that is more than can be."""
    pulses = (value - before) % wrap
    return pulses if pulses <= most else None
