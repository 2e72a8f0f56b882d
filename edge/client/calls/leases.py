"""One method for each route about leases.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from edge.client.session import Session, part
from edge.client.shapes.leases import Closed, CloseLease, NewLease, PageOfReported, PublicKeys, SignedLease, Use


class LeasesCalls(Session):
    """Routes about leases."""

    def public_keys(self) -> PublicKeys:
        """The public keys that sign now, or did before the last rotation."""
        return self.call("GET", "/v1/keys", PublicKeys)

    def take_lease(self, station: str, body: NewLease, *, key: str | None = None) -> SignedLease:
        """Take a lease: contract, serials and quantity for a time without a connection."""
        return self.call("POST", f"/v1/stations/{part(station)}/leases", SignedLease, body=body, key=self.key(key))

    def report_use(self, station: str, lease_id: str, body: Use, *, key: str | None = None) -> PageOfReported:
        """Say what was done under a lease, in any order and as often as needed; each visit counts once."""
        return self.call(
            "POST",
            f"/v1/stations/{part(station)}/leases/{part(lease_id)}/use",
            PageOfReported,
            body=body,
            key=self.key(key),
        )

    def close_lease(self, station: str, lease_id: str, body: CloseLease, *, key: str | None = None) -> Closed:
        """End a lease and give back what was not used; of a lost station a supervisor does, and they are void."""
        return self.call(
            "POST", f"/v1/stations/{part(station)}/leases/{part(lease_id)}/close", Closed, body=body, key=self.key(key)
        )
