"""Offline leases: what a station may go on doing while nobody answers, signed, for so long and so many units.

    lease ─▶ used, unit by unit, without a connection ─▶ reported ─▶ closed: what was not used is given back

A lease names its serials one by one, so what is built under it can be nothing else. Whoever holds it checks it by the
public keys alone; whoever signed it checks the same again when its use is reported. Standard: RFC 7515 (JWS), 8037.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta

from models.production.contract import Contract
from models.production.serials import check_serial
from models.refusal import Refused, need_reason
from sipe.contracts.fields import Station, Text, TimeMs

LASTS_MS = 30 * 60_000
LASTS_MS_MAX = 8 * 3_600_000
"""A shift: so long can a revocation be behind at a station that nobody reaches."""
QTY_MAX = 500
SKEW_MS = 5_000
"""So far may the clock of a station be off from that of the service."""
CHARS_MAX = 2_000_000

LeaseId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
Qty = Annotated[int, Meta(ge=1, le=QTY_MAX)]
LastsMs = Annotated[int, Meta(ge=60_000, le=LASTS_MS_MAX, description="Milliseconds.")]


class Lease(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device may do at its station for an order, and until when."""

    id: LeaseId
    station: Station
    device: str
    contract: Contract
    serials: list[str]
    """The only ones that may be worked on."""
    begins: bool
    """Whether the serials are new ones, given to this lease alone; else they are of units that may come."""
    qty: int
    """How many units may be worked on."""
    issued_ms: int
    expires_ms: int
    """No unit enters any more; one that is in work may be finished."""


class Visit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a unit was worked on: from when to when, and what came of it."""

    serial: Annotated[str, Meta(min_length=1, max_length=64)]
    entered_ms: TimeMs
    left_ms: TimeMs
    result: Literal["passed", "failed"]
    reason: Text = ""
    """Why it failed."""


class LeaseError(ValueError):
    """A text that is no lease for this station now, and why."""


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kid: str
    alg: Literal["EdDSA"] = "EdDSA"
    typ: Literal["sipe-lease"] = "sipe-lease"


def signed(lease: Lease, key_id: str, sign: Callable[[bytes], bytes]) -> str:
    """The lease as it is handed out; `verified` reads it."""
    told = f"{_encoded(_Header(key_id))}.{_encoded(lease)}"
    return f"{told}.{_text(sign(told.encode()))}"


def verified(text: str, keys: Mapping[str, bytes], *, station: str, now_ms: int) -> Lease:
    """The lease, when one of these public keys has signed it for this station; raises `LeaseError`.

    `keys` are the 32 bytes of Ed25519 keys, by the names that `/v1/keys` gives them. No connection is needed.
    """
    if len(text) > CHARS_MAX or text.count(".") != 2:
        raise LeaseError("this is no lease")
    told, _, signature = text.rpartition(".")
    header, _, payload = told.partition(".")
    try:
        key_id = msgspec.json.decode(_bytes(header), type=_Header).kid
        if (key := keys.get(key_id)) is None:
            raise LeaseError("the lease is signed by no key that is known here")
        Ed25519PublicKey.from_public_bytes(key).verify(_bytes(signature), told.encode())
        lease = msgspec.json.decode(_bytes(payload), type=Lease)
    except InvalidSignature:
        raise LeaseError("the lease was changed after it was signed") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise LeaseError("this is no lease") from None
    if lease.station != station:
        raise LeaseError(f"the lease is for {lease.station}")
    if now_ms >= lease.expires_ms:
        raise LeaseError("the lease is over")
    if now_ms < lease.issued_ms - SKEW_MS:
        raise LeaseError("the lease begins later: set the clock")
    return lease


def check_may_enter(lease: Lease, serial: str, used: Collection[str], at_ms: int) -> None:
    """Raise `Refused` unless a unit may enter under a lease at a time; `used` are the serials that have before."""
    check_serial(serial)
    if serial not in lease.serials:
        raise Refused("foreign_serial", f"{serial} is none of the units of this lease")
    if not lease.issued_ms - SKEW_MS <= at_ms < lease.expires_ms:
        raise Refused("lease_over", f"{serial} entered when the lease was not running")
    if serial not in used and len(set(used)) >= lease.qty:
        raise Refused("over_quantity", f"the lease is for {lease.qty} units, and all of them were begun")


def check_visit(lease: Lease, visit: Visit, used: Collection[str], now_ms: int) -> None:
    """Raise `Refused` unless a visit that is reported can have been one under the lease."""
    check_may_enter(lease, visit.serial, used, visit.entered_ms)
    if not visit.entered_ms <= visit.left_ms <= now_ms + SKEW_MS:
        raise Refused("times", f"{visit.serial} left before it entered, or will leave later")
    if visit.result == "failed":
        need_reason(visit.reason, "a failure")


def _encoded(value: object) -> str:
    return _text(msgspec.json.encode(value))


def _text(given: bytes) -> str:
    return urlsafe_b64encode(given).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise LeaseError("this is no lease") from None
