"""What was done under a lease, taken in visit by visit.

It has happened already. So a visit is kept whatever comes of it: taken into the unit's history, known from before, or
refused, with the reason, for somebody to look at.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

import msgspec
from sqlalchemy import Connection, Row, func, select, update

from connectors.sql import leases, orders, stops, units
from connectors.sql.schema.leases import LEASE_SERIALS, LEASE_VISITS
from connectors.sql.schema.production import SETUPS
from connectors.sql.schema.sheets import SHEETS
from connectors.sql.work import Work
from models.production.lease import Lease, Visit, check_visit
from models.refusal import Refused
from models.sheets.revision import Ref

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


def report(work: Work, station: str, lease_id: str, visits: Sequence[Visit]) -> list[Reported]:
    """Take in what was done under a lease, the earliest first; the same once more is known. Raises `NotFound`."""
    lease, *_ = leases.lock(work, station, lease_id)
    revoked, used = _revoked(work.connection, lease), _used(work, lease)
    outcomes: dict[int, Reported] = {}
    for at in sorted(range(len(visits)), key=lambda at: visits[at].entered_ms):
        outcomes[at] = _reported(work, lease, visits[at], used, revoked)
    told = [outcomes[at] for at in range(len(visits))]
    counts = {name: sum(one.outcome == name for one in told) for name in ("taken", "held", "known", "refused")}
    work.note("lease_reported", f"lease/{lease.id}", after=counts)
    work.tell("lease_reported", f"lease/{lease.id}", station=station, **counts)
    return told


def _reported(work: Work, lease: Lease, visit: Visit, used: set[str], revoked: str | None) -> Reported:
    told = Reported(serial=visit.serial, entered_ms=visit.entered_ms, outcome="known")
    before = _before(work, lease, visit)
    if before is not None and before.outcome != "refused":
        return told
    try:
        _build(work, lease, visit, used)
    except Refused as refused:  # which it was before anything was written
        told = msgspec.structs.replace(told, outcome="refused", refusal=refused.reason, detail=str(refused))
    else:
        used.add(visit.serial)
        told = msgspec.structs.replace(told, outcome="taken")
        if revoked is not None:
            _hold(work, visit.serial, revoked)
            told = msgspec.structs.replace(told, outcome="held", detail=revoked)
    _keep_visit(work, lease, visit, told, before)
    return told


def _build(work: Work, lease: Lease, visit: Visit, used: Collection[str]) -> None:
    """Take a visit into its unit's history; raises `Refused` before anything is written.

    A lease that somebody else has closed was good for its device until its end, and a serial that is void was given to
    nobody else: what was built with it is the order's again.
    """
    check_visit(lease, visit, used, work.now_ms)
    of_serial = LEASE_SERIALS.c.lease == lease.id, LEASE_SERIALS.c.serial == visit.serial
    state = work.run(select(LEASE_SERIALS.c.state).where(*of_serial)).scalar_one_or_none()
    if state in {"given_back", "given"}:
        raise Refused("lease_closed", f"{visit.serial} was given back when the lease was closed")
    if state == "void":
        orders.read(work.connection, lease.contract.order).check_has_left()
    _check_no_other(work, lease, visit)
    is_new = state in {"out", "void"}
    told = lease.contract
    moved = units.record(work, told.order, lease.station, visit, told.setup_digest, is_new=is_new)
    if state == "void":
        units.count(work, moved.order, begun_qty=1)
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
    """The serials that were worked on under a lease, as far as it was reported."""
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
