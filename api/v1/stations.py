"""The station contract: what a station is told for an order, and what it says of each unit."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.http.route import Answer, Page, Read, Routes, Write
from api.v1.orders import SetupSheet, setup_sheet
from api.v1.shapes import DocumentName, OwnSecret, Reason, SerialText
from connectors.sql import passports, readings, setups, stations, units
from connectors.sql.stations import Mode, Outcome
from connectors.sql.work import Work
from models.production.contract import Allowance, Contract
from models.production.unit import Status, Unit
from sipe.contracts.fields import Name, Sha256, Station, TimeMs

routes = Routes("stations")

RefusalReason = Annotated[str, Meta(pattern=r"^[a-z_]{1,48}$(?!\n)")]


class StationContract(msgspec.Struct, frozen=True, kw_only=True):
    """What stands as long as the setup does, and what changes with every unit, person or day."""

    contract: Contract
    allowance: Allowance
    mode: Mode
    to_read: list[str]
    """Instructions that the person who asks has to confirm first; a station is told all that there are to confirm."""


class Entering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit comes: for which order, and by which setup sheet the station works."""

    order: DocumentName | None = None
    setup_digest: Sha256 | None = None


class Failing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit failed, and why."""

    reason: Reason


class ForOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For an order."""

    order: DocumentName


class UnitNow(msgspec.Struct, frozen=True, kw_only=True):
    """A unit as it is now, and how it came in. Of a unit that nobody knows, at a station that observes, only that."""

    serial: str
    outcome: Outcome = "entered"
    warning: str = ""
    order: str | None = None
    status: Status | None = None
    step: str | None = None
    next_place: int | None = None
    """The operation that is next, or under way, counted from 0."""
    rework: str | None = None
    version: int | None = None


class NewLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something went into a unit: another unit by its serial, or material of a lot."""

    kind: Literal["unit", "material"]
    child: Name
    lot: Annotated[str, Meta(max_length=64)] = ""
    relation: Name = "mounted"
    position: Annotated[str, Meta(max_length=64)] = ""


class NewMode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How strictly a station is ruled."""

    mode: Mode


class NewBypass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of refusal to let pass; whoever grants it proves once more who they are."""

    refusal: RefusalReason
    reason: Reason
    until_ms: TimeMs
    uses_max: Annotated[int, Meta(ge=1, le=100)] = 1
    serial: SerialText | None = None
    secret: OwnSecret


class Bypass(msgspec.Struct, frozen=True, kw_only=True):
    """A bypass that was granted."""

    id: int
    refusal: str
    until_ms: int
    uses_max: int


@routes.read(
    "/v1/stations/{station}/contract",
    scope="units:move",
    answer=StationContract,
    needs=("order",),
    order=DocumentName,
    step=DocumentName,
)
def station_contract(call: Read, station: Station) -> StationContract:
    """What a station has to do for an order, with which approved parameters."""
    number = call.query["order"]
    now_ms = call.services.clock.now_ms()
    found = stations.at_work(call.connection, station, number, now_ms, call.query.get("step"))
    body = stations.contract_of(call.connection, found, station, call.services.copies)
    return StationContract(
        contract=msgspec.Raw(body),  # type: ignore[arg-type]  # a contract as it was made, which nothing changes
        allowance=stations.allowance(found),
        mode=found.mode,
        to_read=readings.missing(call.connection, call.principal.identity, found.step),
    )


@routes.read("/v1/stations/{station}/setups", scope="read", answer=Page[SetupSheet], order=DocumentName)
def station_setups(call: Read, station: Station) -> Page[SetupSheet]:
    """The setup sheets that are at work at a station, or wait for their checklist."""
    found = setups.at_station(call.connection, station, call.query.get("order"))
    return Page(items=[setup_sheet(one) for one in found])


@routes.write(
    "POST", "/v1/stations/{station}/units", scope="units:move", body=ForOrder, answer=UnitNow, status=HTTPStatus.CREATED
)
def begin_unit(call: Write, station: Station) -> Answer:
    """Begin a unit: the next serial of the order, in work at this station."""
    (begun,) = units.begin(call.work, call.body.order)
    moved = units.enter(call.work, station, begun.serial)
    return Answer(value=unit_now(moved.unit), status=HTTPStatus.CREATED)


@routes.write("POST", "/v1/stations/{station}/units/{serial}/enter", scope="units:move", body=Entering, answer=UnitNow)
def enter_unit(call: Write, station: Station, serial: SerialText) -> Answer:
    """A unit comes to a station; a refusal says what to do with it."""
    return let_in(call.work, station, serial, call.body.order, call.body.setup_digest)


def let_in(work: Work, station: str, serial: str, order: str | None, setup_digest: str | None) -> Answer:
    """What became of a unit that came; a refusal is an answer, so that it is kept."""
    admission = stations.admit(work, station, serial, order=order, setup_digest=setup_digest)
    if admission.outcome == "refused":
        return Answer(value=admission.refusal)
    warning = str(admission.refusal) if admission.refusal and admission.outcome != "observed" else ""
    if admission.unit is None:
        return Answer(value=UnitNow(serial=serial, outcome=admission.outcome, warning=warning))
    return Answer(value=unit_now(admission.unit, admission.outcome, warning))


@routes.write("POST", "/v1/stations/{station}/units/{serial}/pass", scope="units:move", answer=UnitNow)
def pass_unit(call: Write, station: Station, serial: SerialText) -> UnitNow:
    """A unit passed the step that it is in work at."""
    return unit_now(units.succeed(call.work, station, serial).unit)


@routes.write("POST", "/v1/stations/{station}/units/{serial}/fail", scope="units:move", body=Failing, answer=UnitNow)
def fail_unit(call: Write, station: Station, serial: SerialText) -> UnitNow:
    """A unit failed the step that it is in work at."""
    return unit_now(units.fail(call.work, station, serial, call.body.reason).unit)


@routes.write("POST", "/v1/stations/{station}/units/{serial}/links", scope="units:move", body=NewLink, answer=NewLink)
def link_unit(call: Write, station: Station, serial: SerialText) -> NewLink:
    """Say what went into a unit that is in work here."""
    new: NewLink = call.body
    passports.link(call.work, station, serial, passports.Link(**msgspec.structs.asdict(new)))
    return new


@routes.write("PUT", "/v1/stations/{station}/mode", scope="stations:mode", body=NewMode, answer=NewMode)
def set_station_mode(call: Write, station: Station) -> NewMode:
    """Have a station observe, warn or enforce."""
    stations.set_mode(call.work, station, call.body.mode)
    return NewMode(mode=call.body.mode)


@routes.read("/v1/stations/{station}/mode", scope="read", answer=NewMode)
def station_mode(call: Read, station: Station) -> NewMode:
    """How strictly a station is ruled."""
    return NewMode(mode=stations.mode_of(call.connection, station))


@routes.write(
    "POST",
    "/v1/stations/{station}/bypasses",
    scope="bypass:grant",
    body=NewBypass,
    answer=Bypass,
    status=HTTPStatus.CREATED,
    signed=True,
)
def grant_bypass(call: Write, station: Station) -> Bypass:
    """Let one kind of refusal pass at a station, so often and so long."""
    new: NewBypass = call.body
    limits = {"until_ms": new.until_ms, "uses_max": new.uses_max}
    number = stations.grant_bypass(call.work, station, new.refusal, new.reason, serial=new.serial, **limits)
    return Bypass(id=number, refusal=new.refusal, **limits)


def unit_now(unit: Unit, outcome: Outcome = "entered", warning: str = "") -> UnitNow:
    """A unit, as stations are told."""
    return UnitNow(
        serial=unit.serial,
        order=unit.order,
        status=unit.status,
        step=unit.at_step,
        next_place=unit.place,
        rework=unit.rework,
        outcome=outcome,
        warning=warning,
        version=unit.version,
    )
