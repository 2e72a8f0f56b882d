"""Offline leases in the store: handed out under the lock of their order, and reconciled visit by visit.

What a lease was used for has happened already. So a visit is kept whatever comes of it: taken into the unit's history,
known from before, or refused, with the reason, for somebody to look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex
from typing import Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, func, select, update

from connectors.sql import orders, products, serial_pool, stations, stops, units
from connectors.sql.schema.leases import LEASE_SERIALS, LEASE_VISITS, LEASES
from connectors.sql.schema.production import SETUPS, UNITS
from connectors.sql.schema.sheets import SHEETS
from connectors.sql.work import Work, canonical
from models.production.contract import Contract
from models.production.lease import QTY_MAX, Lease, Visit, check_visit
from models.production.order import Order
from models.production.routing import Rework, Routing, Step
from models.refusal import NotFound, Refused, need_reason
from models.sheets.revision import Ref

OPEN_MAX = 4
"""Leases of a station that are not closed: what is not reported cannot pile up."""
REFUSED_MAX = 2_000
"""Refused visits that are kept of a lease."""

Outcome = Literal["taken", "held", "known", "refused"]


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a visit: taken, taken and the unit held at once, known from before, or refused."""

    serial: str
    entered_ms: int
    outcome: Outcome
    refusal: str | None = None
    detail: str = ""


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


def report(work: Work, station: str, lease_id: str, visits: Sequence[Visit]) -> list[Reported]:
    """Take in what was done under a lease, the earliest first; the same once more is known. Raises `NotFound`."""
    lease, _, order = _locked(work, station, lease_id)
    revoked = _revoked(work.connection, lease)
    outcomes: dict[int, Reported] = {}
    for at in sorted(range(len(visits)), key=lambda at: visits[at].entered_ms):
        outcomes[at] = _reported(work, lease, visits[at], order=order.number, revoked=revoked)
    told = [outcomes[at] for at in range(len(visits))]
    counts = {name: sum(one.outcome == name for one in told) for name in ("taken", "held", "known", "refused")}
    work.note("lease_reported", f"lease/{lease.id}", after=counts)
    work.tell("lease_reported", f"lease/{lease.id}", station=station, **counts)
    return told


def close(work: Work, station: str, lease_id: str, reason: str = "") -> Closed:
    """End a lease: nothing more is built under it, and what was not reported as used is free for the order again.

    Its device gives its serials back. Who closes the lease of a station that is lost cannot know which of them it has
    used: those are void, for a serial is given once. Once more changes nothing. Raises `NotFound`, `Refused`.
    """
    lease, row, order = _locked(work, station, lease_id)
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


def _locked(work: Work, station: str, lease_id: str) -> tuple[Lease, Row[tuple[object, ...]], Order]:
    """A lease of a station, and its order, which is locked first."""
    query = select(LEASES).where(LEASES.c.id == lease_id, LEASES.c.station == station)
    found = work.one(query)
    if found is None:
        raise NotFound("lease", lease_id)
    order = orders.lock(work, found.order_number)
    row = work.lock(query, "lease", lease_id)
    return msgspec.json.decode(row.body, type=Lease), row, order


def _reported(work: Work, lease: Lease, visit: Visit, *, order: str, revoked: str | None) -> Reported:
    told = Reported(serial=visit.serial, entered_ms=visit.entered_ms, outcome="known")
    before = _before(work, lease, visit)
    if before is not None and before.outcome != "refused":
        return told
    try:
        _build(work, lease, visit, order)
    except Refused as refused:  # which it was before anything was written
        told = msgspec.structs.replace(told, outcome="refused", refusal=refused.reason, detail=str(refused))
    else:
        told = msgspec.structs.replace(told, outcome="taken")
        if revoked is not None:
            _hold(work, visit.serial, revoked)
            told = msgspec.structs.replace(told, outcome="held", detail=revoked)
    _keep_visit(work, lease, visit, told, before)
    return told


def _build(work: Work, lease: Lease, visit: Visit, order: str) -> None:
    """Take a visit into its unit's history; raises `Refused` before anything is written.

    A lease that somebody else has closed was good for its device until its end, and a serial that is void was given to
    nobody else: what was built with it is the order's again.
    """
    check_visit(lease, visit, _used(work, lease), work.now_ms)
    of_serial = LEASE_SERIALS.c.lease == lease.id, LEASE_SERIALS.c.serial == visit.serial
    state = work.run(select(LEASE_SERIALS.c.state).where(*of_serial)).scalar_one_or_none()
    if state in {"given_back", "given"}:
        raise Refused("lease_closed", f"{visit.serial} was given back when the lease was closed")
    if state == "void":
        orders.read(work.connection, order).check_has_left()
    _check_no_other(work, lease, visit)
    is_new = state in {"out", "void"}
    units.record(work, order, lease.station, visit, lease.contract.setup_digest, is_new=is_new)
    if state == "void":
        units.count(work, orders.read(work.connection, order), begun_qty=1)
    if is_new:
        work.run(update(LEASE_SERIALS).where(*of_serial).values(state="used", is_held=None))


def _check_no_other(work: Work, lease: Lease, visit: Visit) -> None:
    """A unit is at one station at a time, once: what overlaps a visit that was taken is said twice, or wrongly."""
    taken = LEASE_VISITS.c.serial == visit.serial, LEASE_VISITS.c.outcome != "refused"
    overlaps = LEASE_VISITS.c.entered_ms < visit.left_ms, LEASE_VISITS.c.left_ms > visit.entered_ms
    same = (LEASE_VISITS.c.lease == lease.id) & (LEASE_VISITS.c.entered_ms == visit.entered_ms)
    query = select(LEASE_VISITS.c.id).where(*taken, (overlaps[0] & overlaps[1]) | same)
    if work.run(query).first() is not None:
        raise Refused("contradicts", f"{visit.serial} was reported differently for the same time")


def _used(work: Work, lease: Lease) -> set[str]:
    of_lease = LEASE_VISITS.c.lease == lease.id, LEASE_VISITS.c.outcome != "refused"
    return set(work.run(select(LEASE_VISITS.c.serial).where(*of_lease).distinct()).scalars())


def _before(work: Work, lease: Lease, visit: Visit) -> Row[tuple[object, ...]] | None:
    about = LEASE_VISITS.c.lease == lease.id, LEASE_VISITS.c.serial == visit.serial
    when = LEASE_VISITS.c.entered_ms == visit.entered_ms, LEASE_VISITS.c.result == visit.result
    return work.one(select(LEASE_VISITS).where(*about, *when))


def _keep_visit(work: Work, lease: Lease, visit: Visit, told: Reported, before: Row[tuple[object, ...]] | None) -> None:
    came = {"outcome": told.outcome, "refusal": told.refusal, "detail": told.detail}
    if before is not None:
        work.run(update(LEASE_VISITS).where(LEASE_VISITS.c.id == before.id).values(**came, at_ms=work.now_ms))
        return
    if told.outcome == "refused":
        refused = LEASE_VISITS.c.lease == lease.id, LEASE_VISITS.c.outcome == "refused"
        if work.run(select(func.count()).where(*refused)).scalar_one() >= REFUSED_MAX:
            raise Refused("refused_over", f"{REFUSED_MAX} refused visits of lease {lease.id} are kept: no more are")
    row = {"lease": lease.id, **msgspec.structs.asdict(visit), **came}
    work.run(LEASE_VISITS.insert().values(row | {"by": work.who.identity, "at_ms": work.now_ms}))


def _revoked(connection: Connection, lease: Lease) -> str | None:
    """Why what was built under a lease has to stop: its sheet was revoked meanwhile."""
    joined = SETUPS.join(
        SHEETS, (SHEETS.c.number == SETUPS.c.sheet_number) & (SHEETS.c.revision == SETUPS.c.sheet_revision)
    )
    query = select(SHEETS.c.number, SHEETS.c.revision).select_from(joined)
    of_lease = SETUPS.c.digest == lease.contract.setup_digest, SHEETS.c.status == "revoked"
    row = connection.execute(query.where(*of_lease)).first()
    return f"{Ref(row.number, row.revision)} was revoked while lease {lease.id} was out" if row else None


def _hold(work: Work, serial: str, reason: str) -> None:
    unit = units.read(work.connection, serial)
    if unit.status == "done":
        stops.stop(work, serial, "recalled", reason)
    elif unit.status != "quarantined":
        stops.stop(work, serial, "held", reason)
