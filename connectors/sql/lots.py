"""Lots on their way out, in the store: formed from units that are done.

A lot's row is locked before everything else; its sampling, its units and their orders come after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select, update

from connectors.sql import demands, units
from connectors.sql.schema.production import ORDERS, UNITS
from connectors.sql.schema.release import LOT_UNITS, RELEASE_LOTS
from connectors.sql.work import Work
from models.refusal import NotFound, Refused, Stale, need_reason
from models.release import progress as model
from models.release.progress import Progress, Status

_FIELDS = tuple(Progress.__dataclass_fields__)


def add(work: Work, lot_id: str, product: str, customer: str) -> Progress:
    """A new lot, without a unit; raises `Refused` when there is one, or no release sheet is in force."""
    if work.one(select(RELEASE_LOTS.c.id).where(RELEASE_LOTS.c.id == lot_id)):
        raise Refused("exists", f"there is a lot {lot_id} already")
    demands.in_force(work.connection, product)
    lot = Progress(id=lot_id, product=product, customer=customer)
    about = {name: getattr(lot, name) for name in _FIELDS} | {"by": work.who.identity}
    work.run(RELEASE_LOTS.insert().values(**about, created_ms=work.now_ms, changed_ms=work.now_ms))
    work.note("lot_added", on(lot), after={"product": product, "customer": customer})
    work.tell("lot_added", on(lot), product=product, customer=customer)
    return lot


def join(work: Work, lot_id: str, expected: int | None, serials: Sequence[str]) -> Progress:
    """Units that are done join a lot; raises `Refused` for the first that may not, and then none has."""
    lot = lock(work, lot_id, expected)
    model.check_may_join(lot)
    here = serials_of(work.connection, lot_id)
    units_max = demands.in_force(work.connection, lot.product).release.units_max
    if len(here) + len(serials) > units_max:
        raise Refused("lot_full", f"lot {lot_id} holds {units_max} units at most, and has {len(here)}")
    for serial in sorted(set(serials)):
        unit, order = units.lock(work, serial)
        if unit.status != "done":
            because = f": {unit.stopped_reason}" if unit.stopped_reason else ""
            raise Refused(unit.status, f"{serial} is {unit.status}{because}; only what is done joins a lot")
        if (unit.product, order.customer) != (lot.product, lot.customer):
            raise Refused("foreign_serial", f"{serial} is {unit.product} for {order.customer!r}, lot {lot_id} is not")
        if (other := lot_of(work.connection, serial)) is not None:
            raise Refused("in_a_lot", f"{serial} is in lot {other} already")
    row = {"lot": lot_id, "is_current": 1, "by": work.who.identity, "at_ms": work.now_ms, "taken_out_reason": ""}
    joined = sorted(set(serials))
    work.run(LOT_UNITS.insert(), [row | {"serial": serial} for serial in joined])
    work.note("lot_joined", on(lot), after={"serials": joined})
    work.tell("lot_joined", on(lot), serials=joined)
    return write(work, lot, lot)


def take_out(work: Work, lot_id: str, expected: int | None, serials: Iterable[str], reason: str) -> Progress:
    """Units stay behind; raises `Refused` for a good one while the sample is under way, or once the lot has left."""
    lot = lock(work, lot_id, expected)
    need_reason(reason, "to take a unit out of a lot")
    left = sorted(set(serials))
    for serial in left:
        if lot_of(work.connection, serial) != lot_id:
            raise NotFound("unit", f"{serial} in lot {lot_id}")
        unit, _ = units.lock(work, serial)
        model.check_may_leave(lot, serial, unit.status == "done")
    leave(work, lot, left, reason)
    return write(work, lot, lot)


def cancel(work: Work, lot_id: str, expected: int | None, reason: str) -> Progress:
    """Give a lot up before its sample is drawn; its units may join another one."""
    lot = lock(work, lot_id, expected)
    after = model.cancel(lot)
    need_reason(reason, "to cancel a lot")
    leave(work, lot, serials_of(work.connection, lot_id), reason)
    return moved(work, lot, after, reason)


def lock(work: Work, lot_id: str, expected: int | None) -> Progress:
    """A lot that nobody else changes until this work ends; raises `NotFound`, `Stale`."""
    lot = _progress(work.lock(select(RELEASE_LOTS).where(RELEASE_LOTS.c.id == lot_id), "lot", lot_id))
    if expected is not None and lot.version != expected:
        raise Stale(on(lot), lot.version)
    return lot


def read(connection: Connection, lot_id: str) -> Progress:
    """A lot as it stands; raises `NotFound`."""
    row = connection.execute(select(RELEASE_LOTS).where(RELEASE_LOTS.c.id == lot_id)).one_or_none()
    if row is None:
        raise NotFound("lot", lot_id)
    return _progress(row)


def page(connection: Connection, status: Status | None, product: str | None, after: str, limit: int) -> list[Progress]:
    """Lots by their ids, behind one of them."""
    query = select(RELEASE_LOTS).where(RELEASE_LOTS.c.id > after)
    if status is not None:
        query = query.where(RELEASE_LOTS.c.status == status)
    if product is not None:
        query = query.where(RELEASE_LOTS.c.product == product)
    return [_progress(row) for row in connection.execute(query.order_by(RELEASE_LOTS.c.id).limit(limit))]


def serials_of(connection: Connection, lot_id: str) -> list[str]:
    """The units that are in a lot."""
    current = LOT_UNITS.c.lot == lot_id, LOT_UNITS.c.is_current == 1
    return list(connection.execute(select(LOT_UNITS.c.serial).where(*current).order_by(LOT_UNITS.c.serial)).scalars())


def lot_of(connection: Connection, serial: str) -> str | None:
    """The lot that a unit is in."""
    current = LOT_UNITS.c.serial == serial, LOT_UNITS.c.is_current == 1
    return connection.execute(select(LOT_UNITS.c.lot).where(*current)).scalar_one_or_none()


def lines_of(connection: Connection, lot_id: str) -> list[str]:
    """The lines that the units of a lot were made on."""
    joined = LOT_UNITS.join(UNITS, UNITS.c.serial == LOT_UNITS.c.serial)
    joined = joined.join(ORDERS, ORDERS.c.number == UNITS.c.order_number)
    current = LOT_UNITS.c.lot == lot_id, LOT_UNITS.c.is_current == 1
    query = select(ORDERS.c.line).select_from(joined).where(*current).distinct()
    return sorted(connection.execute(query).scalars())


def write(work: Work, before: Progress, after: Progress) -> Progress:
    """Keep what has become of a lot that is locked; whatever is done to it gives it a version."""
    done = replace(after, version=before.version + 1)
    changed = {"status": done.status, "round": done.round, "version": done.version, "changed_ms": work.now_ms}
    work.run(update(RELEASE_LOTS).where(RELEASE_LOTS.c.id == before.id).values(changed))
    return done


def moved(work: Work, before: Progress, after: Progress, reason: str, **told: object) -> Progress:
    """Keep and tell what has become of a lot that is locked."""
    done = write(work, before, after)
    states = {"before": {"status": before.status}, "after": {"status": done.status, "round": done.round, **told}}
    work.note(f"lot_{done.status}", on(done), reason=reason, **states)
    work.tell("lot_changed", on(done), status=done.status, product=done.product, customer=done.customer)
    return done


def leave(work: Work, lot: Progress, serials: Sequence[str], reason: str) -> None:
    """Units stay behind, whatever the lot is; it is locked."""
    if not serials:
        return
    out = {"taken_out_by": work.who.identity, "taken_out_ms": work.now_ms, "taken_out_reason": reason}
    current = LOT_UNITS.c.lot == lot.id, LOT_UNITS.c.is_current == 1
    work.run(update(LOT_UNITS).where(*current, LOT_UNITS.c.serial.in_(serials)).values(is_current=None, **out))
    work.note("lot_left", on(lot), before={"serials": list(serials)}, reason=reason)
    work.tell("lot_left", on(lot), serials=list(serials))


def on(lot: Progress) -> str:
    """What the trail and the others call it."""
    return f"lot/{lot.id}"


def _progress(row: Row[Any]) -> Progress:
    return Progress(**{name: getattr(row, name) for name in _FIELDS})
