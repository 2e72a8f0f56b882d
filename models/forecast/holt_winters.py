"""A grid of Holt-Winters models that learn together: damped trend, additive or multiplicative season.

    expected = level + phi * trend
    additive        level' = a (y - s) + (1 - a) expected    forecast = level + (phi + ... + phi^h) trend + s
    multiplicative  level' = a y / s + (1 - a) expected      forecast = (level + (phi + ... + phi^h) trend) s

Each member is one choice of the four constants, and none is ever fitted: a value costs a dozen operations on arrays,
for all members at once. Who is right is left to those that use the grid.

Source: R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 8.3.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL_WEIGHTS = (0.05, 0.1, 0.2, 0.4, 0.7)
TREND_WEIGHTS = (0.0, 0.02, 0.1)
SEASON_WEIGHTS = (0.05, 0.15, 0.3, 0.5)
DAMPINGS = (1.0, 0.97, 0.9)
"""Chosen once, and not tuned on anything: a spread from slow to quick."""
SEASONS_TO_BEGIN = 2


class Constants(NamedTuple):
    """One member: how much of each new value goes into level, trend and season, and what is left of the trend."""

    level: float
    trend: float
    season: float
    damping: float
    is_multiplicative: bool


def grid() -> list[Constants]:
    """All members; without a trend there is nothing to damp."""
    choices = itertools.product(LEVEL_WEIGHTS, TREND_WEIGHTS, SEASON_WEIGHTS, DAMPINGS, (False, True))
    return [one for one in itertools.starmap(Constants, choices) if one.trend > 0.0 or one.damping == 1.0]


class HoltWintersGrid:
    """All members over one series of a season of `season` values, which have to be finite."""

    def __init__(self, season: int, members: Sequence[Constants] | None = None) -> None:
        members = grid() if members is None else members
        columns = list(zip(*members, strict=True))
        self._level_weight, self._trend_weight, self._season_weight, self._damping = map(_floats, columns[:4])
        self._is_multiplicative = np.array(columns[4], dtype=bool)
        self._season = season
        self._first: list[float] | None = []
        self._level = self._trend = np.zeros(len(members))
        self._seasons = np.zeros((len(members), season))
        self._count = 0
        self.is_sane = np.ones(len(members), dtype=bool)
        """Which members have numbers: a multiplicative one has none once there was a value that is not above zero."""

    @property
    def count(self) -> int:
        """How many values it has learnt."""
        return self._count

    @property
    def has_begun(self) -> bool:
        """Whether it can forecast: after two seasons."""
        return self._first is None

    def learn(self, value: float) -> None:
        """Take the next value in."""
        if self._first is not None:
            self._first.append(value)
            if len(self._first) == SEASONS_TO_BEGIN * self._season:
                self._begin(np.array(self._first))
                self._first = None
        else:
            with np.errstate(all="ignore"):  # who has no numbers any more is sorted out below
                self._step(value)
        self._count += 1

    def skip(self) -> None:
        """Nobody knows the next value: each member goes on as it expected. Only once it has begun."""
        self._level = self._level + self._damping * self._trend
        self._trend = self._damping * self._trend
        self._count += 1

    def forecasts(self, horizon: int) -> Floats:
        """Of each member (rows), the next `horizon` values (columns); of one that is not sane they mean nothing."""
        ahead = np.arange(1, horizon + 1)
        seasons = self._seasons[:, (self._count + ahead - 1) % self._season]
        return self._together(self._level[:, None] + self._trend[:, None] * self._faded(ahead), seasons)

    def forecasts_at(self, ahead: int) -> Floats:
        """Of each member, the value so many steps ahead, counted from 1."""
        season = self._seasons[:, (self._count + ahead - 1) % self._season]
        trend = self._trend * self._faded(np.array([ahead]))[:, 0]
        return self._together(self._level[:, None] + trend[:, None], season[:, None])[:, 0]

    def _begin(self, values: Floats) -> None:
        """Means of two seasons give level and trend, what is left of them the season."""
        first, second = values.reshape(SEASONS_TO_BEGIN, self._season)
        size = len(self.is_sane)
        slope = (second.mean() - first.mean()) / self._season
        self._trend = np.where(self._trend_weight > 0.0, slope, 0.0)
        self._level = np.full(size, second.mean()) + self._trend * (self._season - 1) / 2.0
        added = (first - first.mean() + second - second.mean()) / 2.0
        if values.min() > 0.0:
            times = (first / first.mean() + second / second.mean()) / 2.0
        else:
            times = np.ones(self._season)
            self.is_sane &= ~self._is_multiplicative
        self._seasons = np.where(self._is_multiplicative[:, None], times, added)

    def _step(self, value: float) -> None:
        at = self._count % self._season
        season = self._seasons[:, at]
        before = self._level
        expected = before + self._damping * self._trend
        without_season = np.where(self._is_multiplicative, value / season, value - season)
        self._level = self._level_weight * without_season + (1.0 - self._level_weight) * expected
        self._trend = (
            self._trend_weight * (self._level - before) + (1.0 - self._trend_weight) * self._damping * self._trend
        )
        only_season = np.where(self._is_multiplicative, value / expected, value - expected)
        self._seasons[:, at] = self._season_weight * only_season + (1.0 - self._season_weight) * season
        self.is_sane &= np.isfinite(self._level) & np.isfinite(self._seasons[:, at])
        if value <= 0.0:
            self.is_sane &= ~self._is_multiplicative

    def _faded(self, ahead: NDArray[Any]) -> Floats:
        """The sum of the damping's powers up to each step ahead: member by step."""
        damping = self._damping[:, None]
        is_damped = damping < 1.0
        sums = damping * (1.0 - damping**ahead) / np.where(is_damped, 1.0 - damping, 1.0)
        return np.asarray(np.where(is_damped, sums, ahead), dtype=np.float64)

    def _together(self, level: Floats, season: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.where(self._is_multiplicative[:, None], level * season, level + season)


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)
