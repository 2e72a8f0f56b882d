"""The grid of models against each of them written down as its formulas stand, one number at a time."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.forecast.holt_winters import Constants, HoltWintersGrid, grid

VALUES = st.lists(st.floats(0.5, 100.0), min_size=9, max_size=40)


def by_the_book(member: Constants, values: list[float], season: int, horizon: int) -> list[float]:
    """Hyndman and Athanasopoulos, 8.3, with the same beginning."""
    first, second = values[:season], values[season : 2 * season]
    means = sum(first) / season, sum(second) / season
    trend = (means[1] - means[0]) / season if member.trend else 0.0
    level = means[1] + trend * (season - 1) / 2
    if member.is_multiplicative:
        seasons = [(a / means[0] + b / means[1]) / 2 for a, b in zip(first, second, strict=True)]
    else:
        seasons = [(a - means[0] + b - means[1]) / 2 for a, b in zip(first, second, strict=True)]
    for y in values[2 * season :]:
        s = seasons[0]
        expected = level + member.damping * trend
        if member.is_multiplicative:
            new = member.level * y / s + (1 - member.level) * expected
            seasons = [*seasons[1:], member.season * y / expected + (1 - member.season) * s]
        else:
            new = member.level * (y - s) + (1 - member.level) * expected
            seasons = [*seasons[1:], member.season * (y - expected) + (1 - member.season) * s]
        trend = member.trend * (new - level) + (1 - member.trend) * member.damping * trend
        level = new
    found, fading = [], 0.0
    for ahead in range(1, horizon + 1):
        fading += member.damping**ahead
        s = seasons[(ahead - 1) % season]
        reached = level + fading * trend
        found.append(reached * s if member.is_multiplicative else reached + s)
    return found


@given(values=VALUES, season=st.integers(1, 4), horizon=st.integers(1, 9))
def test_every_member_is_what_the_book_says(values: list[float], season: int, horizon: int) -> None:
    members = grid()
    models = HoltWintersGrid(season)
    for value in values:
        models.learn(value)
    found = models.forecasts(horizon)
    for at, member in enumerate(members):
        if models.is_sane[at] and np.abs(found[at]).max() < 1e9:
            assert list(found[at]) == pytest.approx(by_the_book(member, values, season, horizon), rel=1e-6, abs=1e-6)


@given(values=VALUES, ahead=st.integers(1, 9))
def test_a_step_ahead_is_a_column_of_all(values: list[float], ahead: int) -> None:
    models = HoltWintersGrid(3)
    for value in values:
        models.learn(value)
    np.testing.assert_array_equal(models.forecasts_at(ahead), models.forecasts(ahead)[:, -1])


def test_without_two_seasons_it_has_not_begun() -> None:
    models = HoltWintersGrid(4)
    for value in range(8):
        assert not models.has_begun
        models.learn(float(value))
    assert models.has_begun
    assert models.count == 8


def test_multiplicative_members_leave_when_a_value_is_not_above_zero() -> None:
    models = HoltWintersGrid(2)
    for value in (3.0, 5.0, 4.0, 6.0, 3.0):
        models.learn(value)
    assert models.is_sane.all()
    models.learn(0.0)
    assert [bool(sane) for sane in models.is_sane] == [not member.is_multiplicative for member in grid()]
    assert np.isfinite(models.forecasts(5)[models.is_sane]).all()


def test_a_value_that_nobody_knows_is_what_each_member_expected() -> None:
    known, skipped = HoltWintersGrid(2, [grid()[0]]), HoltWintersGrid(2, [grid()[0]])
    for value in (3.0, 5.0, 4.0, 6.0, 4.5):
        known.learn(value)
        skipped.learn(value)
    known.learn(float(known.forecasts_at(1)[0]))
    skipped.skip()
    np.testing.assert_allclose(known.forecasts(6), skipped.forecasts(6))


def test_what_was_saved_goes_on_as_if_it_had_not_been() -> None:
    models = HoltWintersGrid(3)
    for value in range(1, 30):
        models.learn(value % 7 + 1.0)
        models = pickle.loads(pickle.dumps(models))
    straight = HoltWintersGrid(3)
    for value in range(1, 30):
        straight.learn(value % 7 + 1.0)
    np.testing.assert_array_equal(models.forecasts(5), straight.forecasts(5))
