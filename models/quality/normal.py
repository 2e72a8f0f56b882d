"""Numbers of the normal distribution that control charts are made of. Computed, and held against the tables in tests.

Source: D. C. Montgomery, Introduction to Statistical Quality Control, appendix VI; ISO 7870-2:2013, table 2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import erfc, exp, gamma, pi, sqrt

_REACH = 8.0
"""Beyond so many standard deviations there is nothing that a double would notice."""
_STEPS = 160


def density(z: float) -> float:
    """Of the standard normal distribution at z."""
    return exp(-z * z / 2.0) / sqrt(2.0 * pi)


def below(z: float) -> float:
    """The share of the standard normal distribution below z."""
    return erfc(-z / sqrt(2.0)) / 2.0


@cache
def d2(size: int) -> float:
    """The mean range of a subgroup of `size` values (2 or more), in standard deviations."""
    return _refined(lambda steps: _mean_range(size, steps))


@cache
def d3(size: int) -> float:
    """The standard deviation of the range of a subgroup of `size` values (2 or more), in standard deviations."""
    return sqrt(_refined(lambda steps: _mean_square_range(size, steps)) - d2(size) ** 2)


@cache
def c4(size: int) -> float:
    """The mean of the sample standard deviation of `size` values (2 or more), in standard deviations."""
    return sqrt(2.0 / (size - 1)) * gamma(size / 2.0) / gamma((size - 1) / 2.0)


def _mean_range(size: int, steps: int) -> float:
    """The integral of 1 - F^n - (1 - F)^n (Tippett)."""
    return _trapezoid([1.0 - share**size - (1.0 - share) ** size for share in _shares(steps)], steps)


def _mean_square_range(size: int, steps: int) -> float:
    """Twice the integral, over x < y, of 1 - F(y)^n - (1 - F(x))^n + (F(y) - F(x))^n (David and Nagaraja)."""
    shares = _shares(steps)
    inner = []
    for at, low in enumerate(shares):
        row = [1.0 - high**size - (1.0 - low) ** size + (high - low) ** size for high in shares[at:]]
        inner.append(_trapezoid(row, steps))
    return 2.0 * _trapezoid(inner, steps)


def _refined(integral: Callable[[int], float]) -> float:
    """The limit of a rule of second order (Richardson)."""
    return (4.0 * integral(2 * _STEPS) - integral(_STEPS)) / 3.0


def _shares(steps: int) -> list[float]:
    return [below(-_REACH + 2.0 * _REACH * step / steps) for step in range(steps + 1)]


def _trapezoid(values: list[float], steps: int) -> float:
    return 2.0 * _REACH / steps * (sum(values) - (values[0] + values[-1]) / 2.0)
