"""What routes about people take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from msgspec import Struct

from edge.client.shapes.common import HeldRole


class ChangedPerson(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be otherwise; what is left out stays."""

    roles: tuple[GivenRole, ...] | None = None
    active: bool | None = None
    reason: str = ""


class Forgetting(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why, and the administrator's own password or PIN."""

    reason: str
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class GivenRole(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role, on one line or, without one, on all of them."""

    name: str
    line: str | None = None


class NewBadge(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A badge."""

    badge: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewDelegation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who decides in one's place, and when."""

    to: str
    from_ms: int
    until_ms: int
    reason: str = ""


class NewPerson(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody new. The id is a number of the staff register, as it can never be forgotten."""

    id: str
    display: str
    roles: tuple[GivenRole, ...] = ()


class NewSecret(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A password or a PIN."""

    value: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class PageOfPersonNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[PersonNow, ...]
    next: str | None = None


class PersonNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person."""

    id: str
    display: str
    active: bool
    roles: tuple[HeldRole, ...]
    version: int
