"""What the parts of the simulation hand to each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sipe.contracts.events import StationEvent
from sipe.contracts.fields import State


class Span(NamedTuple):
    """The simulated day: [from_ms, to_ms)."""

    from_ms: int
    to_ms: int


class Draft(NamedTuple):
    """An event that is not numbered yet."""

    ts_ms: int
    kind: Callable[..., StationEvent]
    fields: dict[str, Any]


class Job(NamedTuple):
    """An order as the station works on it: until `to_ms`."""

    order: str
    product: str
    planned_qty: int
    to_ms: int


NO_JOB = Job("", "", 0, 0)


class Stop(NamedTuple):
    """An idle or down time as it really was."""

    from_ms: int
    to_ms: int
    state: State
