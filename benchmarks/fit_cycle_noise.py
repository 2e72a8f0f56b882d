"""Fit the twin's cycle-time noise to a production log and print the parameters as Python.

    python benchmarks/fit_cycle_noise.py production-log-2012.csv

The log's columns are report_type (D is production), part, activity, minutes, qty_completed. The parameters go into
`models/twin/noise.py` by hand, so that the twin needs no log.
"""

from __future__ import annotations

import csv
import math
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from statistics import median

from models.twin.noise import CycleNoise

QUANTILES = (0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)
ROWS_MIN = 5
"""A pair of part and activity with fewer rows has no median worth dividing by."""


def ratios(rows: Iterable[dict[str, str]]) -> list[float]:
    """Milliseconds per piece of each production row over the median of its part and activity, ascending."""
    per_piece_ms = defaultdict(list)
    for row in rows:
        minutes, pieces = float(row["minutes"]), int(row["qty_completed"])
        if row["report_type"] == "D" and pieces > 0 and minutes > 0:
            per_piece_ms[row["part"], row["activity"]].append(minutes * 60_000 / pieces)
    return sorted(
        value / median(values) for values in per_piece_ms.values() if len(values) >= ROWS_MIN for value in values
    )


def quantile(ordered: list[float], p: float) -> float:
    """The p-quantile, linear between the two nearest values."""
    place = (len(ordered) - 1) * p
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def misfit(noise: CycleNoise, target: dict[float, float]) -> float:
    """Squared distance of the logarithms of the quantiles over the median."""
    middle = noise.quantile(0.5)
    return sum((math.log(noise.quantile(p) / middle) - math.log(ratio)) ** 2 for p, ratio in target.items())


def fit(target: dict[float, float], cap: float) -> CycleNoise:
    """The noise with the least misfit, by pattern search with halving steps."""
    best = CycleNoise(sigma=0.6, tail_weight=0.1, tail_start=1.5, tail_shape=1.2, cap=cap)
    step = 0.2
    while step > 0.001:
        neighbours = [
            replace(best, **{name: getattr(best, name) * factor})
            for name in ("sigma", "tail_weight", "tail_start", "tail_shape")
            for factor in (1 + step, 1 / (1 + step))
        ]
        closest = min(neighbours, key=lambda noise: misfit(noise, target))
        if misfit(closest, target) < misfit(best, target):
            best = closest
        else:
            step /= 2
    return best


def main(path: Path) -> None:
    """Print the fitted parameters and how far they are from the log."""
    with path.open(encoding="utf-8", newline="") as file:
        ordered = ratios(csv.DictReader(file))
    middle = quantile(ordered, 0.5)
    target = {p: quantile(ordered, p) / middle for p in QUANTILES}
    noise = fit(target, cap=ordered[-1] / middle)
    print(f"# {len(ordered)} rows; quantile over the median: log, fitted")
    for p, ratio in target.items():
        print(f"# p{p * 100:g}: {ratio:.2f}, {noise.quantile(p) / noise.quantile(0.5):.2f}")
    print(
        f"CycleNoise(sigma={noise.sigma:.3f}, tail_weight={noise.tail_weight:.3f}, tail_start={noise.tail_start:.3f}, "
        f"tail_shape={noise.tail_shape:.3f}, cap={noise.cap:.1f})"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
