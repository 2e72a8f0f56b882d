"""One method for each route about events.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.session import Session, part
from edge.client.shapes.events import Batch, ReceivedEvents


class EventsCalls(Session):
    """Routes about events."""

    def send_events(self, body: bytes) -> Batch:
        """Send a batch of events of the station that this device stands at."""
        return self.call("POST", "/v1/events", Batch, body=body, media="application/x-ndjson")

    def received_events(self, station: str, *, from_ms: int, to_ms: int) -> ReceivedEvents:
        """Which events of this time have come, so that a gateway can hold its own account against it."""
        return self.call(
            "GET",
            f"/v1/stations/{part(station)}/received-events",
            ReceivedEvents,
            query={"from_ms": from_ms, "to_ms": to_ms},
        )
