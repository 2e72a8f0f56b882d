"""The charts of a study as a picture: individuals, moving range, EWMA and CUSUM, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.quality.capability import Specification
from models.quality.charts import Point
from models.quality.study import Study
from sipe.errors import SipeError, UsageError

INCHES = (10.0, 10.0)
DOTS_PER_INCH = 120
VALUE, LIMIT, SIGNAL, SPECIFIED = "#1f5fa8", "#888888", "#b3261e", "#b26a00"


def draw(found: Study, specification: Specification, title: str, path: Path) -> None:
    """Write a PNG; raises `UsageError` without the library that draws, `SipeError` where no file can be written."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("--png wants matplotlib: pip install 'sipe[pictures]'") from error
    # The last value has a point on every chart; the first has no moving range.
    charts: dict[str, tuple[list[int], list[Point]]] = {name: ([], []) for name, _ in found.plotted[-1].by_chart()}
    for plot in found.plotted:
        for name, point in plot.by_chart():
            charts[name][0].append(plot.place)
            charts[name][1].append(point)
    figure = Figure(INCHES, DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(len(charts), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (name, (places, points)) in zip(axes, charts.items(), strict=True):
        _plot(axis, name, places, points)
    for limit in specification:
        if limit is not None:
            axes[0].axhline(limit, color=SPECIFIED, linewidth=1)
    axes[0].set_title(title)
    axes[-1].set_xlabel("value")
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise SipeError(f"{path}: the picture cannot be written: {error.strerror}") from error


def _plot(axis: Any, name: str, places: Sequence[int], points: Sequence[Point]) -> None:
    axis.plot(places, [point.center for point in points], color=LIMIT, linewidth=0.8)
    for limits in ([point.low for point in points], [point.high for point in points]):
        axis.plot(places, limits, color=LIMIT, linewidth=0.8, linestyle="--")
    axis.plot(places, [point.value for point in points], color=VALUE, linewidth=0.8, marker=".", markersize=3)
    signals = [(place, point.value) for place, point in zip(places, points, strict=True) if point.signals]
    if signals:
        axis.plot(*zip(*signals, strict=True), color=SIGNAL, linestyle="none", marker="o", markersize=4)
    axis.set_ylabel(name)
    axis.spines[["top", "right"]].set_visible(False)
