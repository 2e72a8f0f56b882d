"""One method for each route about units.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from edge.client.session import Session, part
from edge.client.shapes.common import PageOfStr, UnitNow
from edge.client.shapes.units import NewDisposal, NewStop, PageOfStoppedUnit, Passport


class UnitsCalls(Session):
    """Routes about units."""

    def stopped_units(
        self,
        *,
        status: Literal["held", "quarantined", "recalled"] | None = None,
        line: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PageOfStoppedUnit:
        """Units that are quarantined, held or recalled, and wait for somebody to dispose of them."""
        return self.call(
            "GET",
            "/v1/stopped-units",
            PageOfStoppedUnit,
            query={"status": status, "line": line, "cursor": cursor, "limit": limit},
        )

    def unit_passport(self, serial: str) -> Passport:
        """Everything about a unit, forward and back."""
        return self.call("GET", f"/v1/units/{part(serial)}", Passport)

    def units_of_lot(self, lot: str) -> PageOfStr:
        """Which units hold something of a lot, directly or through other units."""
        return self.call("GET", f"/v1/lots/{part(lot)}/units", PageOfStr)

    def stop_unit(self, serial: str, body: NewStop, *, key: str | None = None) -> UnitNow:
        """Quarantine, hold or recall a unit."""
        return self.call("POST", f"/v1/units/{part(serial)}/stops", UnitNow, body=body, key=self.key(key))

    def dispose_unit(self, serial: str, body: NewDisposal, *, key: str | None = None) -> UnitNow:
        """Decide what becomes of a unit that was stopped: rework, scrap, or use as it is."""
        return self.call("POST", f"/v1/units/{part(serial)}/disposals", UnitNow, body=body, key=self.key(key))
