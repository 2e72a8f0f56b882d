"""What units are measured with, what was found of them, and their seals."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.http.conventions import cursor_of, key_of
from api.http.route import Page, Read, Routes, Write
from api.v1.shapes import DocumentName, Limit, Reason, SerialText, refuse_other_lines
from connectors.sql import calibrations, certificates, seals
from connectors.sql.calibrations import Kept
from connectors.sql.certificates import Certificate, Kind
from connectors.sql.seals import Put
from models.release.lot import LoadPoint, Record, Seal
from sipe.contracts.fields import Measure, Name, Sha256, Station, TimeMs

routes = Routes("equipment")

CertificateId = Annotated[int, Meta(ge=1, le=2**53)]
SealNumber = Annotated[
    str, Meta(pattern=r"^[A-Z0-9]([A-Z0-9./-]{0,46}[A-Z0-9])?$(?!\n)", description="As on the seal: plain capitals.")
]
Percent = Annotated[float, Meta(ge=-1_000, le=1_000, description="Percent.")]


class NewCertificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Until when a bench or a reference standard is good; a bench names the standard that is on it."""

    kind: Kind
    equipment: DocumentName
    certificate: Name
    standard: DocumentName | None = None
    valid_from_ms: TimeMs
    valid_until_ms: TimeMs


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when on a certificate is worth nothing, and why; that may lie in the past."""

    from_ms: TimeMs
    reason: Reason


class MeasuredPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The error of a unit at a load point, and the limits that the bench held it against."""

    voltage_v: Annotated[float, Meta(gt=0, le=1_000, description="Volts.")]
    current_pct: Annotated[float, Meta(gt=0, le=10_000, description="Percent of the base.")]
    base: Literal["Ib", "In", "Imax"] = "Ib"
    power_factor: Annotated[float, Meta(gt=0, le=1)] = 1.0
    character: Literal["", "L", "C"] = ""
    error_pct: Measure
    low_pct: Percent
    high_pct: Percent


class NewCalibration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bench has measured of a unit that is in work there."""

    bench: DocumentName
    position: Annotated[int, Meta(ge=1, le=1_000, description="Where on the bench, counted from 1.")]
    standard: DocumentName
    measured_ms: TimeMs
    setup_digest: Sha256 | None = None
    points: Annotated[list[MeasuredPoint], Meta(min_length=1, max_length=100)]


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """That it is kept; whether all of it is within its limits."""

    serial: str
    good: bool


class CalibrationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a unit as it is kept."""

    point: str
    error_pct: float
    low_pct: float
    high_pct: float
    good: bool
    bench: str
    position: int
    standard: str
    measured_ms: int
    station: str
    setup_digest: str | None
    by: str
    created_ms: int


class NewSeal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A seal that is put on a unit."""

    place: Name
    number: SealNumber


class SealReplacement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A seal is removed, and another one put in its place, or none."""

    place: Name
    number: SealNumber | None = None
    opened: bool
    """Whether the unit was opened: then it has to be measured again."""
    reason: Reason


class SealOnUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A seal that is, or was, on a unit."""

    place: str
    number: str
    by: str
    at_ms: int
    removed_by: str | None
    removed_ms: int | None
    removed_reason: str
    opened: bool


@routes.write(
    "POST",
    "/v1/certificates",
    scope="equipment:write",
    body=NewCertificate,
    answer=Certificate,
    status=HTTPStatus.CREATED,
)
def add_certificate(call: Write) -> Certificate:
    """Say until when a bench or a reference standard is good."""
    return certificates.add(call.work, Certificate(**msgspec.structs.asdict(call.body)))


@routes.read(
    "/v1/certificates",
    scope="read",
    answer=Page[Certificate],
    kind=Kind,
    equipment=DocumentName,
    cursor=str,
    limit=Limit,
)
def certificate_list(call: Read) -> Page[Certificate]:
    """Certificates, in the order in which they were added."""
    limit = call.query.get("limit", 50)
    after = key_of(call.query["cursor"], int) if "cursor" in call.query else 0
    about = call.query.get("kind"), call.query.get("equipment")
    found = certificates.page(call.connection, *about, after, limit)
    return Page(items=found, next=cursor_of(found[-1].id) if len(found) == limit else None)


@routes.write(
    "POST",
    "/v1/certificates/{certificate_id}/withdrawals",
    scope="equipment:write",
    body=Withdrawal,
    answer=Certificate,
    if_match=True,
)
def withdraw_certificate(call: Write, certificate_id: CertificateId) -> Certificate:
    """Have a certificate end earlier; what was measured from then on keeps its lots here."""
    return certificates.withdraw(call.work, certificate_id, call.version, call.body.from_ms, call.body.reason)


@routes.write(
    "POST",
    "/v1/stations/{station}/units/{serial}/calibrations",
    scope="units:move",
    body=NewCalibration,
    answer=Calibrated,
    status=HTTPStatus.CREATED,
)
def calibrate_unit(call: Write, station: Station, serial: SerialText) -> Calibrated:
    """Keep what a bench has measured of a unit, good or not."""
    new: NewCalibration = call.body
    records = [_record(serial, new, point) for point in new.points]
    good = calibrations.add(call.work, station, records, setup_digest=new.setup_digest)
    return Calibrated(serial=serial, good=good)


@routes.read("/v1/units/{serial}/calibrations", scope="read", answer=Page[CalibrationRecord])
def unit_calibrations(call: Read, serial: SerialText) -> Page[CalibrationRecord]:
    """Every record of a unit, in the order in which they came."""
    return Page(items=[_kept(one) for one in calibrations.of_unit(call.connection, serial)])


@routes.read(
    "/v1/calibrated-units",
    scope="read",
    answer=Page[str],
    needs=("since_ms",),
    since_ms=TimeMs,
    bench=DocumentName,
    standard=DocumentName,
    cursor=str,
    limit=Limit,
)
def calibrated_units(call: Read) -> Page[str]:
    """The units that were measured with a bench or a standard from a time on, such as one that drifted."""
    limit = call.query.get("limit", 50)
    after = key_of(call.query["cursor"], str) if "cursor" in call.query else ""
    equipment = {"bench": call.query.get("bench"), "standard": call.query.get("standard")}
    since_ms = call.query["since_ms"]
    found = calibrations.measured_with(call.connection, **equipment, since_ms=since_ms, after=after, limit=limit)
    return Page(items=found, next=cursor_of(found[-1]) if len(found) == limit else None)


@routes.write(
    "POST",
    "/v1/stations/{station}/units/{serial}/seals",
    scope="units:move",
    body=NewSeal,
    answer=NewSeal,
    status=HTTPStatus.CREATED,
)
def seal_unit(call: Write, station: Station, serial: SerialText) -> NewSeal:
    """Put a seal on a unit; its number is used once, ever."""
    new: NewSeal = call.body
    seals.put(call.work, station, serial, Seal(new.place, new.number))
    return new


@routes.read("/v1/units/{serial}/seals", scope="read", answer=Page[SealOnUnit])
def unit_seals(call: Read, serial: SerialText) -> Page[SealOnUnit]:
    """Every seal that was ever on a unit."""
    return Page(items=[_seal(one) for one in seals.of_unit(call.connection, serial)])


@routes.write(
    "POST",
    "/v1/units/{serial}/seal-replacements",
    scope="seals:replace",
    body=SealReplacement,
    answer=Page[SealOnUnit],
)
def replace_seal(call: Write, serial: SerialText) -> Page[SealOnUnit]:
    """Remove a seal for a reason, and put another one in its place."""
    refuse_other_lines(call, "seals:replace", [serial])
    new: SealReplacement = call.body
    seals.replace(call.work, serial, new.place, new.number, new.reason, opened=new.opened)
    return Page(items=[_seal(one) for one in seals.of_unit(call.work.connection, serial)])


def _record(serial: str, new: NewCalibration, point: MeasuredPoint) -> Record:
    at = LoadPoint(point.voltage_v, point.current_pct, point.base, point.power_factor, point.character)
    measured = (point.error_pct, point.low_pct, point.high_pct)
    return Record(serial, at, *measured, new.bench, new.position, new.standard, new.measured_ms)


def _kept(kept: Kept) -> CalibrationRecord:
    record = kept.record
    return CalibrationRecord(
        point=record.point.name,
        error_pct=record.error_pct,
        low_pct=record.low_pct,
        high_pct=record.high_pct,
        good=kept.is_good,
        bench=record.bench,
        position=record.position,
        standard=record.standard,
        measured_ms=record.at_ms,
        station=kept.station,
        setup_digest=kept.setup_digest,
        by=kept.by,
        created_ms=kept.created_ms,
    )


def _seal(one: Put) -> SealOnUnit:
    return SealOnUnit(**one._asdict() | {"opened": bool(one.opened)})
