"""What comes along a line: meters of which some are wrong in a known way, by a seed, and where each has to end."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple

Step = Literal["assembly", "parameterization", "closing", "serial-output", "packing"]
STEPS: tuple[Step, ...] = ("assembly", "parameterization", "closing", "serial-output", "packing")

Wrong = Literal["swapped-cover", "wrong-revision", "doubled-serial", "skipped-step", "kept-register"]


class Fate(NamedTuple):
    """Where a meter has to be taken off the line, and what may be said there: one of these words."""

    step: Step
    because: tuple[str, ...]


FATES: dict[Wrong, Fate] = {
    "swapped-cover": Fate("serial-output", ("WRONG_SERIAL",)),
    "wrong-revision": Fate("parameterization", ("another setup sheet than the one in force",)),
    "doubled-serial": Fate("parameterization", ("has passed", "is in work")),  # wherever the one before it is by now
    "skipped-step": Fate("closing", ("has to pass parameterization first",)),
    "kept-register": Fate("parameterization", ("was written as",)),
}
"""The truth: what is wrong with a meter, and who has to find it."""


class Planned(NamedTuple):
    """A meter that will come."""

    number: int
    """The meters come in the order of their numbers, from 0."""
    wrong: Wrong | None = None
    other: int | None = None
    """Of the meter whose cover it gets, or whose label it bears."""

    @property
    def fate(self) -> Fate | None:
        """Where it has to end; None is packed."""
        return FATES[self.wrong] if self.wrong else None


def plan(count: int, wrongs: Sequence[Wrong], seed: int) -> list[Planned]:
    """So many meters; each wrong thing strikes a pair of neighbours of its own, of which the other one may be right.

    Two that were swapped are both wrong, and a doubled serial is that of the one before.
    """
    chance = Random(seed)  # noqa: S311 - of what is wrong, and repeatable
    struck = dict(zip(chance.sample(range(count // 2), len(wrongs)), wrongs, strict=True))
    return [_planned(number, struck.get(number // 2)) for number in range(count)]


def _planned(number: int, wrong: Wrong | None) -> Planned:
    is_second = number % 2 == 1
    if wrong == "swapped-cover":
        return Planned(number, wrong, number - 1 if is_second else number + 1)
    if wrong == "doubled-serial":
        return Planned(number, wrong, number - 1) if is_second else Planned(number)
    return Planned(number) if is_second else Planned(number, wrong)
