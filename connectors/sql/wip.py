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
from models.production.serials import SerialRange, number_of
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
            wrong.append(Problem(f"units[{at}].serial", "key_doubled", why))
    if wrong:
        raise Invalid(f"{len(wrong)} of what is listed cannot stand; nothing was taken over", wrong)
    fresh = [unit for unit in given if unit.serial not in known]
    if len(fresh) > order.left_qty:
        raise Refused("over_quantity", f"order {order.number} has {order.left_qty} units left, not {len(fresh)}")
    for unit in fresh:
        _add(work, order, unit)
    if fresh:
        units.count(work, order, begun_qty=len(fresh))
        told = [unit.serial for unit in fresh]
        work.tell("units_begun", f"order/{order.number}", line=order.line, serials=told)
    outcomes = {unit.serial: "known" if unit.serial in known else "taken" for unit in given}
    return [
        msgspec.convert(
            {"serial": unit.serial, "outcome": outcomes[unit.serial], "next_place": len(unit.done)}, TakenOver
        )
        for unit in given
    ]


def _add(work: Work, order: Order, unit: WipUnit) -> None:
    units.add(work, replace(units.fresh(order, unit.serial), place=len(unit.done)))
    by = {"serial": unit.serial, "by": work.who.identity, "attempt": 0, "result": "adopted", "reason": WHY}
    rows = [{**by, **_when(done)} for done in unit.done]
    if rows:
        work.run(UNIT_STEPS.insert(), rows)
    after = {"order": order.number, "done": [msgspec.to_builtins(done) for done in unit.done]}
    work.note("unit_adopted", f"unit/{unit.serial}", after=after)


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


def _why_not(work: Work, found: SerialRange, serial: str) -> str | None:
    if work.one(select(UNITS.c.serial).where(UNITS.c.serial == serial)):
        return f"there is a unit {serial} already, which was not taken over like this"
    if serial_pool.is_held(work.connection, serial):
        return f"{serial} is held for a lease, or for the next unit of its order"
    if (number := number_of(found, serial)) is not None and number >= found.next:
        return f"{serial} is still to be given by serial range {found.id}: begin behind it"
    return None
