"""What routes about leases take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edge.client.shapes.common import Contract


class CloseLease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lease is not used any more; somebody else than its device says why."""

    reason: str = ""


class Closed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lease that has ended, and what became of the serials that were not reported as used."""

    id: str
    given_back: tuple[str, ...]
    void: tuple[str, ...] = ()


class Lease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a device may do at its station for an order, and until when."""

    id: str
    station: str
    device: str
    contract: Contract
    serials: tuple[str, ...]
    begins: bool
    qty: int
    issued_ms: int
    expires_ms: int


class NewLease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a station wants to be able to do without a connection: for how many units, and how long."""

    order: str
    step: str | None = None
    qty: int
    lasts_ms: int = 1800000


class PageOfReported(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Reported, ...]
    next: str | None = None


class PublicKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key that signatures of this service are checked with (RFC 8037)."""

    kid: str
    x: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"


class PublicKeys(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A set of keys (RFC 7517)."""

    keys: tuple[PublicKey, ...]


class Reported(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a visit: taken, taken and the unit held at once, known from before, or refused."""

    serial: str
    entered_ms: int
    outcome: Literal["held", "known", "refused", "taken"]
    refusal: str | None = None
    detail: str = ""


class SignedLease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A lease, and the same signed: what the station keeps, and checks by the keys of `/v1/keys`."""

    lease: Lease
    signed: str


class Use(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done under a lease."""

    visits: tuple[Visit, ...]


class Visit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That a unit was worked on: from when to when, and what came of it."""

    serial: str
    entered_ms: int
    left_ms: int
    result: Literal["failed", "passed"]
    reason: str = ""
