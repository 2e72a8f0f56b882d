"""Units: their passport, and what is decided about those that were stopped."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.http.route import Page, Read, Routes, Write
from api.v1.shapes import DocumentName, Reason, SerialText
from api.v1.stations import UnitNow, unit_now
from connectors.sql import orders, passports, units
from connectors.sql.passports import Passport
from models.production.unit import Disposal, Stop
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
    secret: Annotated[str, Meta(min_length=1, max_length=200, description="Password or PIN, once more: the signature.")]


@routes.read("/v1/units/{serial}", scope="read", answer=Passport)
def unit_passport(call: Read, serial: SerialText) -> Passport:
    """Everything about a unit, forward and back."""
    return passports.passport(call.connection, serial)


@routes.read("/v1/lots/{lot}/units", scope="read", answer=Page)
def units_of_lot(call: Read, lot: Name) -> Page:
    """Which units hold something of a lot, directly or through other units."""
    return Page(items=passports.holding(call.connection, lot=lot))


@routes.write("POST", "/v1/units/{serial}/stops", scope="units:stop", body=NewStop, answer=UnitNow)
def stop_unit(call: Write, serial: SerialText) -> UnitNow:
    """Quarantine, hold or recall a unit."""
    _check_line(call, "units:stop", serial)
    return unit_now(units.stop(call.work, serial, call.body.status, call.body.reason))


@routes.write(
    "POST", "/v1/units/{serial}/disposals", scope="units:dispose", body=NewDisposal, answer=UnitNow, signed=True
)
def dispose_unit(call: Write, serial: SerialText) -> UnitNow:
    """Decide what becomes of a unit that was stopped: rework, scrap, or use as it is."""
    _check_line(call, "units:dispose", serial)
    given: NewDisposal = call.body
    return unit_now(units.dispose(call.work, serial, given.disposal, given.reason, given.rework))


def _check_line(call: Write, scope: Literal["units:stop", "units:dispose"], serial: str) -> None:
    unit = units.read(call.work.connection, serial)
    call.principal.check(scope, line=orders.read(call.work.connection, unit.order).line)
