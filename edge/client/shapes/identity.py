"""What routes about identity take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edge.client.shapes.common import HeldRole


class Enrolling(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An enrolment code."""

    code: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class Granted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An access token for `Authorization: Bearer`, and the refresh token for the next one (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = 600
    refresh_token: str
    refresh_until_ms: int

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class Me(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who the token says one is."""

    identity: str
    kind: Literal["device", "person"]
    station: str | None
    pseudonym: str | None
    roles: tuple[HeldRole, ...]


class OwnPassword(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new password, and the secret that one has signed in with."""

    secret: str
    password: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class OwnPin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new PIN, and the secret that one has signed in with."""

    secret: str
    pin: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class Refreshing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refresh token."""

    refresh_token: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class SigningIn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A name, a badge or both, with the secret that belongs to it."""

    person: str | None = None
    badge: str | None = None
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"
