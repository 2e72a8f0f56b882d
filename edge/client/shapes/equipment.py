"""What routes about equipment take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Calibrated(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That it is kept; whether all of it is within its limits."""

    serial: str
    good: bool


class CalibrationRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
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


class Certificate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bench or a standard is good in [valid_from_ms, valid_until_ms); a bench with the standard on it."""

    id: int = 0
    kind: Literal["bench", "standard"]
    equipment: str
    certificate: str
    standard: str | None = None
    valid_from_ms: int
    valid_until_ms: int
    withdrawn_reason: str = ""
    version: int = 1


class MeasuredPoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The error of a unit at a load point, and the limits that the bench held it against."""

    voltage_v: float
    current_pct: float
    base: Literal["Ib", "Imax", "In"] = "Ib"
    power_factor: float = 1.0
    character: Literal["", "C", "L"] = ""
    error_pct: float
    low_pct: float
    high_pct: float


class NewCalibration(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a bench has measured of a unit that is in work there."""

    bench: str
    position: int
    standard: str
    measured_ms: int
    setup_digest: str | None = None
    points: tuple[MeasuredPoint, ...]


class NewCertificate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Until when a bench or a reference standard is good; a bench names the standard that is on it."""

    kind: Literal["bench", "standard"]
    equipment: str
    certificate: str
    standard: str | None = None
    valid_from_ms: int
    valid_until_ms: int


class NewSeal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A seal that is put on a unit."""

    place: str
    number: str


class PageOfCalibrationRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[CalibrationRecord, ...]
    next: str | None = None


class PageOfCertificate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Certificate, ...]
    next: str | None = None


class PageOfSealOnUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[SealOnUnit, ...]
    next: str | None = None


class SealOnUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A seal that is, or was, on a unit."""

    place: str
    number: str
    by: str
    at_ms: int
    removed_by: str | None
    removed_ms: int | None
    removed_reason: str
    opened: bool


class SealReplacement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A seal is removed, and another one put in its place, or none."""

    place: str
    number: str | None = None
    opened: bool
    reason: str


class Withdrawal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From when on a certificate is worth nothing, and why; that may lie in the past."""

    from_ms: int
    reason: str
