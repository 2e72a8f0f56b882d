"""Devices: codes to enrol them with, which there are, and letting one do nothing any more."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from api.http.route import Act, Answer, Page, Read, Routes, Write
from api.v1.shapes import HIDDEN, DocumentName, Reason
from connectors.sql import devices
from sipe.contracts.fields import Station, TimeMs

routes = Routes("devices")


class ForStation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The station that a device is for."""

    station: Station


class OfferedCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code, shown this once: it enrols one device, within a quarter of an hour."""

    code: Annotated[str, Meta(extra_json_schema=HIDDEN)]
    station: str
    until_ms: TimeMs


class Revoking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class DeviceNow(msgspec.Struct, frozen=True, kw_only=True):
    """A device; revoked, it may do nothing any more."""

    id: str
    station: str
    enrolled_ms: int
    revoked_ms: int | None


@routes.read("/v1/devices", scope="devices:write", answer=Page[DeviceNow], station=Station)
def list_devices(call: Read) -> Page[DeviceNow]:
    """Every device, or those of a station, the revoked ones, too."""
    return Page(
        items=[DeviceNow(**one._asdict()) for one in devices.listed(call.connection, call.query.get("station"))]
    )


@routes.act(
    "POST",
    "/v1/devices/codes",
    scope="devices:write",
    body=ForStation,
    answer=OfferedCode,
    status=HTTPStatus.CREATED,
)
def offer_code(call: Act) -> Answer:
    """Make a code that a device of a station enrols with."""
    code = call.services.store.work(call.who, devices.offer, call.services.secrets, call.body.station)
    offered = OfferedCode(code=code.text, station=code.station, until_ms=code.until_ms)
    return Answer(value=offered, status=HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})


@routes.write(
    "POST", "/v1/devices/{device}/revocation", scope="devices:write", body=Revoking, status=HTTPStatus.NO_CONTENT
)
def revoke_device(call: Write, device: DocumentName) -> None:
    """Let a device do nothing any more, once its access token has ended."""
    devices.revoke(call.work, device, call.body.reason)
