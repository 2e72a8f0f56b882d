"""The pool over series that are known, and over all that a factory's numbers may do to it."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.forecast.pool import Pool

SEASON = 8


def learnt(values: Sequence[float | None], season: int = SEASON) -> Pool:
    pool = Pool(season)
    for value in values:
        pool.skip() if value is None else pool.learn(value)
    return pool


def wave(count: int, noise: float = 0.0, slope: float = 0.0) -> list[float]:
    draw = random.Random(7)
    return [
        20.0 + slope * at + 5.0 * math.sin(2 * math.pi * at / SEASON) + draw.gauss(0.0, noise) for at in range(count)
    ]


SERIES: dict[str, Callable[[], list[float | None]]] = {
    "constant": lambda: [7.0] * 100,
    "a year of zeros": lambda: [0.0] * 365,
    "negative": lambda: [-value for value in wave(100, 1.0)],
    "a step": lambda: [*wave(60, 0.3), *(value + 100.0 for value in wave(60, 0.3))],
    "one wrong reading": lambda: [*wave(60, 0.3), 1e9, *wave(20, 0.3)],
    "enormous": lambda: [value * 1e300 for value in wave(60, 0.3)],
    "tiny": lambda: [value * 1e-300 for value in wave(60, 0.3)],
    "gaps": lambda: [None if at % 5 == 0 else value for at, value in enumerate(wave(100, 0.5))],
    "a gap at the beginning": lambda: [None, None, *wave(50, 0.5)],
    "a long gap": lambda: [*wave(40, 0.5), *[None] * 200, *wave(40, 0.5)],
    "zeros and then work": lambda: [*[0.0] * 50, *wave(50, 0.5)],
    "one value": lambda: [3.0],
    "nothing": list,
}


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("season", [1, 2, SEASON, 24])
def test_whatever_comes_a_forecast_is_a_number(name: str, season: int) -> None:
    pool = Pool(season)
    for value in SERIES[name]():
        pool.skip() if value is None else pool.learn(value)
        forecast = pool.forecast(2 * season + 1)
        assert len(forecast.values) == 2 * season + 1
        assert np.isfinite(forecast.values).all() or forecast.by == "nothing", value


@given(st.lists(st.one_of(st.none(), st.floats(-1e12, 1e12)), max_size=80), st.integers(1, 6))
def test_whatever_comes_nothing_explodes(values: list[float | None], season: int) -> None:
    known = [value for value in values if value is not None]
    forecast = learnt(values, season).forecast(season)
    if not known:
        assert forecast.by == "nothing"
        return
    low, high = min(known), max(known)
    reach = 2 * (high - low) + 1.0
    assert (forecast.values >= low - reach).all()
    assert (forecast.values <= high + reach).all()


def test_nothing_is_forecast_of_nothing() -> None:
    forecast = Pool(4).forecast(3)
    assert forecast.by == "nothing"
    assert np.isnan(forecast.values).all()


def test_a_first_season_is_forecast_by_the_newest_and_a_second_by_the_one_before() -> None:
    assert list(learnt([1.0, 2.0]).forecast(2).values) == [2.0, 2.0]
    one = learnt([float(value) for value in range(SEASON)]).forecast(SEASON + 1)
    assert (one.by, list(one.values)) == ("naive", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 0.0])


def test_a_season_with_a_trend_is_learnt() -> None:
    values = wave(15 * SEASON, noise=0.5, slope=0.3)
    pool = learnt(values[: -2 * SEASON])
    truth = values[-2 * SEASON :]
    forecast = pool.forecast(2 * SEASON)
    assert forecast.by == "pool"
    errors = np.abs(forecast.values - truth)
    naive = np.abs(np.array(values[-3 * SEASON : -2 * SEASON] * 2) - truth)
    assert errors.mean() < 0.3 * naive.mean()


def test_after_a_step_it_is_right_again() -> None:
    before, after = wave(10 * SEASON, 0.3), [value + 100.0 for value in wave(6 * SEASON, 0.3)]
    forecast = learnt([*before, *after[: 5 * SEASON]]).forecast(SEASON)
    assert np.abs(forecast.values - np.array(after[5 * SEASON :])).mean() < 5.0


def test_one_wrong_reading_does_not_spoil_the_season_behind_it() -> None:
    values = wave(12 * SEASON, 0.3)
    wrong = values.copy()
    wrong[10 * SEASON] = 1e9
    clean, spoilt = (learnt(some[: 11 * SEASON]).forecast(SEASON).values for some in (values, wrong))
    assert np.abs(spoilt - clean).max() < 25.0


def test_where_nothing_can_be_known_last_season_is_not_beaten_by_much() -> None:
    draw = random.Random(3)
    values = [0.0]
    for _ in range(400):
        values.append(values[-1] + draw.gauss(0.0, 1.0))
    errors, naive = [], []
    for at in range(100, 390):
        errors.append(abs(learnt(values[at - 60 : at], 1).forecast(1).values[0] - values[at]))
        naive.append(abs(values[at - 1] - values[at]))
    assert np.mean(errors) < 1.1 * np.mean(naive)


def test_a_replay_gives_the_same_to_the_last_bit() -> None:
    values = wave(100, 1.0)
    once = learnt(values)
    again = Pool(SEASON)
    for value in values:
        again = pickle.loads(pickle.dumps(again))
        again.learn(value)
    np.testing.assert_array_equal(once.forecast(20).values, again.forecast(20).values)
