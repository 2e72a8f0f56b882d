"""How long to wait before the next attempt: exponential, with full jitter.

After a power cut a hall of gateways asks one server again; with full jitter ("Exponential Backoff And Jitter", AWS
Architecture Blog, 2015) they come one by one, where fixed steps keep them together.
"""

from __future__ import annotations

from collections.abc import Callable

_DOUBLINGS_MAX = 32


class Backoff:
    """The pauses between the attempts of one channel."""

    def __init__(self, base_ms: int, cap_ms: int, random: Callable[[], float]) -> None:
        """The first pause is below `base_ms`, and none is above `cap_ms`; `random` gives numbers from 0 up to 1."""
        self._base_ms = base_ms
        self._cap_ms = cap_ms
        self._random = random
        self._failures = 0

    def next_ms(self) -> int:
        """The pause after one more failure: anything from 0 to a ceiling that doubles each time."""
        ceiling_ms = min(self._cap_ms, self._base_ms << min(self._failures, _DOUBLINGS_MAX))
        self._failures += 1
        return round(self._random() * ceiling_ms)

    def reset(self) -> None:
        """A connection proved good: the next failure is the first."""
        self._failures = 0
