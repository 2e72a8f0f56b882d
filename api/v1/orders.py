"""Production orders, and the setup sheets of the stations that work on them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.http.conventions import cursor_of, key_of
from api.http.route import Answer, Page, Read, Routes, Write
from api.v1.shapes import DocumentName, Limit, LinePath, Qty, Reason, SerialText, SetupId, Version
from connectors.sql import orders, setups, units, wip
from connectors.sql.wip import TakenOver
from models.production.order import Order, Status
from models.production.setup import Setup
from models.production.wip import UNITS_MAX, WipUnit
from sipe.contracts.fields import Station, TimeMs

routes = Routes("orders")


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A production order; units are pieces."""

    number: DocumentName
    product: DocumentName
    routing_revision: Version
    planned_qty: Qty
    over_qty: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    line: LinePath
    serial_range: DocumentName
    customer: Annotated[str, Meta(max_length=128)] = ""
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0
    due_ms: TimeMs | None = None


class OrderAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done with an order, and why."""

    action: Literal["release", "hold", "resume", "complete", "reopen", "close", "cancel"]
    reason: Reason = ""


class Count(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many."""

    count: Annotated[int, Meta(ge=1, le=1_000)] = 1


class Adopted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit that was under way before."""

    serial: SerialText
    next_step: DocumentName


class Wip(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that were under way before this system was."""

    units: Annotated[list[WipUnit], Meta(min_length=1, max_length=UNITS_MAX)]


class Serials(msgspec.Struct, frozen=True, kw_only=True):
    """Serials that were given just now."""

    serials: list[str]


class NewSetup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a sheet is put to work."""

    order: DocumentName
    station: Station
    step: DocumentName


class NewTick(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item that was done: what was scanned, and until when its calibration holds."""

    item: Annotated[str, Meta(min_length=1, max_length=128)]
    seen: Annotated[str, Meta(max_length=200)] = ""
    valid_until_ms: TimeMs | None = None


class ChecklistItem(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the checklist, and who did it."""

    id: str
    kind: str
    words: str
    words_pt: str
    expected: str
    done_by: str | None
    done_ms: int | None
    valid_until_ms: int | None


class SetupSheet(msgspec.Struct, frozen=True, kw_only=True):
    """A setup sheet as it stands."""

    id: int
    order: str
    station: str
    step: str
    sheet_number: str
    sheet_revision: int
    sheet_digest: str
    digest: str
    status: str
    checklist: list[ChecklistItem]
    version: int


@routes.write("POST", "/v1/orders", scope="orders:write", body=NewOrder, answer=Order, status=HTTPStatus.CREATED)
def add_order(call: Write) -> Answer:
    """Add a production order, as a draft."""
    call.principal.check("orders:write", line=call.body.line)
    order = orders.add(call.work, Order(**msgspec.structs.asdict(call.body)))
    return Answer(value=order, status=HTTPStatus.CREATED, headers={"Location": f"/v1/orders/{order.number}"})


@routes.read("/v1/orders", scope="read", answer=Page[Order], status=Status, line=LinePath, cursor=str, limit=Limit)
def order_list(call: Read) -> Page[Order]:
    """Orders by number; by status or line."""
    limit = call.query.get("limit", 50)
    after = key_of(call.query["cursor"], str) if "cursor" in call.query else ""
    found = orders.page(call.connection, call.query.get("status"), call.query.get("line"), after, limit)
    return Page(items=found, next=cursor_of(found[-1].number) if len(found) == limit else None)


@routes.read("/v1/orders/{number}", scope="read", answer=Order)
def order(call: Read, number: DocumentName) -> Order:
    """An order as it stands."""
    return orders.read(call.connection, number)


@routes.write(
    "POST", "/v1/orders/{number}/actions", scope="orders:write", body=OrderAction, answer=Order, if_match=True
)
def act_on_order(call: Write, number: DocumentName) -> Order:
    """Release, hold, resume, complete, reopen, close or cancel an order."""
    call.principal.check("orders:write", line=orders.read(call.work.connection, number).line)
    return orders.act(call.work, number, call.body.action, call.version, call.body.reason)


@routes.write(
    "POST", "/v1/orders/{number}/units", scope="orders:write", body=Count, answer=Serials, status=HTTPStatus.CREATED
)
def begin_units(call: Write, number: DocumentName) -> Serials:
    """Give serials to units of an order, for labels that are printed before."""
    call.principal.check("orders:write", line=orders.read(call.work.connection, number).line)
    begun = units.begin(call.work, number, call.body.count)
    return Serials(serials=[unit.serial for unit in begun])


@routes.write(
    "POST",
    "/v1/orders/{number}/adopted-units",
    scope="orders:write",
    body=Adopted,
    answer=Serials,
    status=HTTPStatus.CREATED,
)
def adopt_unit(call: Write, number: DocumentName) -> Serials:
    """Take over a unit that was under way before this system was."""
    call.principal.check("orders:write", line=orders.read(call.work.connection, number).line)
    unit = wip.adopt(call.work, number, call.body.serial, call.body.next_step)
    return Serials(serials=[unit.serial])


@routes.write("POST", "/v1/orders/{number}/wip", scope="orders:write", body=Wip, answer=Page[TakenOver])
def take_wip_over(call: Write, number: DocumentName) -> Page[TakenOver]:
    """Take over a list of units under way, with what they have behind them: all or none, and each once."""
    call.principal.check("orders:write", line=orders.read(call.work.connection, number).line)
    return Page(items=wip.take_over(call.work, number, call.body.units))


@routes.write("POST", "/v1/setups", scope="setups:write", body=NewSetup, answer=SetupSheet, status=HTTPStatus.CREATED)
def derive_setup(call: Write) -> SetupSheet:
    """Derive a setup sheet from the technical sheet in force."""
    new: NewSetup = call.body
    call.principal.check("setups:write", station=new.station)
    return setup_sheet(setups.derive(call.work, new.order, new.station, new.step))


@routes.read("/v1/setups/{setup_id}", scope="read", answer=SetupSheet)
def setup(call: Read, setup_id: SetupId) -> SetupSheet:
    """A setup sheet as it stands."""
    return setup_sheet(setups.read(call.connection, setup_id))


@routes.write(
    "POST", "/v1/setups/{setup_id}/ticks", scope="setups:tick", body=NewTick, answer=SetupSheet, if_match=True
)
def tick_setup(call: Write, setup_id: SetupId) -> SetupSheet:
    """Tick an item of the checklist off."""
    before = setups.read(call.work.connection, setup_id)
    call.principal.check("setups:tick", station=before.station)
    told = {"valid_until_ms": call.body.valid_until_ms, "expected": call.version}
    return setup_sheet(setups.tick(call.work, setup_id, call.body.item, call.body.seen, **told))


def setup_sheet(found: Setup) -> SetupSheet:
    """A setup sheet, as it is shown."""
    checklist = []
    for item in found.items:
        tick = found.ticks.get(item.id)
        checklist.append(
            ChecklistItem(
                id=item.id,
                kind=item.kind,
                words=item.words.en,
                words_pt=item.words.pt,
                expected=item.expected,
                done_by=tick.by if tick else None,
                done_ms=tick.at_ms if tick else None,
                valid_until_ms=tick.valid_until_ms if tick else None,
            )
        )
    return SetupSheet(
        id=found.id,
        order=found.order,
        station=found.station,
        step=found.step,
        sheet_number=found.sheet.number,
        sheet_revision=found.sheet.revision,
        sheet_digest=found.sheet_digest,
        digest=found.digest,
        status=found.status,
        checklist=checklist,
        version=found.version,
    )
