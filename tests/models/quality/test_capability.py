"""Capability against textbook examples, the definition, and what does not depend on units."""

from __future__ import annotations

import itertools
import random
import statistics

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.quality.capability import Capability, Specification, Spread, capability
from models.quality.normal import d2


def of(values: list[float], low: float | None, high: float | None) -> Capability | None:
    spread = Spread()
    for value in values:
        spread.add(value)
    return capability(spread, Specification(low, high))


def test_the_index_of_the_textbook() -> None:
    """Flow width, Montgomery, 7th edition, chapter 6: 1.50 +- 0.50 and sigma 0.1398 give Cp 1.192."""
    sigma = 0.1398
    step = sigma * d2(2)
    found = of([1.5 - step / 2, 1.5 + step / 2] * 50, 1.0, 2.0)
    assert found is not None
    assert found.sigma_within == pytest.approx(sigma)
    assert found.cp == pytest.approx(1.192, abs=1e-3)
    assert found.cpk == pytest.approx(1.192, abs=1e-3)


VALUES = st.lists(st.integers(-1_000, 1_000).map(float), min_size=2, max_size=60)


@given(VALUES, st.integers(-2_000, 0), st.integers(1, 2_000))
def test_the_indices_are_those_of_the_definition(values: list[float], low: int, high: int) -> None:
    assume(len(set(values)) > 1)
    found = of(values, low, high)
    assert found is not None
    mean, overall = statistics.fmean(values), statistics.stdev(values)
    within = statistics.fmean(abs(b - a) for a, b in itertools.pairwise(values)) / 1.1283791670955126
    assert found.mean == pytest.approx(mean, abs=1e-9)
    assert found.pp == pytest.approx((high - low) / (6 * overall))
    assert found.ppk == pytest.approx(min(high - mean, mean - low) / (3 * overall), abs=1e-9)
    assert found.cp == pytest.approx((high - low) / (6 * within), rel=1e-6)
    assert found.cpk == pytest.approx(min(high - mean, mean - low) / (3 * within), rel=1e-6, abs=1e-9)


@given(VALUES, st.integers(-2_000, 2_000))
def test_one_limit_alone_gives_the_index_of_its_side(values: list[float], limit: int) -> None:
    assume(len(set(values)) > 1)
    below, above = of(values, None, limit), of(values, limit, None)
    assert below is not None
    assert above is not None
    assert below.cp is above.cp is below.pp is above.pp is None
    assert below.ppk == pytest.approx(-above.ppk, abs=1e-9) if above.ppk is not None else False
    assert below.expected_outside + above.expected_outside == pytest.approx(1.0)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0]])
def test_what_does_not_vary_has_no_index(values: list[float]) -> None:
    assert of(values, 0.0, 3.0) is None


def test_what_is_expected_outside_is_outside() -> None:
    draw = random.Random(2)
    values = [draw.gauss(10.0, 2.0) for _ in range(50_000)]
    found = of(values, 7.0, 14.0)
    assert found is not None
    share = sum(not 7.0 <= value <= 14.0 for value in values) / len(values)
    assert found.expected_outside == pytest.approx(share, abs=0.004)


def test_large_offsets_cost_no_digits() -> None:
    values = [1e9 + value for value in (0.0, 1.0, 2.0, 1.0, 0.0)]
    found = of(values, None, 1e9 + 3)
    assert found is not None
    assert found.sigma_overall == pytest.approx(statistics.stdev([0, 1, 2, 1, 0]))
