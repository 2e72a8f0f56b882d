"""Which of several things that are done at intervals is due next: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Sequence


class Polls:
    """Intervals that begin together; a poll that comes too late does not push those after it back."""

    def __init__(self, every_ms: Sequence[int], now_ms: int) -> None:
        self._every_ms = tuple(every_ms)
        self._due_ms = [now_ms] * len(self._every_ms)

    def wait_ms(self, now_ms: int) -> int:
        """How long until one is due."""
        return max(0, min(self._due_ms) - now_ms)

    def take(self, now_ms: int) -> tuple[int, int]:
        """(index, missed): the one that has been due for the longest, and how many of its polls were missed since."""
        index = min(range(len(self._due_ms)), key=self._due_ms.__getitem__)
        missed = max(0, now_ms - self._due_ms[index]) // self._every_ms[index]
        self._due_ms[index] += (missed + 1) * self._every_ms[index]
        return index, missed
