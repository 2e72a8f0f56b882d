"""Rules for patterns that chance seldom makes, over standardised values, one value at a time.

A rule signals at the value that completes its pattern. Each has a cost: the more rules, the more false alarms. In
control, rule 1 alone signals once in 370 values, the four of Western Electric together once in about 92, all eight of
Nelson more often still; so a characteristic names the rules that it wants.

Source: Western Electric, Statistical Quality Control Handbook, 1956; L. S. Nelson, Journal of Quality Technology 16
(1984); run lengths: C. W. Champ and W. H. Woodall, Technometrics 29 (1987).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

Window = Sequence[float]
"""The newest values in standard deviations from the centre, the newest last."""


class Rule(NamedTuple):
    """A pattern of `length` values."""

    name: str
    about: str
    length: int
    holds: Callable[[Window], bool]


def _beyond(limit: float, enough: int) -> Callable[[Window], bool]:
    """Enough values beyond the limit on the side of the newest, which is one of them."""

    def holds(window: Window) -> bool:
        newest = window[-1]
        side = 1.0 if newest > 0.0 else -1.0
        return newest * side > limit and sum(z * side > limit for z in window) >= enough

    return holds


def _one_side(window: Window) -> bool:
    return all(z > 0.0 for z in window) or all(z < 0.0 for z in window)


def _trend(window: Window) -> bool:
    steps = [after - before for before, after in pairwise(window)]
    return all(step > 0.0 for step in steps) or all(step < 0.0 for step in steps)


def _alternating(window: Window) -> bool:
    steps = [after - before for before, after in pairwise(window)]
    return all(before * after < 0.0 for before, after in pairwise(steps))


def _hugging(window: Window) -> bool:
    return all(abs(z) < 1.0 for z in window)


def _avoiding(window: Window) -> bool:
    return all(abs(z) > 1.0 for z in window) and not _one_side(window)


_RULES = (
    Rule("we1", "beyond three standard deviations", 1, _beyond(3.0, 1)),
    Rule("we2", "two of three beyond two standard deviations, on one side", 3, _beyond(2.0, 2)),
    Rule("we3", "four of five beyond one standard deviation, on one side", 5, _beyond(1.0, 4)),
    Rule("we4", "eight in a row on one side", 8, _one_side),
    Rule("nelson1", "beyond three standard deviations", 1, _beyond(3.0, 1)),
    Rule("nelson2", "nine in a row on one side", 9, _one_side),
    Rule("nelson3", "six in a row that rise, or fall", 6, _trend),
    Rule("nelson4", "fourteen in a row that go up and down by turns", 14, _alternating),
    Rule("nelson5", "two of three beyond two standard deviations, on one side", 3, _beyond(2.0, 2)),
    Rule("nelson6", "four of five beyond one standard deviation, on one side", 5, _beyond(1.0, 4)),
    Rule("nelson7", "fifteen in a row within one standard deviation", 15, _hugging),
    Rule("nelson8", "eight in a row beyond one standard deviation, on both sides", 8, _avoiding),
)
RULES: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in _RULES})
WESTERN_ELECTRIC = ("we1", "we2", "we3", "we4")
NELSON = tuple(name for name in RULES if name.startswith("nelson"))


class Patterns:
    """Looks for the patterns of some rules; its state is the newest values, as many as the longest pattern has."""

    def __init__(self, names: Iterable[str]) -> None:
        """Raises `KeyError` for a rule that there is none of."""
        self._names = tuple(names)
        longest = max((RULES[name].length for name in self._names), default=1)
        self._window: deque[float] = deque(maxlen=longest)

    def add(self, z: float) -> tuple[str, ...]:
        """The rules that this value completes the pattern of; a pattern that goes on signals again."""
        self._window.append(z)
        values = list(self._window)
        rules = (RULES[name] for name in self._names)
        return tuple(rule.name for rule in rules if len(values) >= rule.length and rule.holds(values[-rule.length :]))
