"""What people and scanners say at a station: which line was scanned, and which instruction was read."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from api.http.problems import HttpRefused
from api.http.route import Answer, Page, Read, Routes, Write
from api.v1.shapes import DocumentName
from api.v1.stations import UnitNow, let_in
from connectors.sql import readings, scanned, stations
from connectors.sql.readings import Place, Reading
from connectors.sql.scanned import Scanned
from models.barcodes import CHARS_MAX, BarcodeError, Scan, scan
from models.production.routing import StepName
from models.refusal import Refused
from sipe.contracts.fields import Sha256, Station

routes = Routes("stations")

Line = Annotated[str, Meta(min_length=1, max_length=CHARS_MAX, description="As the scanner sends it, without its end.")]


class Scanning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that was scanned."""

    text: Line


class ScanEntering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit comes, by what is on it: for which order, and by which setup sheet the station works."""

    text: Line
    order: DocumentName | None = None
    setup_digest: Sha256 | None = None


class NewReading(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An instruction of the step at work here that the person who sends this has read."""

    order: DocumentName
    instruction: StepName
    step: StepName | None = None


@routes.write("POST", "/v1/stations/{station}/scans", scope="units:move", body=Scanning, answer=Scanned)
def look_up_scan(call: Write, station: Station) -> Scanned:
    """Say what a scanned line is about: a unit, an order, material, a product."""
    return scanned.find(call.work.connection, _read(call.body.text))


@routes.write("POST", "/v1/stations/{station}/enter", scope="units:move", body=ScanEntering, answer=UnitNow)
def enter_scanned_unit(call: Write, station: Station) -> Answer:
    """A unit comes to a station, by the line that was scanned from it."""
    given: ScanEntering = call.body
    read = _read(given.text)
    found = scanned.find(call.work.connection, read)
    serial = found.serial or (read.text if read.kind == "plain" and found.kind == "unknown" else None)
    if serial is None:
        raise Refused("no_unit", f"this is no serial of a unit but a {found.kind}: scan the unit")
    return let_in(call.work, station, serial, given.order, given.setup_digest)


@routes.write(
    "POST",
    "/v1/stations/{station}/readings",
    scope="setups:tick",
    body=NewReading,
    answer=Reading,
    status=HTTPStatus.CREATED,
)
def confirm_reading(call: Write, station: Station) -> Reading:
    """Confirm that you have read an instruction; it is asked for once, until its words or its picture change."""
    new: NewReading = call.body
    found = stations.step_at(call.work.connection, station, new.order, new.step)
    return readings.confirm(call.work, Place(station, new.order, found.name), found, new.instruction)


@routes.read("/v1/stations/{station}/readings", scope="read", answer=Page[Reading])
def station_readings(call: Read, station: Station) -> Page[Reading]:
    """Who has read which instruction at a station."""
    return Page(items=readings.at_station(call.connection, station))


def _read(text: str) -> Scan:
    try:
        return scan(text)
    except BarcodeError as error:
        raise HttpRefused(HTTPStatus.UNPROCESSABLE_ENTITY, f"barcode_{error.reason}", str(error)) from error
