"""A token bucket: how many late events may go out now, so that the new ones find the way free."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Bucket:
    """Gives `per_s` a second, and never more than one second's worth at once; for any thread."""

    def __init__(self, per_s: float, monotonic_s: Callable[[], float]) -> None:
        self._per_s = per_s
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._level = per_s
        self._at_s = monotonic_s()

    def take(self, wanted: int) -> int:
        """How many of so many there are now; these are taken."""
        with self._lock:
            now_s = self._monotonic_s()
            self._level = min(self._per_s, self._level + (now_s - self._at_s) * self._per_s)
            self._at_s = now_s
            taken = min(wanted, int(self._level))
            self._level -= taken
            return taken
