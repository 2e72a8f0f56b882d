"""Routings: which steps a product goes through, where each may be done, and what becomes of a unit that fails.

A routing is a list of operations. An operation is one step, or several of which one is done: alternatives. A unit that
fails goes to the step's rework, which is off the line and sends it back to an operation; without one, or after too
many attempts, it is quarantined until somebody disposes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from models.refusal import Refused
from models.sheets.fields import Words
from sipe.contracts.fields import Name, Sha256, Station

StepName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$(?!\n)", description="Name of a step.")]
Stations = Annotated[tuple[Station, ...], Meta(min_length=1, max_length=100)]


class RoutingError(ValueError):
    """A routing that cannot work; names the step and what is wrong with it."""


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that somebody confirms before the line starts."""

    id: StepName
    words: Words


class Instruction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the station shows; with `confirm`, somebody has to say that they have read it before the line starts."""

    id: StepName
    words: Words
    picture: Sha256 | None = None
    confirm: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Work on a unit at one of some stations."""

    name: StepName
    stations: Stations
    template: Name | None = None
    """Of the sheets that say how it is done; None is a step that needs none."""
    attempts_max: Annotated[int, Meta(ge=1, le=20)] = 3
    rework: StepName | None = None
    checks: Annotated[tuple[Check, ...], Meta(max_length=50)] = ()
    instructions: Annotated[tuple[Instruction, ...], Meta(max_length=50)] = ()


class Rework(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Repair off the line; a unit that passes it goes back to an operation, by the name of one of its steps."""

    name: StepName
    stations: Stations
    returns_to: StepName
    attempts_max: Annotated[int, Meta(ge=1, le=20)] = 3


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step, or alternatives of which one is done."""

    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=10)]

    def at(self, station: str) -> Step | None:
        """The step of it that is done at a station."""
        return next((step for step in self.steps if station in step.stations), None)


class Routing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A revision of a product's routing; it never changes."""

    product: Name
    revision: Annotated[int, Meta(ge=1)]
    operations: Annotated[tuple[Operation, ...], Meta(min_length=1, max_length=100)]
    rework: Annotated[tuple[Rework, ...], Meta(max_length=100)] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps on the line, in order."""
        return tuple(step for operation in self.operations for step in operation.steps)

    def place_of(self, name: str) -> int:
        """The operation that a step belongs to, counted from 0; raises `KeyError`."""
        for at, operation in enumerate(self.operations):
            if any(step.name == name for step in operation.steps):
                return at
        raise KeyError(name)

    def rework_named(self, name: str) -> Rework:
        """Raises `KeyError`."""
        for rework in self.rework:
            if rework.name == name:
                return rework
        raise KeyError(name)

    def at_station(self, station: str) -> list[Step | Rework]:
        """What is done at a station, in order; nothing when the product does not pass there."""
        everything: tuple[Step | Rework, ...] = (*self.steps, *self.rework)
        return [step for step in everything if station in step.stations]

    def check_station(self, station: str) -> None:
        """Raise `Refused` unless the product passes there."""
        if not self.at_station(station):
            raise Refused("wrong_station", f"{self.product} does not pass {station}")


def routing_of(given: object) -> Routing:
    """A routing from plain values; raises `RoutingError`."""
    try:
        routing = msgspec.convert(given, Routing)
    except msgspec.ValidationError as error:
        raise RoutingError(str(error)) from error
    for problem in _problems(routing):
        raise RoutingError(f"routing of {routing.product}: {problem}")
    return routing


def _problems(routing: Routing) -> Iterator[str]:
    names = Counter([*(step.name for step in routing.steps), *(one.name for one in routing.rework)])
    yield from (f"{count} steps are called {name!r}" for name, count in names.items() if count > 1)
    for operation in routing.operations:
        stations = Counter(station for step in operation.steps for station in step.stations)
        for station, count in stations.items():
            if count > 1:
                yield f"{station} does two alternatives of {operation.steps[0].name!r}, so nobody knows which"
    rework = {one.name: one for one in routing.rework}
    places = {step.name: at for at, operation in enumerate(routing.operations) for step in operation.steps}
    for step in routing.steps:
        ids = Counter([*(check.id for check in step.checks), *(one.id for one in step.instructions)])
        yield from (f"step {step.name!r} has {count} checks {name!r}" for name, count in ids.items() if count > 1)
        if step.rework is None:
            continue
        if step.rework not in rework:
            yield f"step {step.name!r} is repaired at {step.rework!r}, which is no rework of it"
        elif (back := rework[step.rework].returns_to) in places and places[back] > places[step.name]:
            yield f"rework {step.rework!r} returns to {back!r}, so what failed at {step.name!r} would skip it"
    for one in routing.rework:
        if one.returns_to not in places:
            yield f"rework {one.name!r} returns to {one.returns_to!r}, which is no step"
