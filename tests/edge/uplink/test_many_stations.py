"""A hundred stations of one gateway, and fifty gateways of a plant, in virtual time: nobody waits for anybody else."""

from __future__ import annotations

import statistics
from collections import Counter

import pytest
from courier_world import Time, Together, World

STATIONS = 100
GATEWAYS = 50
OUTAGE_S = 600.0
BACK_WITHIN_S = 60.0
"""The longest pause of a breaker."""
LIVE_MAX_S = 2.0


class Line:
    """Events at a steady rate at each of some stations, with when each happened."""

    def __init__(self, worlds: list[World], per_s: float) -> None:
        self._worlds = worlds
        self._every_s = 1 / per_s
        self._next_s = worlds[0].time.now_s
        self.born_s: list[dict[bytes, float]] = [{} for _ in worlds]

    def make(self) -> None:
        """What has happened by now."""
        while self._next_s <= self._worlds[0].time.now_s:
            for world, born_s in zip(self._worlds, self.born_s, strict=True):
                born_s[world.shelf.add()] = self._next_s
            self._next_s += self._every_s

    def waited_s(self, number: int, since_s: float = 0.0) -> list[float]:
        """How long each event of a station since then took to be with the office; all of them are there."""
        came_s = self._worlds[number].office.came_s
        return [came_s[value] - at_s for value, at_s in self.born_s[number].items() if at_s >= since_s]


def p99(waited_s: list[float]) -> float:
    return statistics.quantiles(waited_s, n=100)[98]


def drain(worlds: list[World], together: Together) -> None:
    """What was still on its way comes, too, and of each sender in order."""
    together.go_on(300.0, lambda: None)
    for world in worlds:
        assert not world.shelf.rows
        assert all(numbers == sorted(numbers) for numbers in world.first_arrivals().values())


@pytest.mark.parametrize("trouble", ["half", "away", "stranger", "wait", "page", "torn"])
def test_a_station_that_always_fails_holds_up_none_of_the_ninety_nine_others(trouble: str) -> None:
    """`half`: of each of its batches a part is not written, as when one of Kafka's partitions has no leader."""
    failing = World()
    others = [World(beside=failing, seed=number) for number in range(1, STATIONS)]
    failing.office.trouble = [trouble] * 10_000
    line, together = Line([failing, *others], per_s=1.0), Together([failing, *others])
    together.go_on(120.0, line.make)
    assert len(failing.office.trouble) < 10_000, "it was not asked"
    failing.office.trouble = []
    drain([failing, *others], together)
    assert not failing.kept.letters
    waited_s = [one for number in range(1, STATIONS) for one in line.waited_s(number)]
    assert p99(waited_s) < LIVE_MAX_S


def test_a_plant_comes_back_after_ten_minutes_without_a_crowd_and_what_is_new_is_fresh() -> None:
    """Fifty gateways lose the office at the same moment, with four events a second each."""
    time = Time()
    gateways = [World(late_per_s=40.0, seed=number, time=time) for number in range(GATEWAYS)]
    line, together = Line(gateways, per_s=4.0), Together(gateways)
    for gateway in gateways:
        gateway.office.trouble = ["away"] * 10_000
    together.go_on(OUTAGE_S, line.make)
    asked_before = sum(gateway.office.asked for gateway in gateways)
    assert asked_before < GATEWAYS * OUTAGE_S / 20, "they were asked for in vain far too often"

    for gateway in gateways:
        gateway.office.trouble = []
    back_s = time.now_s
    together.go_on(BACK_WITHIN_S, line.make)
    first_s = [min(gateway.office.came_s.values()) for gateway in gateways]
    assert max(Counter(int(at_s) for at_s in first_s).values()) <= GATEWAYS / 5, "they came back all at once"
    assert all(gateway.courier.status.late for gateway in gateways[-1:]), "the way was never shared with what is late"

    live_from_s = back_s + BACK_WITHIN_S
    while any(gateway.courier.status.late for gateway in gateways):
        assert time.now_s < live_from_s + 600.0, "the late part does not come to its end"
        together.go_on(5.0, line.make)
    drain(gateways, together)
    waited_s = [one for number in range(GATEWAYS) for one in line.waited_s(number, live_from_s)]
    assert len(waited_s) > 1_000
    assert p99(waited_s) < LIVE_MAX_S
