"""Units in the store: begun with a serial that is given once, and led along their routing station by station."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select, update

from connectors.sql import orders, products, serial_pool, setups
from connectors.sql.schema.production import ORDERS, SETUPS, UNIT_STEPS, UNITS
from connectors.sql.work import Work, canonical
from models.production import unit as model
from models.production.lease import Visit
from models.production.order import Order, act
from models.production.routing import Routing, Step
from models.production.serials import check_serial, number_of
from models.production.unit import STOPPED, Disposal, Stop, Unit, left_out
from models.refusal import NotFound, Refused, need_reason
from models.sheets.revision import Ref

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
    work.run(UNITS.insert(), [_row(unit) | {"created_ms": work.now_ms, "changed_ms": work.now_ms} for unit in begun])
    count(work, order, begun_qty=qty)
    work.tell("units_begun", f"order/{order.number}", line=order.line, serials=serials)
    return begun


def adopt(work: Work, order_number: str, serial: str, next_step: str) -> Unit:
    """A unit that was under way before this system was: it goes on at a step of its order's routing."""
    check_serial(serial)
    order = orders.lock(work, order_number)
    order.check_may_begin()
    if work.one(select(UNITS.c.serial).where(UNITS.c.serial == serial)):
        raise Refused("exists", f"there is a unit {serial} already")
    if serial_pool.is_held(work.connection, serial):
        raise Refused("serial_range", f"{serial} is held for a lease, or for the next unit of its order")
    found = products.range_of(work.connection, order.serial_range)
    if (number := number_of(found, serial)) is not None and number >= found.next:
        raise Refused("serial_range", f"{serial} is still to be given by serial range {found.id}: begin behind it")
    routing = products.routing_of(work.connection, order.product, order.routing_revision)
    if next_step not in {step.name for step in routing.steps}:
        raise Refused("no_such_step", f"the routing of {order.product} has no step {next_step}")
    unit = replace(fresh(order, serial), place=routing.place_of(next_step))
    add(work, unit)
    for operation in routing.operations[: unit.place]:
        _add_done(work, serial, operation.steps[0].name, "adopted", "it was under way before this system was")
    count(work, order, begun_qty=1)
    work.note("unit_adopted", f"unit/{serial}", after={"order": order.number, "next_step": next_step})
    work.tell("units_begun", f"order/{order.number}", line=order.line, serials=[serial])
    return unit


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
    _leave(work, before, "passed", "")
    if after.status == "done":
        order = count(work, order, good_qty=1)
    work.tell("unit_passed", f"unit/{serial}", step=before.at_step, station=station, status=after.status)
    return Moved(after, order)


def fail(work: Work, station: str, serial: str, reason: str) -> Moved:
    """A unit failed there: it goes to rework, or is quarantined."""
    before, order = _locked(work, serial)
    routing = _routing(work, before)
    after = write(work, before, model.fail(before, routing, station, reason))
    _leave(work, before, "failed", reason)
    work.tell("unit_failed", f"unit/{serial}", step=before.at_step, station=station, status=after.status, reason=reason)
    return Moved(after, order)


def record(
    work: Work, order_number: str, station: str, visit: Visit, setup_digest: str | None, *, is_new: bool
) -> Moved:
    """Take in a visit that is told afterwards, under a lease; raises `Refused` before anything is written.

    The order is not asked whether it is still running: what was built is there. A new unit was counted with the lease.
    """
    order = orders.lock(work, order_number)
    before = fresh(order, visit.serial) if is_new else _locked(work, visit.serial)[0]
    if before.order != order.number:
        raise Refused("foreign_serial", f"{visit.serial} belongs to order {before.order}, not to {order.number}")
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
    _leave(work, came, visit.result, visit.reason, visit.left_ms)
    if order.status == "released":
        order = orders.write(work, order, act(order, "start"))
    order = count(work, order, good_qty=int(after.status == "done"))
    told = {"step": came.at_step, "station": station, "status": after.status, "offline": True}
    work.tell("unit_failed" if failed else "unit_passed", f"unit/{visit.serial}", **told)
    return Moved(after, order)


def stop(work: Work, serial: str, status: Stop, reason: str) -> Unit:
    """Quarantine, hold or recall a unit."""
    before, order = lock(work, serial)
    after = _stopped(work, order.line, before, status, reason)
    count(work, order, good_qty=-int(before.status == "done"))
    return after


def dispose(work: Work, serial: str, disposal: Disposal, reason: str, rework: str | None = None) -> Unit:
    """What becomes of a unit that was stopped: rework, scrap, or use as it is."""
    need_reason(reason, "to dispose of a unit")
    before, order = lock(work, serial)
    routing = _routing(work, before)
    after = write(work, before, model.dispose(before, routing, disposal, rework))
    if before.at_step is not None:
        _leave(work, before, "stopped", reason)
    count(work, order, scrap_qty=int(after.status == "scrapped"), good_qty=int(after.status == "done"))
    if disposal == "use_as_is":
        _concede(work, after, routing, reason)
    work.note(f"unit_{disposal}", f"unit/{serial}", before=_state(before), after=_state(after), reason=reason)
    work.tell("unit_disposed", f"unit/{serial}", line=order.line, disposal=disposal, status=after.status)
    return after


def done_steps(connection: Connection, serial: str) -> frozenset[str]:
    """The steps of a unit that count as done: it passed them, or somebody has put their name to it."""
    counts = UNIT_STEPS.c.serial == serial, UNIT_STEPS.c.result.in_(DONE)
    return frozenset(connection.execute(select(UNIT_STEPS.c.step).where(*counts).distinct()).scalars())


def stop_made_by(work: Work, sheet: Ref, reason: str) -> int:
    """Hold every unit that was, or is, in work by a sheet, and recall those that are done; how many."""
    of_sheet = SETUPS.c.sheet_number == sheet.number, SETUPS.c.sheet_revision == sheet.revision
    digests = select(SETUPS.c.digest).where(*of_sheet)
    serials = select(UNIT_STEPS.c.serial).where(UNIT_STEPS.c.setup_digest.in_(digests))
    open_ones = UNITS.c.status.not_in([*STOPPED, "scrapped"])
    numbers = select(UNITS.c.order_number).where(UNITS.c.serial.in_(serials), open_ones).distinct()
    stopped = 0
    for number in sorted(work.run(numbers).scalars()):
        order = orders.lock(work, number)
        concerned = UNITS.c.order_number == number, UNITS.c.serial.in_(serials), open_ones
        rows = work.run(select(UNITS).where(*concerned).order_by(UNITS.c.serial).with_for_update()).all()
        for row in rows:
            _stopped(work, order.line, unit_of(row), "recalled" if row.status == "done" else "held", reason)
        count(work, order, good_qty=-sum(row.status == "done" for row in rows))
        stopped += len(rows)
    return stopped


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


def stopped(connection: Connection, status: Stop | None, line: str | None, after: str, limit: int) -> list[Unit]:
    """Units that wait for somebody to dispose of them, by serial, behind one of them."""
    statuses = STOPPED if status is None else {status}
    query = select(UNITS).where(UNITS.c.status.in_(sorted(statuses)), UNITS.c.serial > after)
    if line is not None:
        query = query.join(ORDERS, ORDERS.c.number == UNITS.c.order_number).where(ORDERS.c.line == line)
    return [unit_of(row) for row in connection.execute(query.order_by(UNITS.c.serial).limit(limit))]


def write(work: Work, before: Unit, after: Unit) -> Unit:
    """Keep what has become of a unit that is locked."""
    done = replace(after, version=before.version + 1)
    work.run(update(UNITS).where(UNITS.c.serial == before.serial).values(_row(done) | {"changed_ms": work.now_ms}))
    return done


def _stopped(work: Work, line: str, before: Unit, status: Stop, reason: str) -> Unit:
    after = write(work, before, model.stop(before, status, reason))
    on = f"unit/{before.serial}"
    work.note(f"unit_{status}", on, before=_state(before), after=_state(after), reason=reason)
    work.tell("unit_stopped", on, line=line, status=status, reason=reason)
    return after


def _routing(work: Work, unit: Unit) -> Routing:
    return products.routing_of(work.connection, unit.product, unit.routing_revision)


def add(work: Work, unit: Unit) -> None:
    """Keep a unit that there was not."""
    work.run(UNITS.insert().values(**_row(unit), created_ms=work.now_ms, changed_ms=work.now_ms))


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


def _concede(work: Work, unit: Unit, routing: Routing, reason: str) -> None:
    """What a unit lacks of the steps behind it counts as done, on the word of whoever uses it as it is."""
    for step in left_out(unit, routing, done_steps(work.connection, unit.serial)):
        _add_done(work, unit.serial, step, "conceded", reason)


def _add_done(work: Work, serial: str, step: str, result: str, reason: str) -> None:
    at = {"entered_ms": work.now_ms, "left_ms": work.now_ms, "by": work.who.identity}
    about = {"serial": serial, "step": step, "attempt": 0, "station": "", "result": result, "reason": reason}
    work.run(UNIT_STEPS.insert().values(**about, **at))


def _leave(work: Work, unit: Unit, result: str, reason: str, at_ms: int | None = None) -> None:
    open_step = UNIT_STEPS.c.serial == unit.serial, UNIT_STEPS.c.left_ms.is_(None)
    values = {"left_ms": work.now_ms if at_ms is None else at_ms, "result": result, "reason": reason}
    work.run(update(UNIT_STEPS).where(*open_step).values(values))


def count(work: Work, order: Order, **by: int) -> Order:
    """Count units of an order that is locked."""
    counted = {name: getattr(order, name) + count for name, count in by.items()}
    return orders.write(work, order, replace(order, **counted))


def _state(unit: Unit) -> dict[str, Any]:
    return {"status": unit.status, "place": unit.place, "rework": unit.rework}


def _row(unit: Unit) -> dict[str, Any]:
    plain = {name: getattr(unit, name) for name in _PLAIN}
    return {**plain, "order_number": unit.order, "attempts": canonical(unit.attempts)}


def unit_of(row: Row[Any]) -> Unit:
    """A unit from its row."""
    attempts = msgspec.json.decode(row.attempts, type=dict[str, int])
    return Unit(order=row.order_number, attempts=attempts, **{name: getattr(row, name) for name in _PLAIN})
