"""A study of one characteristic: limits from when it was left alone, every chart over all of its values, capability."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from models.quality.capability import Capability, Specification, Spread, capability
from models.quality.charts import Cusum, Ewma, Individuals, Point
from models.quality.limits import Limits, of_individuals


class Signal(NamedTuple):
    """A stretch of values that a chart signals at, by their places counted from 1."""

    chart: str
    signal: str
    first: int
    last: int


class Plotted(NamedTuple):
    """What the charts make of one value."""

    place: int
    individual: Point
    moving_range: Point | None
    ewma: Point
    cusum: Point

    def by_chart(self) -> Iterator[tuple[str, Point]]:
        """Each point, with the name of its chart."""
        yield "individuals", self.individual
        if self.moving_range is not None:
            yield "moving range", self.moving_range
        yield "ewma", self.ewma
        yield "cusum", self.cusum


class Study(NamedTuple):
    """What came of it."""

    limits: Limits
    plotted: list[Plotted]
    signals: list[Signal]
    capability: Capability | None


def study(values: Sequence[float], baseline: int, rules: Sequence[str], specification: Specification) -> Study:
    """Chart all values by limits of the first `baseline` of them; raises `Unfit`, and `KeyError` for a rule."""
    limits = of_individuals(values[:baseline])
    plotted = list(_plotted(values, limits, rules))
    spread = Spread()
    for value in values:
        spread.add(value)
    has_limits = specification != (None, None)
    signals = sorted(_stretches(plotted), key=lambda one: (one.first, one.last))
    return Study(limits, plotted, signals, capability(spread, specification) if has_limits else None)


def _plotted(values: Iterable[float], limits: Limits, rules: Sequence[str]) -> Iterator[Plotted]:
    individuals, ewma, cusum = Individuals(limits, rules), Ewma(limits), Cusum(limits)
    for place, value in enumerate(values, start=1):
        individual, moving_range = individuals.add(value)
        yield Plotted(place, individual, moving_range, ewma.add(value), cusum.add(value))


def _stretches(plotted: Iterable[Plotted]) -> Iterator[Signal]:
    """Signals of values one behind the other, as one."""
    going: dict[tuple[str, str], int] = {}
    place = 0
    for plot in plotted:
        now = {(chart, signal) for chart, point in plot.by_chart() for signal in point.signals}
        for who in [who for who in going if who not in now]:
            yield Signal(*who, going.pop(who), place)
        place = plot.place
        for who in sorted(now - going.keys()):
            going[who] = place
    for who, first in going.items():
        yield Signal(*who, first, place)
