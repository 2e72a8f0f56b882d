"""One method for each route about equipment.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from edge.client.session import Session, part
from edge.client.shapes.common import PageOfStr
from edge.client.shapes.equipment import (
    Calibrated,
    Certificate,
    NewCalibration,
    NewCertificate,
    NewSeal,
    PageOfCalibrationRecord,
    PageOfCertificate,
    PageOfSealOnUnit,
    SealReplacement,
    Withdrawal,
)


class EquipmentCalls(Session):
    """Routes about equipment."""

    def add_certificate(self, body: NewCertificate, *, key: str | None = None) -> Certificate:
        """Say until when a bench or a reference standard is good."""
        return self.call("POST", "/v1/certificates", Certificate, body=body, key=self.key(key))

    def certificate_list(
        self,
        *,
        kind: Literal["bench", "standard"] | None = None,
        equipment: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PageOfCertificate:
        """Certificates, in the order in which they were added."""
        return self.call(
            "GET",
            "/v1/certificates",
            PageOfCertificate,
            query={"kind": kind, "equipment": equipment, "cursor": cursor, "limit": limit},
        )

    def withdraw_certificate(
        self, certificate_id: int, body: Withdrawal, *, version: int, key: str | None = None
    ) -> Certificate:
        """Have a certificate end earlier; what was measured from then on keeps its lots here."""
        return self.call(
            "POST",
            f"/v1/certificates/{part(certificate_id)}/withdrawals",
            Certificate,
            body=body,
            version=version,
            key=self.key(key),
        )

    def calibrate_unit(self, station: str, serial: str, body: NewCalibration, *, key: str | None = None) -> Calibrated:
        """Keep what a bench has measured of a unit, good or not."""
        return self.call(
            "POST",
            f"/v1/stations/{part(station)}/units/{part(serial)}/calibrations",
            Calibrated,
            body=body,
            key=self.key(key),
        )

    def unit_calibrations(self, serial: str) -> PageOfCalibrationRecord:
        """Every record of a unit, in the order in which they came."""
        return self.call("GET", f"/v1/units/{part(serial)}/calibrations", PageOfCalibrationRecord)

    def calibrated_units(
        self,
        *,
        since_ms: int,
        bench: str | None = None,
        standard: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PageOfStr:
        """The units that were measured with a bench or a standard from a time on, such as one that drifted."""
        return self.call(
            "GET",
            "/v1/calibrated-units",
            PageOfStr,
            query={"since_ms": since_ms, "bench": bench, "standard": standard, "cursor": cursor, "limit": limit},
        )

    def seal_unit(self, station: str, serial: str, body: NewSeal, *, key: str | None = None) -> NewSeal:
        """Put a seal on a unit; its number is used once, ever."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/units/{part(serial)}/seals", NewSeal, body=body, key=self.key(key)
        )

    def unit_seals(self, serial: str) -> PageOfSealOnUnit:
        """Every seal that was ever on a unit."""
        return self.call("GET", f"/v1/units/{part(serial)}/seals", PageOfSealOnUnit)

    def replace_seal(self, serial: str, body: SealReplacement, *, key: str | None = None) -> PageOfSealOnUnit:
        """Remove a seal for a reason, and put another one in its place."""
        return self.call(
            "POST", f"/v1/units/{part(serial)}/seal-replacements", PageOfSealOnUnit, body=body, key=self.key(key)
        )
