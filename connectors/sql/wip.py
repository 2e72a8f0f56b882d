"""Takes work in progress over: all units of a list, or none, and each of them once however often the list comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import msgspec
from sqlalchemy import select

from connectors.sql import orders, products, serial_pool, units
from connectors.sql.schema.production import UNIT_STEPS, UNITS
from connectors.sql.work import Work
from models.production.order import Order
from models.production.serials import SerialRange, check_serial, number_of
from models.production.unit import Unit
from models.production.wip import DoneStep, WipUnit, problems
from models.refusal import Invalid, Refused
from models.sheets.cells import Problem

WHY = "it was under way before this system was"


class TakenOver(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that was taken over now, or that was before, just so."""

    serial: str
    outcome: Literal["taken", "known"]
    next_place: int
    """The operation that is next, counted from 0."""


def adopt(work: Work, order_number: str, serial: str, next_step: str) -> Unit:
    """A single unit goes on at a step of its order's routing; raises `Refused`."""
    check_serial(serial)
    order = orders.lock(work, order_number)
    order.check_may_begin()
    if why := _why_not(work, products.range_of(work.connection, order.serial_range), serial):
        raise why
    routing = products.routing_of(work.connection, order.product, order.routing_revision)
    if next_step not in {step.name for step in routing.steps}:
        raise Refused("no_such_step", f"the routing of {order.product} has no step {next_step}")
    behind = routing.operations[: routing.place_of(next_step)]
    done = tuple(DoneStep(step=operation.steps[0].name, at_ms=work.now_ms) for operation in behind)
    (unit,) = _add(work, order, [WipUnit(serial=serial, done=done)])
    return unit


def take_over(work: Work, order_number: str, given: Sequence[WipUnit]) -> list[TakenOver]:
    """Let units go on behind what they have done elsewhere; raises `Invalid` with every problem, `Refused`."""
    order = orders.lock(work, order_number)
    order.check_may_work()
    routing = products.routing_of(work.connection, order.product, order.routing_revision)
    found = products.range_of(work.connection, order.serial_range)
    wrong = list(problems(given, routing, work.now_ms))
    known = {unit.serial for unit in given if _is_known(work, order, unit)}
    for at, unit in enumerate(given):
        if unit.serial not in known and (why := _why_not(work, found, unit.serial)):
            wrong.append(Problem(f"units[{at}].serial", "key_doubled", str(why)))
    if wrong:
        raise Invalid(f"{len(wrong)} of what is listed cannot stand; nothing was taken over", wrong)
    new = [unit for unit in given if unit.serial not in known]
    if len(new) > order.left_qty:
        raise Refused("over_quantity", f"order {order.number} has {order.left_qty} units left, not {len(new)}")
    if new:
        _add(work, order, new)
    return [
        TakenOver(serial=unit.serial, outcome="known" if unit.serial in known else "taken", next_place=len(unit.done))
        for unit in given
    ]


def _add(work: Work, order: Order, given: Sequence[WipUnit]) -> list[Unit]:
    added = [replace(units.fresh(order, one.serial), place=len(one.done)) for one in given]
    units.add(work, *added)
    by = {"by": work.who.identity, "attempt": 0, "result": "adopted", "reason": WHY}
    rows = [{**by, "serial": one.serial, **_when(done)} for one in given for done in one.done]
    if rows:
        work.run(UNIT_STEPS.insert(), rows)
    for one in given:
        after = {"order": order.number, "done": [msgspec.to_builtins(done) for done in one.done]}
        work.note("unit_adopted", f"unit/{one.serial}", after=after)
    units.count_begun(work, order, added)
    return added


def _when(done: DoneStep) -> dict[str, str | int]:
    return {"step": done.step, "station": done.station or "", "entered_ms": done.at_ms, "left_ms": done.at_ms}


def _is_known(work: Work, order: Order, unit: WipUnit) -> bool:
    """Whether a unit was taken over before, with the same behind it."""
    of_order = UNITS.c.serial == unit.serial, UNITS.c.order_number == order.number
    if work.one(select(UNITS.c.serial).where(*of_order)) is None:
        return False
    columns = UNIT_STEPS.c.step, UNIT_STEPS.c.station, UNIT_STEPS.c.entered_ms, UNIT_STEPS.c.left_ms
    adopted = UNIT_STEPS.c.serial == unit.serial, UNIT_STEPS.c.result == "adopted"
    rows = work.run(select(*columns).where(*adopted).order_by(UNIT_STEPS.c.id))
    return [row._asdict() for row in rows] == [_when(done) for done in unit.done]


def _why_not(work: Work, found: SerialRange, serial: str) -> Refused | None:
    if work.one(select(UNITS.c.serial).where(UNITS.c.serial == serial)):
        return Refused("exists", f"there is a unit {serial} already, which was not taken over like this")
    if serial_pool.is_held(work.connection, serial):
        return Refused("serial_range", f"{serial} is held for a lease, or for the next unit of its order")
    if (number := number_of(found, serial)) is not None and number >= found.next:
        return Refused("serial_range", f"{serial} is still to be given by serial range {found.id}: begin behind it")
    return None
