"""What a process is able to, against the limits of its specification.

Cp and Cpk are of the variation within (what the process does by itself), Pp and Ppk of all that was seen. One limit
alone gives the index of its side; an index without its limits is None.

Source: ISO 22514-2:2017; D. C. Montgomery, Introduction to Statistical Quality Control, chapter 8.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from models.quality.normal import below, d2

_HALF_SPREAD = 3.0


class Specification(NamedTuple):
    """What a value has to keep to, in its unit; either may be missing, not both."""

    low: float | None
    high: float | None


class Capability(NamedTuple):
    """The indices, and the share of values outside that they stand for if the process is normal and in control."""

    values: int
    mean: float
    sigma_within: float
    sigma_overall: float
    cp: float | None
    cpk: float | None
    pp: float | None
    ppk: float | None
    expected_outside: float


class Spread:
    """Mean, moving range and standard deviation of values, one at a time (Welford)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0
        self._moved = 0.0
        self._before = 0.0

    def add(self, value: float) -> None:
        """Take a value in."""
        if self.count:
            self._moved += abs(value - self._before)
        self._before = value
        self.count += 1
        step = value - self.mean
        self.mean += step / self.count
        self._squares += step * (value - self.mean)

    @property
    def sigma_overall(self) -> float:
        """The sample standard deviation; of two values at least."""
        return sqrt(self._squares / (self.count - 1))

    @property
    def sigma_within(self) -> float:
        """By the mean moving range; of two values at least."""
        return self._moved / (self.count - 1) / d2(2)


def capability(spread: Spread, specification: Specification) -> Capability | None:
    """The indices; None with fewer than two values or without variation, which have none."""
    if spread.count < 2 or not (spread.sigma_within > 0.0 and spread.sigma_overall > 0.0):
        return None
    low, high = specification
    cp, cpk = _indices(spread.mean, spread.sigma_within, specification)
    pp, ppk = _indices(spread.mean, spread.sigma_overall, specification)
    outside = 0.0
    if low is not None:
        outside += below((low - spread.mean) / spread.sigma_overall)
    if high is not None:
        outside += below((spread.mean - high) / spread.sigma_overall)
    return Capability(spread.count, spread.mean, spread.sigma_within, spread.sigma_overall, cp, cpk, pp, ppk, outside)


def _indices(mean: float, sigma: float, specification: Specification) -> tuple[float | None, float | None]:
    """The potential of both limits, and what is left of it on the nearer side."""
    low, high = specification
    sides = [] if low is None else [(mean - low) / (_HALF_SPREAD * sigma)]
    sides += [] if high is None else [(high - mean) / (_HALF_SPREAD * sigma)]
    both = None if low is None or high is None else (high - low) / (2.0 * _HALF_SPREAD * sigma)
    return both, min(sides, default=None)
