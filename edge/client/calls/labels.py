"""One method for each route about labels.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.session import Session, part
from edge.client.shapes.common import Layout
from edge.client.shapes.labels import PageOfPayload


class LabelsCalls(Session):
    """Routes about labels."""

    def add_layout(self, body: Layout, *, key: str | None = None) -> Layout:
        """Publish the layout of a label or an engraving, under the number that sheets name."""
        return self.call("POST", "/v1/layouts", Layout, body=body, key=self.key(key))

    def layout(self, number: str) -> Layout:
        """The layout under a number."""
        return self.call("GET", f"/v1/layouts/{part(number)}", Layout)

    def unit_payloads(
        self, station: str, serial: str, *, date: str | None = None, copies: int | None = None
    ) -> PageOfPayload:
        """What is printed or marked for a unit that is in work here; the date is today's where the station is."""
        return self.call(
            "GET",
            f"/v1/stations/{part(station)}/units/{part(serial)}/payloads",
            PageOfPayload,
            query={"date": date, "copies": copies},
        )
