"""Units that were stopped in the store: taken off their way, and disposed of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from connectors.sql import orders, products, units
from connectors.sql.schema.production import ORDERS, SETUPS, UNIT_STEPS, UNITS
from connectors.sql.work import Work
from models.production import unit as model
from models.production.routing import Routing
from models.production.unit import STOPPED, Disposal, Stop, Unit, left_out
from models.refusal import need_reason
from models.sheets.revision import Ref


def stop(work: Work, serial: str, status: Stop, reason: str) -> Unit:
    """Quarantine, hold or recall a unit."""
    before, order = units.lock(work, serial)
    after = _stopped(work, order.line, before, status, reason)
    units.count(work, order, good_qty=-int(before.status == "done"))
    return after


def dispose(work: Work, serial: str, disposal: Disposal, reason: str, rework: str | None = None) -> Unit:
    """What becomes of a unit that was stopped: rework, scrap, or use as it is."""
    need_reason(reason, "to dispose of a unit")
    before, order = units.lock(work, serial)
    routing = products.routing_of(work.connection, before.product, before.routing_revision)
    after = units.write(work, before, model.dispose(before, routing, disposal, rework))
    if before.at_step is not None:
        units.leave_step(work, before, "stopped", reason)
    units.count(work, order, scrap_qty=int(after.status == "scrapped"), good_qty=int(after.status == "done"))
    if disposal == "use_as_is":
        _concede(work, after, routing, reason)
    work.note(f"unit_{disposal}", f"unit/{serial}", before=_state(before), after=_state(after), reason=reason)
    work.tell("unit_disposed", f"unit/{serial}", line=order.line, disposal=disposal, status=after.status)
    return after


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
            _stopped(work, order.line, units.unit_of(row), "recalled" if row.status == "done" else "held", reason)
        units.count(work, order, good_qty=-sum(row.status == "done" for row in rows))
        stopped += len(rows)
    return stopped


def stopped(connection: Connection, status: Stop | None, line: str | None, after: str, limit: int) -> list[Unit]:
    """Units that wait for somebody to dispose of them, by serial, behind one of them."""
    statuses = STOPPED if status is None else {status}
    query = select(UNITS).where(UNITS.c.status.in_(sorted(statuses)), UNITS.c.serial > after)
    if line is not None:
        query = query.join(ORDERS, ORDERS.c.number == UNITS.c.order_number).where(ORDERS.c.line == line)
    return [units.unit_of(row) for row in connection.execute(query.order_by(UNITS.c.serial).limit(limit))]


def _stopped(work: Work, line: str, before: Unit, status: Stop, reason: str) -> Unit:
    after = units.write(work, before, model.stop(before, status, reason))
    on = f"unit/{before.serial}"
    work.note(f"unit_{status}", on, before=_state(before), after=_state(after), reason=reason)
    work.tell("unit_stopped", on, line=line, status=status, reason=reason)
    return after


def _concede(work: Work, unit: Unit, routing: Routing, reason: str) -> None:
    """What a unit lacks of the steps behind it counts as done, on the word of whoever uses it as it is."""
    counts = UNIT_STEPS.c.serial == unit.serial, UNIT_STEPS.c.result.in_(units.DONE)
    done = work.run(select(UNIT_STEPS.c.step).where(*counts).distinct()).scalars().all()
    by = {"serial": unit.serial, "by": work.who.identity, "attempt": 0, "result": "conceded", "reason": reason}
    at = {"station": "", "entered_ms": work.now_ms, "left_ms": work.now_ms}
    rows = [{**by, **at, "step": step} for step in left_out(unit, routing, done)]
    if rows:
        work.run(UNIT_STEPS.insert(), rows)


def _state(unit: Unit) -> dict[str, Any]:
    return {"status": unit.status, "place": unit.place, "rework": unit.rework}
