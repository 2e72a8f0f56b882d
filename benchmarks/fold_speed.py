"""How fast the stages between broker and store are, one after the other, on a simulated factory day.

    python benchmarks/fold_speed.py [--rounds 5] [--scale 0.3]

Prints per stage the median over the rounds, the spread (max - min) / median, and the load of the machine. The facts of
every round are compared with the day's ground truth, so a fast wrong fold prints nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

from connectors.files.plant import read_plant
from models.fold.partition import PartitionFold, Restatement
from models.fold.rules import MINUTE_MS, FoldConfig
from models.twin import Day, simulate
from pipelines.rows import restatement_blocks
from sipe.contracts.codec import decode, encode
from sipe.contracts.script import Tick

PLANT = Path(__file__).resolve().parents[1] / "examples" / "plant.toml"
STAGES = ("decode", "fold: apply", "fold: tick", "rows to columns")


def measure(day: Day) -> dict[str, float]:
    """Seconds by stage for one pass over the day."""
    seconds = dict.fromkeys(STAGES, 0.0)
    raw = [encode(item.event) for item in day.script() if not isinstance(item, Tick)]
    began = time.perf_counter()
    for message in raw:
        decode(message)
    seconds["decode"] = time.perf_counter() - began
    fold, restatements = PartitionFold(FoldConfig()), []
    for item in day.script():
        began = time.perf_counter()
        if isinstance(item, Tick):
            restatements.append(fold.tick(item.now_ms))
            seconds["fold: tick"] += time.perf_counter() - began
        else:
            fold.apply(item.event)
            seconds["fold: apply"] += time.perf_counter() - began
    began = time.perf_counter()
    for restatement in restatements:
        restatement_blocks(restatement, 1, partition=0)
    seconds["rows to columns"] = time.perf_counter() - began
    check(day, restatements)
    return seconds


def check(day: Day, restatements: list[Restatement]) -> None:
    """Exit with 1 unless the published facts are the true ones."""
    facts = {}
    for restatement in restatements:
        for run in restatement.minutes:
            for i in range(run.minutes):
                key = (run.station, run.minute_ms + i * MINUTE_MS, run.order, run.product, run.shift)
                facts[key] = run.measures
                if run.is_deleted:
                    del facts[key]
    if facts != {tuple(row[:5]): tuple(row[5:]) for row in day.truth.facts}:
        sys.exit("the facts are not those of the ground truth: nothing was measured")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=0.3)
    args = parser.parse_args()
    day = simulate(read_plant(PLANT), seed=7, scale=args.scale)
    ticks = sum(isinstance(item, Tick) for item in day.script())
    rounds = [measure(day) for _ in range(args.rounds)]
    print(f"{len(day.events)} events, {ticks} ticks, {len(day.plant.stations)} stations, load {os.getloadavg()[0]:.1f}")
    for stage in STAGES:
        times = [seconds[stage] for seconds in rounds]
        median = statistics.median(times)
        spread = (max(times) - min(times)) / median
        print(f"{stage:16} {median:7.3f} s  {len(day.events) / median:10,.0f} events/s  spread {spread:4.0%}")


if __name__ == "__main__":
    main()
