"""Units: their passport, and what is decided about those that were stopped."""

from __future__ import annotations

import msgspec

from api.http.conventions import cursor_of, key_of
from api.http.route import Page, Read, Routes, Write
from api.v1.shapes import DocumentName, Limit, LinePath, OwnSecret, Reason, SerialText, refuse_other_lines
from api.v1.stations import UnitNow, unit_now
from connectors.sql import passports, products, stops
from connectors.sql.passports import Passport
from models.production.unit import Disposal, Status, Stop, Unit
from sipe.contracts.fields import Name

routes = Routes("units")


class NewStop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit is taken off its way."""

    status: Stop
    reason: Reason


class NewDisposal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a unit that was stopped; whoever disposes proves once more who they are."""

    disposal: Disposal
    rework: DocumentName | None = None
    reason: Reason
    secret: OwnSecret


class StoppedUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that passes nowhere until somebody disposes of it."""

    serial: str
    order: str
    product: str
    status: Status
    reason: str
    failed_step: str | None
    """The step whose failure put it into quarantine."""
    rework: list[str]
    """Where it may be sent to."""
    version: int


@routes.read(
    "/v1/stopped-units", scope="read", answer=Page[StoppedUnit], status=Stop, line=LinePath, cursor=str, limit=Limit
)
def stopped_units(call: Read) -> Page[StoppedUnit]:
    """Units that are quarantined, held or recalled, and wait for somebody to dispose of them."""
    limit = call.query.get("limit", 50)
    after = key_of(call.query["cursor"], str) if "cursor" in call.query else ""
    found = stops.stopped(call.connection, call.query.get("status"), call.query.get("line"), after, limit)
    more = cursor_of(found[-1].serial) if len(found) == limit else None
    return Page(items=[_stopped(call, one) for one in found], next=more)


@routes.read("/v1/units/{serial}", scope="read", answer=Passport)
def unit_passport(call: Read, serial: SerialText) -> Passport:
    """Everything about a unit, forward and back."""
    return passports.passport(call.connection, serial)


@routes.read("/v1/lots/{lot}/units", scope="read", answer=Page[str])
def units_of_lot(call: Read, lot: Name) -> Page[str]:
    """Which units hold something of a lot, directly or through other units."""
    return Page(items=passports.holding(call.connection, lot=lot))


@routes.write("POST", "/v1/units/{serial}/stops", scope="units:stop", body=NewStop, answer=UnitNow)
def stop_unit(call: Write, serial: SerialText) -> UnitNow:
    """Quarantine, hold or recall a unit."""
    refuse_other_lines(call, "units:stop", [serial])
    return unit_now(stops.stop(call.work, serial, call.body.status, call.body.reason))


@routes.write(
    "POST", "/v1/units/{serial}/disposals", scope="units:dispose", body=NewDisposal, answer=UnitNow, signed=True
)
def dispose_unit(call: Write, serial: SerialText) -> UnitNow:
    """Decide what becomes of a unit that was stopped: rework, scrap, or use as it is."""
    refuse_other_lines(call, "units:dispose", [serial])
    given: NewDisposal = call.body
    return unit_now(stops.dispose(call.work, serial, given.disposal, given.reason, given.rework))


def _stopped(call: Read, unit: Unit) -> StoppedUnit:
    routing = products.routing_of(call.connection, unit.product, unit.routing_revision)
    told = {name: getattr(unit, name) for name in ("serial", "order", "product", "status", "failed_step", "version")}
    return StoppedUnit(**told, reason=unit.stopped_reason, rework=[one.name for one in routing.rework])
