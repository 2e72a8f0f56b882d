"""One method for each route about events.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.session import Session
from edge.client.shapes.events import Batch


class EventsCalls(Session):
    """Routes about events."""

    def send_events(self, body: bytes) -> Batch:
        """Send a batch of events of the station that this device stands at."""
        return self.call("POST", "/v1/events", Batch, body=body, media="application/x-ndjson")
