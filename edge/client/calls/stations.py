"""One method for each route about stations.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.session import Session, part
from edge.client.shapes.common import UnitNow
from edge.client.shapes.stations import (
    Bypass,
    Entering,
    Failing,
    ForOrder,
    NewBypass,
    NewLink,
    NewMode,
    NewReading,
    PageOfReading,
    PageOfSetupSheet,
    Reading,
    ScanEntering,
    Scanned,
    Scanning,
    StationContract,
)


class StationsCalls(Session):
    """Routes about stations."""

    def station_contract(self, station: str, *, order: str, step: str | None = None) -> StationContract:
        """What a station has to do for an order, with which approved parameters."""
        return self.call(
            "GET", f"/v1/stations/{part(station)}/contract", StationContract, query={"order": order, "step": step}
        )

    def station_setups(self, station: str, *, order: str | None = None) -> PageOfSetupSheet:
        """The setup sheets that are at work at a station, or wait for their checklist."""
        return self.call("GET", f"/v1/stations/{part(station)}/setups", PageOfSetupSheet, query={"order": order})

    def begin_unit(self, station: str, body: ForOrder, *, key: str | None = None) -> UnitNow:
        """Begin a unit: the next serial of the order, in work at this station."""
        return self.call("POST", f"/v1/stations/{part(station)}/units", UnitNow, body=body, key=self.key(key))

    def enter_unit(self, station: str, serial: str, body: Entering, *, key: str | None = None) -> UnitNow:
        """A unit comes to a station; a refusal says what to do with it."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/units/{part(serial)}/enter", UnitNow, body=body, key=self.key(key)
        )

    def pass_unit(self, station: str, serial: str, *, key: str | None = None) -> UnitNow:
        """A unit passed the step that it is in work at."""
        return self.call("POST", f"/v1/stations/{part(station)}/units/{part(serial)}/pass", UnitNow, key=self.key(key))

    def fail_unit(self, station: str, serial: str, body: Failing, *, key: str | None = None) -> UnitNow:
        """A unit failed the step that it is in work at."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/units/{part(serial)}/fail", UnitNow, body=body, key=self.key(key)
        )

    def link_unit(self, station: str, serial: str, body: NewLink, *, key: str | None = None) -> NewLink:
        """Say what went into a unit that is in work here."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/units/{part(serial)}/links", NewLink, body=body, key=self.key(key)
        )

    def set_station_mode(self, station: str, body: NewMode) -> NewMode:
        """Have a station observe, warn or enforce."""
        return self.call("PUT", f"/v1/stations/{part(station)}/mode", NewMode, body=body)

    def station_mode(self, station: str) -> NewMode:
        """How strictly a station is ruled."""
        return self.call("GET", f"/v1/stations/{part(station)}/mode", NewMode)

    def grant_bypass(self, station: str, body: NewBypass, *, key: str | None = None) -> Bypass:
        """Let one kind of refusal pass at a station, so often and so long."""
        return self.call("POST", f"/v1/stations/{part(station)}/bypasses", Bypass, body=body, key=self.key(key))

    def look_up_scan(self, station: str, body: Scanning, *, key: str | None = None) -> Scanned:
        """Say what a scanned line is about: a unit, an order, material, a product."""
        return self.call("POST", f"/v1/stations/{part(station)}/scans", Scanned, body=body, key=self.key(key))

    def enter_scanned_unit(self, station: str, body: ScanEntering, *, key: str | None = None) -> UnitNow:
        """A unit comes to a station, by the line that was scanned from it."""
        return self.call("POST", f"/v1/stations/{part(station)}/enter", UnitNow, body=body, key=self.key(key))

    def confirm_reading(self, station: str, body: NewReading, *, key: str | None = None) -> Reading:
        """Confirm that you have read an instruction; it is asked for once, until its words or its picture change."""
        return self.call("POST", f"/v1/stations/{part(station)}/readings", Reading, body=body, key=self.key(key))

    def station_readings(self, station: str) -> PageOfReading:
        """Who has read which instruction at a station."""
        return self.call("GET", f"/v1/stations/{part(station)}/readings", PageOfReading)
