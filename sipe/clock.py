"""The clock, injected wherever time is read, so that a simulation or a test can hold it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> int:
        """Unix time, UTC, in milliseconds."""
        ...


class SystemClock:
    """The clock of this machine; it may be set back."""

    def now_ms(self) -> int:
        """Unix time, UTC, in milliseconds."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Unix time, UTC, in milliseconds."""
        return self._now_ms

    def set(self, now_ms: int) -> None:
        """Jump to a time, back too."""
        self._now_ms = now_ms

    def advance(self, by_ms: int) -> None:
        """Move on by a span."""
        self._now_ms += by_ms
