"""Charts against tables, textbook examples, a naive account of each rule, and the run lengths that were published."""

from __future__ import annotations

import itertools
import os
import pickle
import random
from collections.abc import Callable, Sequence
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.quality.charts import Cusum, Ewma, Individuals, Proportions, Rates, Subgroups
from models.quality.limits import Limits, Unfit, of_individuals, of_proportion, of_subgroups
from models.quality.normal import c4, d2, d3
from models.quality.rules import NELSON, RULES, WESTERN_ELECTRIC, Patterns

RUNS = 20_000 if os.environ.get("SIPE_PROVE") else 600
"""Of each simulated run length, whose error is that of so many exponential waits."""
ERROR_MAX = 0.03 if os.environ.get("SIPE_PROVE") else 0.13
STANDARD = Limits(0.0, 1.0)


@pytest.mark.parametrize(
    ("size", "range_mean", "range_sigma", "sigma_mean"),
    [
        (2, 1.128, 0.853, 0.7979),
        (3, 1.693, 0.888, 0.8862),
        (4, 2.059, 0.880, 0.9213),
        (5, 2.326, 0.864, 0.9400),
        (10, 3.078, 0.797, 0.9727),
        (25, 3.931, 0.708, 0.9896),
    ],
)
def test_the_constants_are_those_of_the_tables(
    size: int, range_mean: float, range_sigma: float, sigma_mean: float
) -> None:
    assert d2(size) == pytest.approx(range_mean, abs=5.1e-4)
    assert d3(size) == pytest.approx(range_sigma, abs=5.1e-4)
    assert c4(size) == pytest.approx(sigma_mean, abs=5.1e-5)


def test_the_charts_of_the_textbook() -> None:
    """Flow width of resist, Montgomery, 7th edition, example 6.1: subgroups of five, grand mean 1.5056, R 0.32521."""
    chart = Subgroups(Limits(1.5056, 0.32521 / d2(5)), 5)
    mean, spread = chart.add([1.5056] * 5)
    assert [mean.low, mean.high] == pytest.approx([1.31795, 1.69325], abs=3e-4)
    assert [spread.low, spread.high] == pytest.approx([0.0, 0.68749], abs=5e-4)
    assert (mean.signals, spread.signals) == ((), ())
    mean, spread = chart.add([1.2, 1.2, 1.3, 1.3, 1.3])
    assert (mean.signals, spread.signals) == (("we1",), ())
    mean, spread = chart.add([1.1, 1.9, 1.5, 1.5, 1.5])
    assert (mean.signals, spread.signals) == ((), ("range_high",))


def test_a_p_chart_and_a_u_chart_have_the_limits_of_their_samples() -> None:
    chart = Proportions(of_proportion(300, 3_000))
    small, large = chart.add(4, 50), chart.add(40, 200)
    assert [small.low, small.high] == pytest.approx([0.0, 0.1 + 3 * (0.09 / 50) ** 0.5])
    assert large.high == pytest.approx(0.1 + 3 * (0.09 / 200) ** 0.5)
    assert (small.signals, large.signals) == ((), ("we1",))
    rates = Rates(1.2)
    assert rates.add(6, 5.0).high == pytest.approx(1.2 + 3 * (1.2 / 5) ** 0.5)
    assert rates.add(20, 5.0).signals == ("we1",)


def test_a_single_value_comes_with_its_distance_from_the_one_before() -> None:
    chart = Individuals(STANDARD)
    first, none = chart.add(0.5)
    second, moving = chart.add(-3.5)
    assert none is None
    assert moving is not None
    assert (first.signals, second.signals, moving.signals) == ((), ("we1",), ("range_high",))
    assert [moving.value, moving.high] == pytest.approx([4.0, 3.686], abs=1e-3)


NAIVE: dict[str, Callable[[Sequence[float]], bool]] = {
    "we1": lambda w: abs(w[-1]) > 3,
    "we2": lambda w: any(s * w[-1] > 2 and len([z for z in w[-3:] if s * z > 2]) >= 2 for s in (1, -1)),
    "we3": lambda w: any(s * w[-1] > 1 and len([z for z in w[-5:] if s * z > 1]) >= 4 for s in (1, -1)),
    "we4": lambda w: min(w[-8:]) > 0 or max(w[-8:]) < 0,
    "nelson1": lambda w: abs(w[-1]) > 3,
    "nelson2": lambda w: min(w[-9:]) > 0 or max(w[-9:]) < 0,
    "nelson3": lambda w: list(w[-6:]) in (sorted(set(w[-6:])), sorted(set(w[-6:]), reverse=True)),
    "nelson4": lambda w: all((w[i] - w[i - 1]) * (w[i - 1] - w[i - 2]) < 0 for i in range(-1, -13, -1)),
    "nelson5": lambda w: any(s * w[-1] > 2 and len([z for z in w[-3:] if s * z > 2]) >= 2 for s in (1, -1)),
    "nelson6": lambda w: any(s * w[-1] > 1 and len([z for z in w[-5:] if s * z > 1]) >= 4 for s in (1, -1)),
    "nelson7": lambda w: max(map(abs, w[-15:])) < 1,
    "nelson8": lambda w: min(map(abs, w[-8:])) > 1 and min(w[-8:]) < 0 < max(w[-8:]),
}
"""Each rule over all values up to now, of which there are enough."""

ZS = st.lists(st.sampled_from([-3.5, -2.5, -1.5, -0.5, 0.0, 0.4, 0.5, 0.6, 1.5, 2.5, 3.5]), max_size=40)


@given(ZS)
def test_each_rule_is_what_a_look_at_all_values_says(values: list[float]) -> None:
    patterns = Patterns(RULES)
    for count in range(1, len(values) + 1):
        seen = values[:count]
        wanted = {name for name, rule in RULES.items() if count >= rule.length and NAIVE[name](seen)}
        assert set(patterns.add(seen[-1])) == wanted


def test_a_rule_that_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError, match="we9"):
        Patterns(["we9"])


def mean_run_length(make: Callable[[], Callable[[float], bool]], shift: float = 0.0) -> float:
    """How many values until the first signal, on the average over `RUNS` processes."""
    draw = random.Random(11)
    lengths = []
    for _ in range(RUNS):
        signals = make()
        lengths.append(next(n for n in itertools.count(1) if signals(draw.gauss(shift))))
    return fmean(lengths)


def shewhart(rules: Sequence[str]) -> Callable[[], Callable[[float], bool]]:
    def make() -> Callable[[float], bool]:
        chart = Individuals(STANDARD, rules)
        return lambda value: bool(chart.add(value)[0].signals)

    return make


def cusum() -> Callable[[float], bool]:
    chart = Cusum(STANDARD, slack=0.5, decision=5.0)
    return lambda value: bool(chart.add(value).signals)


def ewma() -> Callable[[float], bool]:
    chart = Ewma(STANDARD, weight=0.1, width=2.814, is_steady=True)
    return lambda value: bool(chart.add(value).signals)


@pytest.mark.parametrize(
    ("make", "shift", "published"),
    [
        (shewhart(["we1"]), 0.0, 370.4),
        (shewhart(["we1"]), 1.0, 43.9),
        (shewhart(WESTERN_ELECTRIC), 0.0, 91.75),
        (shewhart(WESTERN_ELECTRIC), 1.0, 9.22),
        (cusum, 0.0, 465.0),
        (cusum, 1.0, 10.4),
        (cusum, 2.0, 4.01),
        (ewma, 0.0, 500.0),
        (ewma, 1.0, 10.3),
    ],
    ids=itertools.count(),
)
def test_run_lengths_are_the_published_ones(
    make: Callable[[], Callable[[float], bool]], shift: float, published: float
) -> None:
    assert mean_run_length(make, shift) == pytest.approx(published, rel=ERROR_MAX)


def test_a_head_start_finds_what_was_wrong_at_the_start_sooner() -> None:
    def with_head_start() -> Callable[[float], bool]:
        chart = Cusum(STANDARD, head_start=2.5)
        return lambda value: bool(chart.add(value).signals)

    assert mean_run_length(with_head_start, 1.0) == pytest.approx(6.35, rel=ERROR_MAX)


def test_more_rules_signal_more_often() -> None:
    lengths = [mean_run_length(shewhart(rules)) for rules in (["we1"], WESTERN_ELECTRIC, NELSON)]
    assert lengths == sorted(lengths, reverse=True)


@given(st.lists(st.integers(-1_000, 1_000), min_size=3, max_size=30), st.floats(0.001, 1_000), st.floats(-1e3, 1e3))
def test_limits_follow_the_unit_of_the_values(values: list[int], scale: float, offset: float) -> None:
    try:
        limits = of_individuals(values)
    except Unfit:
        assert len(set(values)) == 1
        return
    moved = of_individuals([scale * value + offset for value in values])
    assert moved.center == pytest.approx(scale * limits.center + offset, rel=1e-6, abs=1e-3)
    assert moved.sigma == pytest.approx(scale * limits.sigma, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("groups", [[], [[1.0]], [[1.0, 2.0], [1.0]], [[2.0, 2.0], [2.0, 2.0]]])
def test_what_makes_no_limits_is_refused(groups: list[list[float]]) -> None:
    with pytest.raises(Unfit):
        of_subgroups(groups)


@pytest.mark.parametrize(("nonconforming", "inspected"), [(0, 10), (10, 10), (0, 0)])
def test_a_share_without_variation_is_refused(nonconforming: int, inspected: int) -> None:
    with pytest.raises(Unfit):
        of_proportion(nonconforming, inspected)


def test_a_chart_that_was_saved_goes_on_as_if_it_had_not_been() -> None:
    draw = random.Random(5)
    values = [draw.gauss(0.6) for _ in range(200)]
    for chart in (Individuals(STANDARD, RULES), Ewma(STANDARD), Cusum(STANDARD)):  # type: ignore[arg-type]  # names of all
        saved = pickle.dumps(chart)
        again = pickle.loads(saved)
        for value in values:
            assert again.add(value) == chart.add(value)
            again = pickle.loads(pickle.dumps(again))
