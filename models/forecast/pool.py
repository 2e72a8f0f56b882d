"""A pool of models: those that were the best of late forecast, and nothing they say is out of all proportion.

Each value is forecast before it is learnt (prequential): what every member had said of it, one step ahead and up to a
season, tells its loss, discounted so that old merits fade. The forecast is the median of the best few. Three guards:
until the members have begun, and whenever they do worse than it, the seasonal naive forecast stands; a forecast keeps
to a band around what was seen; and a value that breaks with all of that is learnt cut down to the band, so that one
wrong reading does not spoil a season.

Source: R. J. Hyndman, A. B. Koehler, International Journal of Forecasting 22 (2006), for the scale of errors.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

import numpy as np

from models.forecast.holt_winters import Floats, HoltWintersGrid

DISCOUNT = 0.99
BEST = 15
WORSE_THAN_NAIVE = 1.1
BAND = 1.0
"""A forecast stays within so many times the range of the last seasons, above and below what was seen in them."""
BAND_SEASONS = 3

By = Literal["nothing", "naive", "pool"]
"""Who forecasts: nobody, as nothing was seen; the value one season ago; the members that were the best of late."""


class Forecast(NamedTuple):
    """The next values, the nearest first, and whose they are."""

    values: Floats
    by: By


class Pool:
    """Forecasts one series of finite values, whose season has `season` of them (1: none)."""

    def __init__(self, season: int, *, discount: float = DISCOUNT, best: int = BEST) -> None:
        self._season = season
        self._discount = discount
        self._best = best
        self._members = HoltWintersGrid(season)
        self._steps = sorted({1, max(1, season // 4), max(1, season // 2), season})
        self._said: dict[int, deque[Floats]] = {step: deque() for step in self._steps}
        self._losses = np.zeros(len(self._members.is_sane))
        self._naive_loss = 0.0
        self._seen: deque[float] = deque(maxlen=BAND_SEASONS * season + 1)

    def learn(self, value: float) -> None:
        """Score what was said of this value, and take it in."""
        if self._members.has_begun:
            self._score(value)
        low, high = self._band()
        self._members.learn(min(max(value, low), high))
        self._seen.append(value)
        self._say()

    def skip(self) -> None:
        """The next value is missing: nobody is scored by it, and the season goes on."""
        if not self._seen:
            return
        for step, said in self._said.items():
            if len(said) == step:
                said.popleft()
        expected = float(self.forecast(1).values[0])
        if self._members.has_begun:
            self._members.skip()
        else:
            self._members.learn(expected)
        self._seen.append(expected)
        self._say()

    def forecast(self, horizon: int) -> Forecast:
        """The next `horizon` values."""
        if not self._seen:
            return Forecast(np.full(horizon, np.nan), "nothing")
        best = self._best_members()
        if best is None:
            return Forecast(self._naive(horizon), "naive")
        low, high = self._band()
        values = np.median(self._members.forecasts(horizon)[best], axis=0)
        return Forecast(np.clip(values, low, high), "pool")

    def _say(self) -> None:
        """Note what every member forecasts, to be scored later."""
        if self._members.has_begun:
            for step, said in self._said.items():
                said.append(self._members.forecasts_at(step))

    def _score(self, value: float) -> None:
        errors = [np.abs(said.popleft() - value) for step, said in self._said.items() if len(said) == step]
        if not errors:
            return
        with np.errstate(invalid="ignore", over="ignore"):
            self._losses = self._discount * self._losses + np.mean(errors, axis=0)
        self._losses[~self._members.is_sane] = np.inf
        self._naive_loss = self._discount * self._naive_loss + abs(value - self._naive(1)[0])

    def _best_members(self) -> np.ndarray | None:
        """Those with the least losses; None while a season ago says more than they do."""
        if not (self._members.has_begun and self._naive_loss > 0.0):
            return None
        best = np.argsort(self._losses, kind="stable")[: self._best]
        return best if np.median(self._losses[best]) <= WORSE_THAN_NAIVE * self._naive_loss else None

    def _naive(self, horizon: int) -> Floats:
        """The values of the last season again; of a first one that is not over yet, the newest."""
        if len(self._seen) < self._season:
            return np.full(horizon, self._seen[-1])
        last = list(self._seen)[-self._season :]
        return np.array([last[ahead % self._season] for ahead in range(horizon)])

    def _band(self) -> tuple[float, float]:
        """Between which values a forecast stays; any, while there is no season to go by."""
        if len(self._seen) < self._season + 1:
            return -np.inf, np.inf
        low, high = min(self._seen), max(self._seen)
        room = BAND * (high - low)
        return low - room, high + room
