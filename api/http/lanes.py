"""Lanes: how many requests of a kind are worked on at a time, so that no kind takes the service from the others.

Signing in is slow on purpose, and taking events in waits for Kafka. Whoever comes when the queue of a lane is full is
asked to come again, at once, instead of waiting for longer than anybody listens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from api.http.problems import unavailable

T = TypeVar("T")

LaneName = Literal["main", "proving", "intake"]


class Size(NamedTuple):
    """How many are worked on, and how many may wait."""

    at_once: int
    waiting: int


SIZES: dict[LaneName, Size] = {"main": Size(32, 1_000), "proving": Size(4, 64), "intake": Size(16, 64)}


@dataclass
class _Lane:
    size: Size
    limiter: CapacityLimiter = field(init=False)
    inside: int = 0

    def __post_init__(self) -> None:
        self.limiter = CapacityLimiter(self.size.at_once)


class Lanes:
    """The lanes of one application, on one event loop."""

    def __init__(self) -> None:
        self._lanes: dict[LaneName, _Lane] = {}

    async def run(self, name: LaneName, work: Callable[..., T], *args: object) -> T:
        """Do something in a thread of a lane; raises `NotNow` when too many wait there."""
        lane = self._lanes.setdefault(name, _Lane(SIZES[name]))
        if lane.inside >= sum(lane.size):
            raise unavailable("too many ask for this at once: ask again")
        lane.inside += 1
        try:
            return await anyio.to_thread.run_sync(work, *args, limiter=lane.limiter)
        finally:
            lane.inside -= 1
