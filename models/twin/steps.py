"""A value that changes at instants and holds in between."""

from __future__ import annotations

from bisect import bisect_right
from typing import Generic, TypeVar

T = TypeVar("T")


class Steps(Generic[T]):
    """A step function of time: `initial` before the first change, then what was set last at or before the moment."""

    def __init__(self, initial: T) -> None:
        self.instants: list[int] = []
        self._values: list[T] = [initial]

    def set(self, from_ms: int, value: T) -> None:
        """From `from_ms` on the value is `value`; instants must not go back, and at one instant the last wins."""
        if self.instants and from_ms < self.instants[-1]:
            raise ValueError(f"change at {from_ms} comes after one at {self.instants[-1]}")
        self.instants.append(from_ms)
        self._values.append(value)

    def at(self, ms: int) -> T:
        """The value at a moment."""
        return self._values[bisect_right(self.instants, ms)]

    def next_change_ms(self, ms: int) -> int | None:
        """The first instant after `ms` at which the value may change."""
        index = bisect_right(self.instants, ms)
        return self.instants[index] if index < len(self.instants) else None
