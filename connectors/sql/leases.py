"""Offline leases in the store: handed out under the lock of their order, and closed with what was not used."""

from __future__ import annotations

from secrets import token_hex
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Row, func, select, update

from connectors.sql import orders, products, serial_pool, stations, units
from connectors.sql.schema.leases import LEASE_SERIALS, LEASES
from connectors.sql.schema.production import SETUPS, UNITS
from connectors.sql.work import Work, canonical
from models.production.contract import Contract
from models.production.lease import QTY_MAX, Lease
from models.production.order import Order
from models.production.routing import Rework, Routing, Step
from models.refusal import NotFound, Refused, need_reason
from models.sheets.revision import Ref

OPEN_MAX = 4
"""Leases of a station that are not closed: what is not reported cannot pile up."""


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """A lease that has ended, and what became of the serials that were not reported as used."""

    id: str
    given_back: list[str]
    """The device says that it has not used them: they are given again."""
    void: list[str] = []
    """Somebody else has closed the lease: meters may bear them, so they are given to nobody any more."""


class Asked(NamedTuple):
    """What a station asks a lease for."""

    order: str
    step: str | None
    qty: int
    lasts_ms: int


def take(work: Work, station: str, asked: Asked) -> Lease:
    """A lease for the device that does this work; raises `Refused`, `NotFound`.

    Where units are begun it holds new serials, which count as begun from now on; elsewhere it names the units that may
    come. It ends with the first calibration that its checklist needs.
    """
    order = orders.lock(work, asked.order)
    found = stations.at_work(work.connection, station, asked.order, work.now_ms, asked.step)
    open_ones = select(func.count()).where(LEASES.c.station == station, LEASES.c.closed_ms.is_(None))
    if work.run(open_ones).scalar_one() >= OPEN_MAX:
        raise Refused("leases_open", f"{station} holds {OPEN_MAX} leases: report what was built, and close them")
    routing = products.routing_of(work.connection, order.product, order.routing_revision)
    begins = isinstance(found.step, Step) and routing.place_of(found.step.name) == 0
    ends = [tick.valid_until_ms for tick in found.setup.ticks.values()] if found.setup else []
    lease = Lease(
        id=token_hex(16),
        station=station,
        device=work.who.identity,
        contract=msgspec.json.decode(stations.contract_of(work.connection, found, station), type=Contract),
        serials=_new(work, order, asked.qty) if begins else _coming(work, order, routing, found.step),
        begins=begins,
        qty=asked.qty,
        issued_ms=work.now_ms,
        expires_ms=min([work.now_ms + asked.lasts_ms, *(end_ms for end_ms in ends if end_ms is not None)]),
    )
    if begins:
        lease = msgspec.structs.replace(lease, qty=len(lease.serials))
    _keep(work, lease)
    return lease


def close(work: Work, station: str, lease_id: str, reason: str = "") -> Closed:
    """End a lease: nothing more is built under it, and what was not reported as used is free for the order again.

    Its device gives its serials back. Who closes the lease of a station that is lost cannot know which of them it has
    used: those are void, for a serial is given once. Once more changes nothing. Raises `NotFound`, `Refused`.
    """
    lease, row, order = lock(work, station, lease_id)
    if row.closed_ms is not None:
        return Closed(id=lease_id, given_back=[])
    is_known = work.who.identity == lease.device
    if not is_known:
        need_reason(reason, "to close the lease of another device")
    unused = LEASE_SERIALS.c.lease == lease_id, LEASE_SERIALS.c.state == "out"
    query = select(LEASE_SERIALS.c.serial).where(*unused).order_by(LEASE_SERIALS.c.serial)
    serials = list(work.run(query).scalars())
    work.run(update(LEASE_SERIALS).where(*unused).values(state="given_back" if is_known else "void"))
    work.run(update(LEASES).where(LEASES.c.id == lease_id).values(closed_ms=work.now_ms))
    units.count(work, order, begun_qty=-len(serials))
    closed = Closed(id=lease_id, given_back=serials if is_known else [], void=[] if is_known else serials)
    told = {"given_back": closed.given_back, "void": closed.void}
    work.note("lease_closed", f"lease/{lease.id}", after=told, reason=reason)
    work.tell("lease_closed", f"lease/{lease.id}", station=station, **told)
    return closed


def running_until(connection: Connection, sheet: Ref, now_ms: int) -> int | None:
    """Until when stations that nobody reaches may still work by a sheet, at most; None when none may.

    A lease that is closed counts, too: its device may not have heard of it.
    """
    joined = LEASES.join(SETUPS, SETUPS.c.digest == LEASES.c.setup_digest)
    of_sheet = SETUPS.c.sheet_number == sheet.number, SETUPS.c.sheet_revision == sheet.revision
    query = select(func.max(LEASES.c.expires_ms)).select_from(joined).where(*of_sheet, LEASES.c.expires_ms > now_ms)
    until_ms: int | None = connection.execute(query).scalar_one()
    return until_ms


def lock(work: Work, station: str, lease_id: str) -> tuple[Lease, Row[tuple[object, ...]], Order]:
    """A lease of a station and its order, which nobody else changes until this work ends; raises `NotFound`."""
    query = select(LEASES).where(LEASES.c.id == lease_id, LEASES.c.station == station)
    found = work.one(query)
    if found is None:
        raise NotFound("lease", lease_id)
    order = orders.lock(work, found.order_number)
    row = work.lock(query, "lease", lease_id)
    return msgspec.json.decode(row.body, type=Lease), row, order


def _new(work: Work, order: Order, qty: int) -> list[str]:
    order.check_may_begin()
    given = serial_pool.take(work, order, min(qty, order.left_qty))
    units.count(work, order, begun_qty=len(given))
    return given


def _coming(work: Work, order: Order, routing: Routing, step: Step | Rework) -> list[str]:
    """The units of an order that can come to a step: those that are not behind it, and those that others may begin."""
    place = routing.place_of(step.name) if isinstance(step, Step) else len(routing.operations)
    here = UNITS.c.order_number == order.number, UNITS.c.status.in_(["waiting", "in_work", "rework"])
    begun = select(UNITS.c.serial).where(*here, UNITS.c.place <= place)
    out = LEASE_SERIALS.c.order_number == order.number, LEASE_SERIALS.c.state == "out"
    found = work.run(begun.union(select(LEASE_SERIALS.c.serial).where(*out)).order_by("serial").limit(2 * QTY_MAX))
    if not (serials := list(found.scalars())):
        raise Refused("no_units", f"no unit of order {order.number} can come to {step.name} now")
    return serials


def _keep(work: Work, lease: Lease) -> None:
    about = {"id": lease.id, "station": lease.station, "device": lease.device, "order_number": lease.contract.order}
    told = {"step": lease.contract.step, "setup_digest": lease.contract.setup_digest, "body": canonical(lease)}
    work.run(LEASES.insert().values(**about, **told, expires_ms=lease.expires_ms))
    if lease.begins:
        held = {"lease": lease.id, "order_number": lease.contract.order, "state": "out", "is_held": 1}
        work.run(LEASE_SERIALS.insert(), [{**held, "serial": serial} for serial in lease.serials])
    limits = {"order": lease.contract.order, "qty": lease.qty, "until_ms": lease.expires_ms}
    work.note("lease_taken", f"lease/{lease.id}", after={**limits, "station": lease.station, "begins": lease.begins})
    work.tell("lease_taken", f"lease/{lease.id}", station=lease.station, **limits)
