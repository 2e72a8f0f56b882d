"""How much longer or shorter than usual a cycle takes: a lognormal body with a Pareto tail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from random import Random
from statistics import NormalDist


@dataclass(frozen=True)
class CycleNoise:
    """A heavy-tailed factor on cycle times; the median of its body is 1.

    With probability `tail_weight` a cycle comes from a Pareto law (least value `tail_start`, exponent `tail_shape`),
    else from a lognormal one with `sigma`. Nothing is longer than `cap`.
    """

    sigma: float
    tail_weight: float
    tail_start: float
    tail_shape: float
    cap: float

    def sample(self, random: Random) -> float:
        """One factor, scaled so that the mean of many is 1."""
        if random.random() < self.tail_weight:
            factor = self.tail_start * random.paretovariate(self.tail_shape)
        else:
            factor = math.exp(random.gauss(0, self.sigma))
        return min(factor, self.cap) / self.mean

    def quantile(self, p: float) -> float:
        """The factor that a share `p` of the cycles stays below, before scaling to the mean."""
        low, high = 1e-6, self.cap
        while high - low > 1e-6 * high:
            middle = (low + high) / 2
            low, high = (middle, high) if self._share_below(middle) < p else (low, middle)
        return high

    @cached_property
    def mean(self) -> float:
        """The mean factor, from a thousand quantiles."""
        return sum(self.quantile((i + 0.5) / 1000) for i in range(1000)) / 1000

    def _share_below(self, factor: float) -> float:
        body = NormalDist(0, self.sigma).cdf(math.log(factor))
        tail = 0.0 if factor <= self.tail_start else 1 - (self.tail_start / factor) ** self.tail_shape
        return (1 - self.tail_weight) * body + self.tail_weight * tail


FITTED = CycleNoise(sigma=0.620, tail_weight=0.056, tail_start=4.658, tail_shape=1.599, cap=23.8)
"""The spread of milliseconds per piece in a machining plant's production log of 2012, published by 4TU.ResearchData.

Printed by `python benchmarks/fit_cycle_noise.py production-log-2012.csv`: 90th percentile over median 2.70 (log: 2.72),
99th over median 13.0 (13.0).
"""
