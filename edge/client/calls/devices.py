"""One method for each route about devices.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.session import Session, part
from edge.client.shapes.devices import ForStation, OfferedCode, PageOfDeviceNow, Revoking


class DevicesCalls(Session):
    """Routes about devices."""

    def list_devices(self, *, station: str | None = None) -> PageOfDeviceNow:
        """Every device, or those of a station, the revoked ones, too."""
        return self.call("GET", "/v1/devices", PageOfDeviceNow, query={"station": station})

    def offer_code(self, body: ForStation) -> OfferedCode:
        """Make a code that a device of a station enrols with."""
        return self.call("POST", "/v1/devices/codes", OfferedCode, body=body)

    def revoke_device(self, device: str, body: Revoking, *, key: str | None = None) -> None:
        """Let a device do nothing any more, once its access token has ended."""
        self.do("POST", f"/v1/devices/{part(device)}/revocation", body=body, key=self.key(key))
