"""Control charts, one value at a time: where the value is, between which limits, and what it signals.

Each chart is given its limits and keeps what it needs for the next value, and no more: O(1) a value. Values that are no
numbers are the caller's to keep away (`math.isfinite`).

Source: ISO 7870-2:2013 (Shewhart), ISO 7870-4:2021 (CUSUM), ISO 7870-6:2016 (EWMA).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean
from typing import NamedTuple

from models.quality.limits import Limits, sigma_of_proportion, sigma_of_rate
from models.quality.normal import d2, d3
from models.quality.rules import Patterns

WIDTH = 3.0
"""Of Shewhart's limits, in standard deviations."""


class Point(NamedTuple):
    """A value on a chart, and the names of what it signals; none is quiet."""

    value: float
    center: float
    low: float
    high: float
    signals: tuple[str, ...] = ()


class Individuals:
    """Single values, and their moving range beside them as a chart of its own."""

    def __init__(self, limits: Limits, rules: Sequence[str] = ("we1",)) -> None:
        self._limits = limits
        self._patterns = Patterns(rules)
        self._before: float | None = None

    def add(self, value: float) -> tuple[Point, Point | None]:
        """The value, and its distance from the one before if there is one."""
        moving = None if self._before is None else _range_point(abs(value - self._before), 2, self._limits.sigma)
        self._before = value
        signals = self._patterns.add(self._limits.z(value))
        return _around(value, self._limits.center, self._limits.sigma, signals), moving


class Subgroups:
    """Means of subgroups of one size (X-bar), and their ranges (R)."""

    def __init__(self, limits: Limits, size: int, rules: Sequence[str] = ("we1",)) -> None:
        self._mean_limits = Limits(limits.center, limits.sigma / sqrt(size))
        self._sigma = limits.sigma
        self._size = size
        self._patterns = Patterns(rules)

    def add(self, group: Sequence[float]) -> tuple[Point, Point]:
        """Mean and range of a subgroup of the size."""
        mean = fmean(group)
        signals = self._patterns.add(self._mean_limits.z(mean))
        point = _around(mean, self._mean_limits.center, self._mean_limits.sigma, signals)
        return point, _range_point(max(group) - min(group), self._size, self._sigma)


class Proportions:
    """Shares of nonconforming units in samples of any size (p)."""

    def __init__(self, share: float, rules: Sequence[str] = ("we1",)) -> None:
        self._share = share
        self._patterns = Patterns(rules)

    def add(self, nonconforming: int, inspected: int) -> Point:
        """A sample of at least one unit."""
        return _counted(
            nonconforming / inspected, self._share, sigma_of_proportion(self._share, inspected), self._patterns
        )


class Rates:
    """Nonconformities per unit over areas of any size (u)."""

    def __init__(self, rate: float, rules: Sequence[str] = ("we1",)) -> None:
        self._rate = rate
        self._patterns = Patterns(rules)

    def add(self, nonconformities: int, units: float) -> Point:
        """What was found on so many units, more than none."""
        sigma = sigma_of_rate(self._rate, units)
        return _counted(nonconformities / units, self._rate, sigma, self._patterns)


class Ewma:
    """The exponentially weighted mean: small shifts that last."""

    def __init__(self, limits: Limits, *, weight: float = 0.1, width: float = 2.814, is_steady: bool = False) -> None:
        """`weight` of the newest value, `width` of the limits in standard deviations of the mean.

        The limits widen to their final distance, unless they are to have it from the start (steady), as in the
        published tables of run lengths: what is wrong at the start is found later then.
        """
        self._limits = limits
        self._weight = weight
        self._width = width
        self._mean = limits.center
        self._fading = 0.0 if is_steady else 1.0

    def add(self, value: float) -> Point:
        """The mean with this value in it."""
        self._mean += self._weight * (value - self._mean)
        self._fading *= (1.0 - self._weight) ** 2
        sigma = self._limits.sigma * sqrt(self._weight / (2.0 - self._weight) * (1.0 - self._fading))
        return _between(self._mean, self._limits.center, self._width * sigma, "ewma")


class Cusum:
    """Sums of what is more than `slack` above and below the centre: the quickest for a shift of twice the slack."""

    def __init__(self, limits: Limits, *, slack: float = 0.5, decision: float = 5.0, head_start: float = 0.0) -> None:
        """All in standard deviations; a head start of half the decision finds a shift that was there at the start."""
        self._limits = limits
        self._slack = slack
        self._decision = decision
        self._head_start = head_start
        self.above = self.below = head_start

    def add(self, value: float) -> Point:
        """The larger of the two sums, below the centre as a negative one."""
        z = self._limits.z(value)
        self.above = max(0.0, self.above + z - self._slack)
        self.below = max(0.0, self.below - z - self._slack)
        value = self.above if self.above >= self.below else -self.below
        return _between(value, 0.0, self._decision, "cusum")

    def restart(self) -> None:
        """Begin anew, as after somebody has set the process right."""
        self.above = self.below = self._head_start


def _around(value: float, center: float, sigma: float, signals: tuple[str, ...]) -> Point:
    return Point(value, center, center - WIDTH * sigma, center + WIDTH * sigma, signals)


def _between(value: float, center: float, distance: float, name: str) -> Point:
    signals = (f"{name}_high",) if value > center + distance else (f"{name}_low",) if value < center - distance else ()
    return Point(value, center, center - distance, center + distance, signals)


def _counted(value: float, center: float, sigma: float, patterns: Patterns) -> Point:
    """Of counts: no limit is below none."""
    point = _around(value, center, sigma, patterns.add((value - center) / sigma))
    return point._replace(low=max(0.0, point.low))


def _range_point(value: float, size: int, sigma: float) -> Point:
    center, spread = d2(size) * sigma, d3(size) * sigma
    point = _between(value, center, WIDTH * spread, "range")
    return point._replace(low=max(0.0, point.low))
