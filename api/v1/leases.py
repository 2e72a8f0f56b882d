"""Offline leases: a station takes one while it is connected, and says afterwards what it was used for."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import Meta

from api.http.route import Answer, Page, Read, Routes, Write
from api.v1.shapes import DocumentName, Reason
from connectors.sql import lease_visits, leases
from connectors.sql.lease_visits import Reported
from connectors.sql.leases import Asked, Closed
from models.production.lease import LASTS_MS, QTY_MAX, LastsMs, Lease, LeaseId, Qty, Visit, signed
from models.production.routing import StepName
from sipe.contracts.fields import Station

routes = Routes("leases")


class NewLease(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a station wants to be able to do without a connection: for how many units, and how long."""

    order: DocumentName
    step: StepName | None = None
    qty: Qty
    lasts_ms: LastsMs = LASTS_MS


class SignedLease(msgspec.Struct, frozen=True, kw_only=True):
    """A lease, and the same signed: what the station keeps, and checks by the keys of `/v1/keys`."""

    lease: Lease
    signed: Annotated[str, Meta(description="JWS in compact form, Ed25519.")]


class Use(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done under a lease."""

    visits: Annotated[list[Visit], Meta(min_length=1, max_length=QTY_MAX)]


class CloseLease(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lease is not used any more; somebody else than its device says why."""

    reason: Reason = ""


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signatures of this service are checked with (RFC 8037)."""

    kid: str
    x: Annotated[str, Meta(description="Its 32 bytes, base64url.")]
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"


class PublicKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A set of keys (RFC 7517)."""

    keys: list[PublicKey]


@routes.read("/v1/keys", scope=None, answer=PublicKeys)
def public_keys(call: Read) -> PublicKeys:
    """The public keys that sign now, or did before the last rotation."""
    return PublicKeys(
        keys=[
            PublicKey(kid=key.id, x=urlsafe_b64encode(key.public.public_bytes_raw()).decode().rstrip("="))
            for key in call.services.keys.live
        ]
    )


@routes.write(
    "POST",
    "/v1/stations/{station}/leases",
    scope="leases:take",
    body=NewLease,
    answer=SignedLease,
    status=HTTPStatus.CREATED,
)
def take_lease(call: Write, station: Station) -> Answer:
    """Take a lease: contract, serials and quantity for a time without a connection."""
    new: NewLease = call.body
    lease = leases.take(call.work, station, Asked(new.order, new.step, new.qty, new.lasts_ms))
    key = call.services.keys.newest
    value = SignedLease(lease=lease, signed=signed(lease, key.id, key.private.sign))
    return Answer(value=value, status=HTTPStatus.CREATED)


@routes.write(
    "POST", "/v1/stations/{station}/leases/{lease_id}/use", scope="leases:take", body=Use, answer=Page[Reported]
)
def report_use(call: Write, station: Station, lease_id: LeaseId) -> Page[Reported]:
    """Say what was done under a lease, in any order and as often as needed; each visit counts once."""
    return Page(items=lease_visits.report(call.work, station, lease_id, call.body.visits))


@routes.write(
    "POST", "/v1/stations/{station}/leases/{lease_id}/close", scope="leases:close", body=CloseLease, answer=Closed
)
def close_lease(call: Write, station: Station, lease_id: LeaseId) -> Closed:
    """End a lease and give back what was not used; of a lost station a supervisor does, and they are void."""
    return leases.close(call.work, station, lease_id, call.body.reason)
