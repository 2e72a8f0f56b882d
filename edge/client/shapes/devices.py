"""What routes about devices take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from msgspec import Struct


class DeviceNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device; revoked, it may do nothing any more."""

    id: str
    station: str
    enrolled_ms: int
    revoked_ms: int | None


class ForStation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The station that a device is for."""

    station: str


class OfferedCode(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A code, shown this once: it enrols one device, within a quarter of an hour."""

    code: str
    station: str
    until_ms: int

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class PageOfDeviceNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[DeviceNow, ...]
    next: str | None = None


class Revoking(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why."""

    reason: str
