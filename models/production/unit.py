"""Units on their way along a routing: what may be done to one now, and the words for what may not.

                       ┌──────── pass ────────┐
    waiting ─enter─▶ in_work ─fail─▶ rework ─enter─▶ in_work ...        done ─recall─▶ recalled
       ▲                │              (or quarantined, without rework or attempts)
       └─ pass: the next operation; after the last one the unit is done

A unit that is quarantined, held or recalled passes nowhere until somebody disposes of it: rework, scrap, or use as is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Literal

from models.production.routing import Rework, Routing, Step
from models.refusal import Refused, need_reason

Status = Literal["waiting", "in_work", "rework", "done", "quarantined", "held", "recalled", "scrapped"]
Stop = Literal["quarantined", "held", "recalled"]
Disposal = Literal["rework", "scrap", "use_as_is"]

STOPPED: frozenset[Status] = frozenset({"quarantined", "held", "recalled"})


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit as it stands."""

    serial: str
    order: str
    product: str
    routing_revision: int
    status: Status = "waiting"
    place: int = 0
    """The operation that is next, or under way, counted from 0."""
    rework: str | None = None
    """The rework that the unit has to pass first."""
    at_step: str | None = None
    at_station: str | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    """How often each step was begun."""
    stopped_reason: str = ""
    failed_step: str | None = None
    """The step whose failure put the unit into quarantine."""
    version: int = 1


def enter(unit: Unit, routing: Routing, station: str) -> Unit:
    """The unit in work at a station; raises `Refused` in words that an operator understands."""
    _check_open(unit, station)
    step = _step_at(unit, routing, station)
    attempts = unit.attempts.get(step.name, 0)
    if attempts >= step.attempts_max:
        raise Refused("attempts_over", f"{unit.serial} was at {step.name} {attempts} times; no more are allowed")
    begun = {**unit.attempts, step.name: attempts + 1}
    return replace(unit, status="in_work", at_step=step.name, at_station=station, attempts=begun)


def enter_by_force(unit: Unit, routing: Routing, station: str) -> Unit:
    """The unit in work where it is, whatever was to come first: a station that only observes, or a bypass.

    Raises `Refused` where no force helps: a unit that is stopped or scrapped, a station that its product does not pass.
    """
    if unit.status in STOPPED | {"scrapped"}:
        _check_open(unit, station)
    routing.check_station(station)
    step = routing.at_station(station)[0]
    begun = {**unit.attempts, step.name: unit.attempts.get(step.name, 0) + 1}
    work = replace(unit, status="in_work", at_step=step.name, at_station=station, attempts=begun)
    if isinstance(step, Rework):
        return replace(work, rework=step.name)
    return replace(work, rework=None, place=routing.place_of(step.name))


def succeed(unit: Unit, routing: Routing, station: str) -> Unit:
    """The unit after it passed the step that it is in work at; raises `Refused`."""
    check_in_work(unit, station)
    return _passed(unit, routing)


def fail(unit: Unit, routing: Routing, station: str, reason: str) -> Unit:
    """The unit after it failed there: on its way to rework, or quarantined; raises `Refused`."""
    check_in_work(unit, station)
    need_reason(reason, "a failure")
    step = next((step for step in routing.steps if step.name == unit.at_step), None)
    if step is None or step.rework is None or unit.attempts[step.name] >= step.attempts_max:
        because = f"{unit.at_step} failed: {reason}"
        return _left(unit, status="quarantined", failed_step=unit.at_step, stopped_reason=because)
    return _left(unit, status="rework", rework=step.rework)


def stop(unit: Unit, status: Stop, reason: str) -> Unit:
    """The unit taken off its way, wherever it is; what is done is recalled, what is scrapped stays so."""
    if unit.status == "scrapped":
        raise Refused("scrapped", f"{unit.serial} is scrapped")
    if unit.status in STOPPED:
        raise Refused("stopped", f"{unit.serial} is {unit.status} already: {unit.stopped_reason}")
    need_reason(reason, f"to have {unit.serial} {status}")
    return replace(unit, status=status, stopped_reason=reason)


def dispose(unit: Unit, routing: Routing, disposal: Disposal, rework: str | None = None) -> Unit:
    """What becomes of a unit that was stopped; raises `Refused`.

    Rework sends it to a rework of its routing, and its attempts count anew. As it is, it goes on where it was stopped:
    what was in work has to enter again, and a failure counts as passed, on the word of whoever disposes.
    """
    if unit.status not in STOPPED:
        raise Refused("not_stopped", f"{unit.serial} is {unit.status}; only what is stopped is disposed of")
    free = replace(unit, stopped_reason="", failed_step=None)
    if disposal == "scrap":
        return _left(free, status="scrapped", rework=None)
    if disposal == "rework":
        if rework not in {one.name for one in routing.rework}:
            raise Refused("no_rework", f"the routing of {unit.product} has no rework {rework!r}")
        return _left(free, status="rework", rework=rework, attempts={})
    if unit.failed_step is not None:
        return _passed(free, routing)
    if unit.place == len(routing.operations):
        return _left(free, status="done")
    return _left(free, status="waiting" if unit.rework is None else "rework")


def open_steps(unit: Unit, routing: Routing, done: Collection[str]) -> tuple[str, ...]:
    """The steps that are not done: what was left out, and what is still to come; `done` is what counts as done."""
    rework = () if unit.rework is None else (unit.rework,)
    coming = (operation.steps[0].name for operation in routing.operations[unit.place :])
    return (*left_out(unit, routing, done), *rework, *coming)


def left_out(unit: Unit, routing: Routing, done: Collection[str]) -> tuple[str, ...]:
    """The steps behind the unit that it never did, such as at a station that only observed."""
    behind = routing.operations[: unit.place]
    return tuple(one.steps[0].name for one in behind if not any(step.name in done for step in one.steps))


def check_in_work(unit: Unit, station: str) -> None:
    """Raise `Refused` unless a station may do something with the unit: it has entered there, and nothing stopped it."""
    if unit.status in STOPPED:
        raise Refused(unit.status, f"{unit.serial} is {unit.status}: {unit.stopped_reason}")
    if unit.status != "in_work" or unit.at_station != station:
        raise Refused("not_in_work", f"{unit.serial} is not in work at {station}")


def check_part(unit: Unit) -> None:
    """Raise `Refused` when the unit may not go into another one: it is stopped or scrapped."""
    if unit.status in STOPPED:
        raise Refused(unit.status, f"{unit.serial} is {unit.status}: {unit.stopped_reason}")
    if unit.status == "scrapped":
        raise Refused("scrapped", f"{unit.serial} is scrapped; take it off the line")


def _check_open(unit: Unit, station: str) -> None:
    match unit.status:
        case "scrapped":
            raise Refused("scrapped", f"{unit.serial} is scrapped; take it off the line")
        case "quarantined" | "held" | "recalled":
            raise Refused(unit.status, f"{unit.serial} is {unit.status}: {unit.stopped_reason}")
        case "done":
            raise Refused("done", f"{unit.serial} has passed every step")
        case "in_work":
            where = "here" if unit.at_station == station else f"at {unit.at_station}"
            raise Refused("in_work", f"{unit.serial} is in work {where}, at step {unit.at_step}")


def _step_at(unit: Unit, routing: Routing, station: str) -> Step | Rework:
    if unit.rework is not None:
        rework = routing.rework_named(unit.rework)
        if station not in rework.stations:
            raise Refused("failed", f"{unit.serial} has failed; take it to {rework.name} at {_list(rework.stations)}")
        return rework
    operation = routing.operations[unit.place]
    if (step := operation.at(station)) is not None:
        return step
    routing.check_station(station)
    stations = [where for step in operation.steps for where in step.stations]
    names = " or ".join(step.name for step in operation.steps)
    here = [routing.place_of(step.name) for step in routing.at_station(station) if isinstance(step, Step)]
    if here and max(here) < unit.place:
        raise Refused("passed", f"{unit.serial} has passed this station; next is {names} at {_list(stations)}")
    raise Refused("skipped", f"{unit.serial} has to pass {names} first, at {_list(stations)}")


def _passed(unit: Unit, routing: Routing) -> Unit:
    if unit.rework is not None:
        back = routing.place_of(routing.rework_named(unit.rework).returns_to)
        return _left(unit, status="waiting", place=back, rework=None)
    place = unit.place + 1
    return _left(unit, status="done" if place == len(routing.operations) else "waiting", place=place)


def _left(unit: Unit, **changes: object) -> Unit:
    return replace(unit, at_step=None, at_station=None, **changes)  # type: ignore[arg-type]  # the fields of a unit


def _list(stations: tuple[str, ...] | list[str]) -> str:
    return ", ".join(sorted(set(stations)))
