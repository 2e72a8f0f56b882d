"""A circuit breaker: whoever does not answer is left alone for a while, so that nobody waits for them over and over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

REST_S = 0.5
REST_S_MAX = 15.0


class Breaker:
    """After a failure nothing is tried until it has rested; then one caller tries for all. Rests double, up to a bound.

    Threads may share it.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._rest_s = REST_S
        self._until_s: float | None = None

    def allows(self) -> bool:
        """Whether to try now; of those who ask at the end of a rest, one gets a yes."""
        if self._until_s is None:
            return True
        with self._lock:
            if self._until_s is None:
                return True
            if (now_s := self._monotonic()) < self._until_s:
                return False
            self._until_s = now_s + self._rest_s
            return True

    def answered(self) -> None:
        """It works."""
        if self._until_s is not None:
            with self._lock:
                self._until_s, self._rest_s = None, REST_S

    def failed(self) -> None:
        """It does not."""
        with self._lock:
            self._until_s = self._monotonic() + self._rest_s
            self._rest_s = min(self._rest_s * 2, REST_S_MAX)
