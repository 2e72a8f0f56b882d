"""Units in the store: begun with a serial that is given once, and led along their routing station by station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select, update

from connectors.sql import orders, products, serial_pool, setups
from connectors.sql.schema.production import UNIT_STEPS, UNITS
from connectors.sql.work import Work, canonical
from models.production import unit as model
from models.production.lease import Visit
from models.production.order import Order, act
from models.production.routing import Routing, Step
from models.production.serials import check_serial
from models.production.unit import Unit
from models.refusal import NotFound, Refused

DONE = ("passed", "conceded", "adopted")
"""A step that a unit passed, that it was used without, or that lies before it was taken over."""
_PLAIN = tuple(name for name in Unit.__dataclass_fields__ if name not in {"order", "attempts"})


class Moved(NamedTuple):
    """What a move has made of a unit, and of its order."""

    unit: Unit
    order: Order


def begin(work: Work, order_number: str, qty: int = 1) -> list[Unit]:
    """Give the next serials of an order's range to units of it; raises `Refused` when it is for no more."""
    order = orders.lock(work, order_number)
    order.check_may_begin()
    if qty > order.left_qty:
        raise Refused("over_quantity", f"order {order.number} has {order.left_qty} units left to begin, not {qty}")
    serials = serial_pool.take(work, order, qty)
    begun = [fresh(order, serial) for serial in serials]
    add(work, *begun)
    count_begun(work, order, begun)
    return begun


def enter(work: Work, station: str, serial: str, *, order: str | None = None, setup_digest: str | None = None) -> Moved:
    """A unit comes to a station; raises `Refused` in words for its operator, and `NotFound` never."""
    before, its_order = _locked(work, serial)
    if order is not None and before.order != order:
        raise Refused("foreign_serial", f"{serial} belongs to order {before.order}, not to {order}")
    its_order.check_may_work()
    routing = _routing(work, before)
    after = model.enter(before, routing, station)
    return _entered(work, before, after, its_order, _setup_digest(work, routing, after, station, setup_digest))


def enter_by_force(work: Work, station: str, serial: str) -> Moved:
    """Let a unit in whatever was to come first, with no setup sheet asked for: a bypass, or a station that observes."""
    before, order = _locked(work, serial)
    routing = _routing(work, before)
    return _entered(work, before, model.enter_by_force(before, routing, station), order, None)


def succeed(work: Work, station: str, serial: str) -> Moved:
    """A unit passed the step that it is in work at."""
    before, order = _locked(work, serial)
    routing = _routing(work, before)
    after = write(work, before, model.succeed(before, routing, station))
    leave_step(work, before, "passed", "")
    if after.status == "done":
        order = count(work, order, good_qty=1)
    work.tell("unit_passed", f"unit/{serial}", step=before.at_step, station=station, status=after.status)
    return Moved(after, order)


def fail(work: Work, station: str, serial: str, reason: str) -> Moved:
    """A unit failed there: it goes to rework, or is quarantined."""
    before, order = _locked(work, serial)
    routing = _routing(work, before)
    after = write(work, before, model.fail(before, routing, station, reason))
    leave_step(work, before, "failed", reason)
    work.tell("unit_failed", f"unit/{serial}", step=before.at_step, station=station, status=after.status, reason=reason)
    return Moved(after, order)


def record(
    work: Work, order_number: str, station: str, visit: Visit, setup_digest: str | None, *, is_new: bool
) -> Moved:
    """Take in a visit that is told afterwards, under a lease; raises `Refused` before anything is written.

    The order is not asked whether it is still running: what was built is there. A new unit was counted with the lease.
    """
    if is_new:
        order = orders.lock(work, order_number)
        before = fresh(order, visit.serial)
    else:
        before, order = _locked(work, visit.serial)
    if order.number != order_number:
        raise Refused("foreign_serial", f"{visit.serial} belongs to order {order.number}, not to {order_number}")
    routing = _routing(work, before)
    is_here = before.status == "in_work" and before.at_station == station
    came = before if is_here else model.enter(before, routing, station)
    failed = visit.result == "failed"
    after = model.fail(came, routing, station, visit.reason) if failed else model.succeed(came, routing, station)
    if is_new:
        add(work, after)
    else:
        after = write(work, before, after)
    if not is_here:
        _begin_step(work, came, setup_digest, visit.entered_ms)
    leave_step(work, came, visit.result, visit.reason, visit.left_ms)
    if order.status == "released":
        order = orders.write(work, order, act(order, "start"))
    order = count(work, order, good_qty=int(after.status == "done"))
    told = {"step": came.at_step, "station": station, "status": after.status, "offline": True}
    work.tell("unit_failed" if failed else "unit_passed", f"unit/{visit.serial}", **told)
    return Moved(after, order)


def lock(work: Work, serial: str) -> tuple[Unit, Order]:
    """A unit and its order that nobody else changes until this work ends; raises `NotFound`."""
    order = orders.lock(work, read(work.connection, serial).order)
    return unit_of(work.lock(select(UNITS).where(UNITS.c.serial == serial), "unit", serial)), order


def read(connection: Connection, serial: str) -> Unit:
    """A unit as it stands; raises `NotFound`."""
    row = connection.execute(select(UNITS).where(UNITS.c.serial == serial)).one_or_none()
    if row is None:
        raise NotFound("unit", serial)
    return unit_of(row)


def write(work: Work, before: Unit, after: Unit) -> Unit:
    """Keep what has become of a unit that is locked."""
    done = replace(after, version=before.version + 1)
    work.run(update(UNITS).where(UNITS.c.serial == before.serial).values(_row(done) | {"changed_ms": work.now_ms}))
    return done


def _routing(work: Work, unit: Unit) -> Routing:
    return products.routing_of(work.connection, unit.product, unit.routing_revision)


def add(work: Work, *fresh: Unit) -> None:
    """Keep units that there were not."""
    times = {"created_ms": work.now_ms, "changed_ms": work.now_ms}
    work.run(UNITS.insert(), [_row(unit) | times for unit in fresh])


def count_begun(work: Work, order: Order, begun: Sequence[Unit]) -> None:
    """Count and tell units of an order that is locked, now that they are begun."""
    count(work, order, begun_qty=len(begun))
    work.tell("units_begun", f"order/{order.number}", line=order.line, serials=[unit.serial for unit in begun])


def fresh(order: Order, serial: str) -> Unit:
    """A unit of an order that nothing was done to yet."""
    return Unit(serial=serial, order=order.number, product=order.product, routing_revision=order.routing_revision)


def _entered(work: Work, before: Unit, after: Unit, order: Order, setup_digest: str | None) -> Moved:
    after = write(work, before, after)
    _begin_step(work, after, setup_digest)
    if order.status == "released":
        order = orders.write(work, order, act(order, "start"))
    where = {"step": after.at_step, "station": after.at_station, "setup_digest": setup_digest}
    work.tell("unit_entered", f"unit/{after.serial}", **where)
    return Moved(after, order)


def _setup_digest(work: Work, routing: Routing, unit: Unit, station: str, shown: str | None) -> str | None:
    """The setup sheet that the unit is worked on by; raises `Refused` when there is none, or it is not the one."""
    step = next(step for step in routing.at_station(station) if step.name == unit.at_step)
    if not isinstance(step, Step) or step.template is None:
        return None
    setup = setups.current(work.connection, unit.order, station, step.name)
    if setup is None:
        raise Refused("no_setup", f"{station} is not set up for order {unit.order}")
    setup.check_ready(work.now_ms)
    if shown is not None and shown != setup.digest:
        raise Refused("wrong_revision", f"{station} works by another setup sheet than the one in force")
    return setup.digest


def _locked(work: Work, serial: str) -> tuple[Unit, Order]:
    """As `lock`, in the words of a station: raises `Refused` when there is no such unit."""
    check_serial(serial)
    try:
        return lock(work, serial)
    except NotFound:
        raise Refused("foreign_serial", f"no order knows a unit {serial}") from None


def _begin_step(work: Work, unit: Unit, setup_digest: str | None, at_ms: int | None = None) -> None:
    assert unit.at_step is not None  # noqa: S101  it has just entered
    about = {"serial": unit.serial, "step": unit.at_step, "attempt": unit.attempts[unit.at_step]}
    where = {"station": unit.at_station, "setup_digest": setup_digest, "by": work.who.identity}
    entered_ms = work.now_ms if at_ms is None else at_ms
    work.run(UNIT_STEPS.insert().values(**about, **where, entered_ms=entered_ms, reason=""))


def leave_step(work: Work, unit: Unit, result: str, reason: str, at_ms: int | None = None) -> None:
    """The step that a unit is at ends, if it is at one."""
    open_step = UNIT_STEPS.c.serial == unit.serial, UNIT_STEPS.c.left_ms.is_(None)
    values = {"left_ms": work.now_ms if at_ms is None else at_ms, "result": result, "reason": reason}
    work.run(update(UNIT_STEPS).where(*open_step).values(values))


def count(work: Work, order: Order, **by: int) -> Order:
    """Count units of an order that is locked."""
    counted = {name: getattr(order, name) + count for name, count in by.items()}
    return orders.write(work, order, replace(order, **counted))


def _row(unit: Unit) -> dict[str, Any]:
    plain = {name: getattr(unit, name) for name in _PLAIN}
    return {**plain, "order_number": unit.order, "attempts": canonical(unit.attempts)}


def unit_of(row: Row[Any]) -> Unit:
    """A unit from its row."""
    attempts = msgspec.json.decode(row.attempts, type=dict[str, int])
    return Unit(order=row.order_number, attempts=attempts, **{name: getattr(row, name) for name in _PLAIN})
