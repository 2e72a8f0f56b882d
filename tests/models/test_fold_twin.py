"""The fold against the ground truth of simulated factory days."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from connectors.files.plant import read_plant
from models.fold.partition import PartitionFold, Restatement
from models.fold.rules import MINUTE_MS, FoldConfig
from models.twin.day import Day, simulate
from sipe.contracts.script import Tick

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"


class Store:
    """What a store holds of all stations after the restatements so far."""

    def __init__(self) -> None:
        self.facts: dict[tuple[Any, ...], tuple[int, ...]] = {}
        self.stops: dict[tuple[str, int], tuple[Any, ...]] = {}

    def write(self, restatement: Restatement) -> None:
        for run in restatement.minutes:
            for i in range(run.minutes):
                key = (run.station, run.minute_ms + i * MINUTE_MS, run.order, run.product, run.shift)
                if run.is_deleted:
                    del self.facts[key]
                else:
                    self.facts[key] = run.measures
        for change in restatement.stops:
            if change.is_deleted:
                del self.stops[change.station, change.stop.from_ms]
            else:
                self.stops[change.station, change.stop.from_ms] = (change.station, *change.stop)

    def assert_is(self, day: Day) -> None:
        assert self.facts == {tuple(row[:5]): tuple(row[5:]) for row in day.truth.facts}
        assert sorted(self.stops.values()) == sorted(tuple(row) for row in day.truth.stops)


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_a_simulated_day_ends_as_its_truth_says(seed: int) -> None:
    day = simulate(read_plant(PLANT), seed=seed, scale=0.05)
    fold, store = PartitionFold(FoldConfig()), Store()
    for item in day.script():
        if isinstance(item, Tick):
            store.write(fold.tick(item.now_ms))
        else:
            fold.apply(item.event)
    store.assert_is(day)


def test_so_does_a_day_whose_events_arrive_in_any_order() -> None:
    day = simulate(read_plant(PLANT), seed=5, scale=0.03)
    events = list(day.events)
    random.Random(5).shuffle(events)
    fold, store = PartitionFold(FoldConfig()), Store()
    for i, event in enumerate(events):
        fold.apply(event)
        if i % 500 == 0:
            store.write(fold.tick(day.from_ms + i * 1000))
    store.write(fold.tick(day.now_ms))
    store.assert_is(day)
