"""Faults by seed: each kind is on in a quarter of the runs, and then strikes at a fixed share of its chances."""

from __future__ import annotations

from collections import Counter
from random import Random

ON_SHARE = 0.25

FAULTS = {
    "gateway killed": 0.02,
    "device hears no acknowledgement": 0.05,
    "uplink down": 0.01,
    "spool overflows": 1.0,
    "broker frozen": 0.01,
    "acknowledgement lost": 0.05,
    "part of a batch refused": 0.05,
    "duplicates, shuffled": 0.01,
    "poison": 0.02,
    "clock a year ahead": 0.01,
    "ticker dead": 0.01,
    "two tickers": 0.2,
    "flow killed": 0.02,
    "flow killed while writing": 0.01,
    "flow killed again while it recovers": 0.5,
    "no snapshot for long": 1.0,
    "another batch size and number of workers": 0.05,
    "store down": 0.003,
    "store's answer lost": 0.02,
    "half an insert": 0.02,
}
"""Each kind of fault and how often it strikes, given a chance, in a run in which it is on."""


class Buggify:
    """Says whether a fault strikes now; the same for the same seed and the same questions."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"faults of {seed}")
        self._on = {name for name in FAULTS if self._random.random() < ON_SHARE}
        self.met: Counter[str] = Counter()
        """How often each fault struck."""

    def __call__(self, name: str) -> bool:
        """Whether this fault strikes at this chance."""
        strikes = name in self._on and self._random.random() < FAULTS[name]
        self.met[name] += strikes
        return strikes

    def calm_down(self) -> None:
        """From here on nothing strikes any more."""
        self._on = set()
