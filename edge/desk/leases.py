"""The leases of a station: taken while the office answers, for when it does not, and given back when all is told."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping

from edge.client.calls import Client
from edge.client.shapes import CloseLease, NewLease
from edge.desk.journal import Journal, KeptLease
from edge.desk.refusal import NoStart
from models.production import lease as leasing
from models.production.lease import Lease, LeaseError
from sipe.clock import Clock


class Leases:
    """The leases of one station, kept in its journal; for one thread."""

    def __init__(self, station: str, client: Client, journal: Journal, clock: Clock) -> None:
        self._station = station
        self._client = client
        self._journal = journal
        self._clock = clock

    def take(self, order: str, qty: int, lasts_ms: int = leasing.LASTS_MS) -> Lease:
        """Take a lease and keep it; raises `ApiError`, and `NoStart` when it is not what a lease has to be."""
        asked = NewLease(order=order, qty=qty, lasts_ms=lasts_ms)
        signed = self._client.take_lease(self._station, asked).signed
        keys = {key.kid: _bytes(key.x) for key in self._client.public_keys().keys}
        lease = self._verified(signed, keys)
        self._journal.keep_lease(KeptLease(lease.id, order, signed, lease.expires_ms), keys)
        return lease

    def good(self, order: str) -> Lease:
        """The lease of an order that is good now; raises `NoStart`."""
        keys, refused = self._journal.public_keys(), NoStart("there is no lease for this order")
        for kept in self._journal.leases():
            if kept.order == order:
                try:
                    return self._verified(kept.signed, keys)
                except NoStart as error:
                    refused = error
        raise refused

    def orders(self) -> set[str]:
        """The orders that there are leases for, good or not."""
        return {kept.order for kept in self._journal.leases()}

    def close(self, *, but: str | None = None) -> None:
        """Give back every lease but one, once all that was done under it is told; raises `ApiError`."""
        for kept in self._journal.leases():
            if kept.id != but and all(visit.state == "told" for visit in self._journal.of_lease(kept.id)):
                self._client.close_lease(self._station, kept.id, CloseLease())
                self._journal.drop_lease(kept.id)

    def _verified(self, signed: str, keys: Mapping[str, bytes]) -> Lease:
        try:
            return leasing.verified(signed, keys, station=self._station, now_ms=self._clock.now_ms())
        except LeaseError as error:
            raise NoStart(str(error)) from error


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
