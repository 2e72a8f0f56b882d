"""A circuit breaker: while the office does not answer, one of the couriers asks now and then, and the rest wait.

What the office itself asks for (Retry-After) comes on top of each pause.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from edge.pauses import Draw, Pauses


class Breaker:
    """Says who may ask now; for any thread."""

    def __init__(self, pauses: Pauses, draw: Draw, monotonic_s: Callable[[], float]) -> None:
        self._pauses = pauses
        self._draw = draw
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._failures = 0
        self._until_s = 0.0
        self._is_asking = False

    @property
    def is_open(self) -> bool:
        """Whether the office did not answer when it was asked last."""
        return self._failures > 0

    def wait_s(self) -> float:
        """How long to wait; 0 when the caller may ask, and then has to say by `answered` or `failed` what came of it.

        While it is open, one at a time may.
        """
        with self._lock:
            if not self._failures:
                return 0.0
            left_s = self._until_s - self._monotonic_s()
            if left_s > 0:
                return left_s
            if self._is_asking:
                return self._pauses.first_s
            self._is_asking = True
            return 0.0

    def answered(self) -> None:
        """The office is there, whatever it has said."""
        with self._lock:
            self._failures, self._is_asking = 0, False

    def failed(self, retry_after_s: float = 0.0) -> None:
        """Nobody answered, or the office cannot now."""
        with self._lock:
            self._failures += 1
            self._is_asking = False
            pause_s = retry_after_s + self._pauses.after(self._failures, self._draw)
            self._until_s = max(self._until_s, self._monotonic_s() + pause_s)
