"""Stations in the store: what they are told, how strictly they are ruled, and who may get past a refusal.

A station comes in step by step. While it observes, nothing is refused and every refusal that would have been is kept;
then it warns, then it enforces. A bypass lets one kind of refusal pass, so often and so long, on somebody's word.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from connectors.sql import contracts, orders, products, setups, units
from connectors.sql.contracts import NO_COPIES, Copies
from connectors.sql.schema.contracts import CONTRACTS
from connectors.sql.schema.leases import LEASE_SERIALS
from connectors.sql.schema.production import (
    BYPASSES,
    ORDERS,
    REFUSALS,
    ROUTINGS,
    SERIAL_RANGES,
    SETUPS,
    STATIONS,
)
from connectors.sql.work import Work
from models.production import serials
from models.production.contract import Allowance, contract, encoded
from models.production.order import Order
from models.production.routing import Rework, Routing, Step
from models.production.serials import SerialRange
from models.production.setup import Setup
from models.production.unit import Unit
from models.refusal import NotFound, Refused, need_reason

Mode = Literal["observe", "warn", "enforce"]
Outcome = Literal["entered", "observed", "warned", "bypassed", "refused"]

NEVER_PASSED = frozenset({"serial_text", "scrapped", "quarantined", "held", "recalled"})
"""No station and no bypass lets these pass: somebody has to dispose of the unit."""


class Admission(NamedTuple):
    """Whether a unit came in, what became of it, and what would have been said at a station that enforces."""

    outcome: Outcome
    unit: Unit | None
    refusal: Refused | None = None


class Assignment(NamedTuple):
    """What a station works on for an order: the step, and the setup sheet where the step needs one."""

    order: Order
    step: Step | Rework
    setup: Setup | None
    contract_digest: str | None
    serial_range: SerialRange
    mode: Mode
    spare_qty: int
    """Serials that leases gave back: they are the next ones."""
    next_spare: str | None


_MODE = select(STATIONS.c.mode).where(STATIONS.c.id == bindparam("station")).scalar_subquery().label("mode_now")
_SPARE = LEASE_SERIALS.c.order_number == bindparam("order_number"), LEASE_SERIALS.c.state == "given_back"
_SPARE_QTY = select(func.count()).where(*_SPARE).scalar_subquery().label("spare_qty")
_NEXT_SPARE = select(func.min(LEASE_SERIALS.c.serial)).where(*_SPARE).scalar_subquery().label("next_spare")
_AT_WORK = (
    select(ORDERS, ROUTINGS.c.body, SERIAL_RANGES, SETUPS, CONTRACTS.c.digest, _MODE, _SPARE_QTY, _NEXT_SPARE)
    .select_from(ORDERS)
    .join(ROUTINGS, (ROUTINGS.c.product == ORDERS.c.product) & (ROUTINGS.c.revision == ORDERS.c.routing_revision))
    .join(SERIAL_RANGES, SERIAL_RANGES.c.id == ORDERS.c.serial_range)
    .outerjoin(
        SETUPS,
        (SETUPS.c.order_number == ORDERS.c.number)
        & (SETUPS.c.station == bindparam("station"))
        & (SETUPS.c.is_current == 1),
    )
    .outerjoin(CONTRACTS, CONTRACTS.c.setup_digest == SETUPS.c.digest)
    .where(ORDERS.c.number == bindparam("order_number"))
)
"""Everything about a contract that can change, in one question: a row for each setup sheet at work."""


def at_work(
    connection: Connection, station: str, order_number: str, now_ms: int, step: str | None = None
) -> Assignment:
    """What a station may do now for an order; raises `Refused` in words for its operator."""
    rows = connection.execute(_AT_WORK, {"station": station, "order_number": order_number}).mappings().all()
    if not rows:
        raise NotFound("order", order_number)
    first = rows[0]
    order = orders.order_in(first)
    order.check_may_work()
    found = Assignment(
        order=order,
        step=_step(products.routing_in(first[ROUTINGS.c.body]), station, step),
        setup=None,
        contract_digest=None,
        serial_range=products.range_in(first),
        mode=first["mode_now"] or "enforce",
        spare_qty=first["spare_qty"],
        next_spare=first["next_spare"],
    )
    if not isinstance(found.step, Step) or found.step.template is None:
        return found
    row = next((row for row in rows if row[SETUPS.c.step] == found.step.name), None)
    if row is None:
        raise Refused("no_setup", f"{station} is not set up for order {order_number}")
    setup = setups.setup_of(row)
    setup.check_ready(now_ms)
    return found._replace(setup=setup, contract_digest=row[CONTRACTS.c.digest])


def step_at(connection: Connection, station: str, order_number: str, step: str | None = None) -> Step | Rework:
    """What a station does for an order, set up or not; raises `NotFound`, `Refused`."""
    order = orders.read(connection, order_number)
    return _step(products.routing_of(connection, order.product, order.routing_revision), station, step)


def contract_of(connection: Connection, work: Assignment, station: str, copies: Copies = NO_COPIES) -> bytes:
    """The contract as it was made when the station was set up; of a step without a sheet, as its routing says."""
    if work.setup is None:
        return encoded(contract(work.order, work.step, station))
    return contracts.body_of(connection, work.setup.digest, work.contract_digest or "", copies)


def allowance(work: Assignment) -> Allowance:
    """How many more units of an order may be begun, and the next one's serial."""
    found = work.serial_range
    left_qty = max(0, min(work.order.left_qty, found.left + work.spare_qty))
    upcoming = work.next_spare or (serials.serial(found, found.next) if found.left else None)
    return Allowance(allowed_qty=left_qty, next_serial=upcoming if left_qty else None)


def admit(
    work: Work, station: str, serial: str, *, order: str | None = None, setup_digest: str | None = None
) -> Admission:
    """Let a unit enter a station, or not; a refusal is kept whatever became of it, so it is answered and not raised."""
    try:
        moved = units.enter(work, station, serial, order=order, setup_digest=setup_digest)
    except Refused as refused:  # which it was before anything was written
        return _after_refusal(work, station, serial, refused)
    return Admission("entered", moved.unit)


def set_mode(work: Work, station: str, mode: Mode) -> None:
    """From now on the station observes, warns or enforces."""
    before = mode_of(work.connection, station)
    changed = {"mode": mode, "changed_ms": work.now_ms}
    done = work.run(update(STATIONS).where(STATIONS.c.id == station).values(version=STATIONS.c.version + 1, **changed))
    if done.rowcount == 0:
        work.run(STATIONS.insert().values(id=station, version=1, **changed))
    work.note("station_mode", f"station/{station}", before={"mode": before}, after={"mode": mode})
    work.tell("station_mode", f"station/{station}", station=station, mode=mode)


def mode_of(connection: Connection, station: str) -> Mode:
    """How strictly a station is ruled: strictly, unless something else was said."""
    found = connection.execute(select(STATIONS.c.mode).where(STATIONS.c.id == station)).scalar_one_or_none()
    return found or "enforce"


def grant_bypass(
    work: Work, station: str, refusal: str, reason: str, *, until_ms: int, uses_max: int, serial: str | None = None
) -> int:
    """Let a kind of refusal pass at a station; its number. Raises `Refused`."""
    if refusal in NEVER_PASSED:
        raise Refused("no_bypass", f"what is {refusal} is let through by nobody: dispose of the unit instead")
    need_reason(reason, "a bypass")
    if until_ms <= work.now_ms or uses_max < 1:
        raise Refused("no_bypass", "a bypass ends in the future, and is for one use at least")
    about = {"station": station, "refusal": refusal, "serial": serial, "reason": reason}
    limits = {"until_ms": until_ms, "uses_max": uses_max}
    row = {**about, **limits, "by": work.who.identity, "created_ms": work.now_ms, "uses": 0}
    number = work.insert(BYPASSES, row)
    work.note("bypass_granted", f"station/{station}", after={**about, **limits, "bypass": number}, reason=reason)
    work.tell("bypass_granted", f"station/{station}", station=station, refusal=refusal, bypass=number)
    return number


def _step(routing: Routing, station: str, name: str | None) -> Step | Rework:
    """The named one of a station's steps, or its first; raises `Refused`."""
    routing.check_station(station)
    found = next((one for one in routing.at_station(station) if name in {None, one.name}), None)
    if found is None:
        raise Refused("no_such_step", f"{station} does no step {name}")
    return found


def _after_refusal(work: Work, station: str, serial: str, refused: Refused) -> Admission:
    mode = mode_of(work.connection, station)
    bypass = None if refused.reason in NEVER_PASSED else _live_bypass(work, station, serial, refused.reason)
    outcome: Outcome = "refused"
    unit = None
    if refused.reason not in NEVER_PASSED and (bypass is not None or mode != "enforce"):
        outcome = "bypassed" if bypass is not None else "observed" if mode == "observe" else "warned"
        try:
            unit = units.enter_by_force(work, station, serial).unit
        except Refused:  # no force helps; while a station only watches, the operator goes on all the same
            if bypass is not None:
                outcome, bypass = "refused", None
    if bypass is not None:
        work.run(update(BYPASSES).where(BYPASSES.c.id == bypass).values(uses=BYPASSES.c.uses + 1))
        work.note(
            "bypass_used", f"station/{station}", after={"bypass": bypass, "serial": serial, "refusal": refused.reason}
        )
    row = {"station": station, "serial": serial[:64], "reason": refused.reason, "detail": str(refused)}
    work.run(REFUSALS.insert().values(**row, outcome=outcome, bypass=bypass, by=work.who.identity, at_ms=work.now_ms))
    told = {"serial": serial[:64], "reason": refused.reason, "outcome": outcome}
    work.tell("entry_refused", f"station/{station}", station=station, **told)
    return Admission(outcome, unit, refused)


def _live_bypass(work: Work, station: str, serial: str, refusal: str) -> int | None:
    about = BYPASSES.c.station == station, BYPASSES.c.refusal == refusal
    live = BYPASSES.c.until_ms > work.now_ms, BYPASSES.c.uses < BYPASSES.c.uses_max
    rows = work.run(select(BYPASSES).where(*about, *live).order_by(BYPASSES.c.id).with_for_update())
    return next((row.id for row in rows if row.serial in {None, serial}), None)
