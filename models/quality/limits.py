"""Where a process is and how much it varies by itself: the limits of its charts, from values when it was left alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from statistics import fmean
from typing import NamedTuple

from models.quality.normal import d2


class Unfit(ValueError):
    """Values that no limits can be made of; the text says why."""


class Limits(NamedTuple):
    """The centre of a process and its standard deviation, in the unit of its values."""

    center: float
    sigma: float

    def z(self, value: float) -> float:
        """How many standard deviations a value is above the centre."""
        return (value - self.center) / self.sigma


def of_individuals(values: Sequence[float]) -> Limits:
    """By the mean moving range of two, which a slow drift hardly widens (ISO 7870-2:2013, 7). Raises `Unfit`."""
    if len(values) < 2:
        raise Unfit(f"{len(values)} values: limits want two at least")
    return _checked(fmean(values), fmean(abs(after - before) for before, after in pairwise(values)) / d2(2))


def of_subgroups(groups: Sequence[Sequence[float]]) -> Limits:
    """By the mean range within subgroups of one size (ISO 7870-2:2013, 6). Raises `Unfit`."""
    sizes = {len(group) for group in groups}
    if len(sizes) != 1 or min(sizes) < 2:
        raise Unfit("limits want subgroups of one size, two values at least")
    sigma = fmean(max(group) - min(group) for group in groups) / d2(sizes.pop())
    return _checked(fmean(map(fmean, groups)), sigma)


def of_proportion(nonconforming: int, inspected: int) -> float:
    """The mean share of nonconforming units; raises `Unfit` where it leaves no room for a chart."""
    if not 0 < nonconforming < inspected:
        raise Unfit(f"{nonconforming} of {inspected} units: a p chart wants some, and not all")
    return nonconforming / inspected


def sigma_of_proportion(share: float, inspected: int) -> float:
    """Of the share of nonconforming units among so many (binomial)."""
    return sqrt(share * (1.0 - share) / inspected)


def sigma_of_rate(rate: float, units: float) -> float:
    """Of the nonconformities per unit over so many units (Poisson)."""
    return sqrt(rate / units)


def _checked(center: float, sigma: float) -> Limits:
    if not sigma > 0.0:
        raise Unfit("all values are the same: there is no variation that limits could be made of")
    return Limits(center, sigma)
