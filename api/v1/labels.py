"""Labels and engravings: their layouts, and what the printer and the laser are sent for a unit."""

from __future__ import annotations

from datetime import UTC, date, datetime
from http import HTTPStatus

import msgspec

from api.http.problems import HttpRefused
from api.http.route import Page, Read, Routes, Write
from api.v1.shapes import DocumentName, SerialText
from connectors.sql import layouts, stations, units
from models.labels.content import LabelError
from models.labels.layout import Copies, Layout, of_unit, payload
from models.production.contract import Contract
from models.production.unit import check_in_work
from sipe.contracts.fields import LocalDate, Station

routes = Routes("labels")

_contract = msgspec.json.Decoder(Contract)


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What a printer or a laser is sent; nothing where the sheet names a label that no layout is published for."""

    id: str
    """The field of the sheet that names it."""
    layout: str
    kind: str | None
    payload: str | None


@routes.write("POST", "/v1/layouts", scope="sheets:write", body=Layout, answer=Layout, status=HTTPStatus.CREATED)
def add_layout(call: Write) -> Layout:
    """Publish the layout of a label or an engraving, under the number that sheets name."""
    new: Layout = call.body
    try:
        layouts.add(call.work, new)
    except LabelError as error:
        raise HttpRefused(HTTPStatus.UNPROCESSABLE_ENTITY, "cannot_work", str(error)) from error
    return new


@routes.read("/v1/layouts/{number}", scope="read", answer=Layout)
def layout(call: Read, number: DocumentName) -> Layout:
    """The layout under a number."""
    return layouts.read(call.connection, number)


@routes.read(
    "/v1/stations/{station}/units/{serial}/payloads",
    scope="units:move",
    answer=Page[Payload],
    date=LocalDate,
    copies=Copies,
)
def unit_payloads(call: Read, station: Station, serial: SerialText) -> Page[Payload]:
    """What is printed or marked for a unit that is in work here; the date is today's where the station is."""
    unit = units.read(call.connection, serial)
    check_in_work(unit, station)
    now_ms = call.services.clock.now_ms()
    found = stations.at_work(call.connection, station, unit.order, now_ms, unit.at_step)
    told = _contract.decode(stations.contract_of(call.connection, found, station, call.services.copies))
    values = of_unit(serial, _day(call.query.get("date"), now_ms))
    copies = call.query.get("copies", 1)
    return Page(
        items=[
            Payload(
                id=label.id,
                layout=label.number,
                kind=label.layout.kind if label.layout else None,
                payload=payload(label.layout, {**label.values, **values}, copies) if label.layout else None,
            )
            for label in told.labels
        ]
    )


def _day(given: str | None, now_ms: int) -> str:
    """The day that is marked: UTC's, or the station's own, which is at most one apart from it."""
    today = datetime.fromtimestamp(now_ms / 1_000, UTC).date()
    if given is None:
        return today.isoformat()
    try:
        day = date.fromisoformat(given)
    except ValueError:
        day = None
    if day is None or abs((day - today).days) > 1:
        raise HttpRefused(HTTPStatus.UNPROCESSABLE_ENTITY, "date", f"today is {today} UTC: {given} is no day to mark")
    return given
