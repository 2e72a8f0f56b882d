"""Pauses between attempts: random, and longer from failure to failure, with a bound.

A plant's gateways lose the office at the same moment and must not come back at the same moment. So each pause is drawn
from all of the time up to its bound ("full jitter": Brooker, Exponential Backoff And Jitter, 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Draw = Callable[[float, float], float]
"""A number between two others, at random."""
_DOUBLINGS_MAX = 32


@dataclass(frozen=True, kw_only=True)
class Pauses:
    """How long is waited after the first failure, at most, and after many."""

    first_s: float = 1.0
    longest_s: float = 60.0

    def after(self, failures: int, draw: Draw) -> float:
        """The pause after so many failures in a row, from 1."""
        return draw(0.0, min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, _DOUBLINGS_MAX)))
