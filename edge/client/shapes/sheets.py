"""What routes about sheets take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from edge.client.shapes.common import Sheet


class Because(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why."""

    reason: str


class Difference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that another revision says differently."""

    path: str
    before: Any
    after: Any


class NewDecision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision, at the level that was seen open; whoever decides proves once more who they are."""

    kind: Literal["approve", "reject", "return", "withdraw"]
    level: str
    reason: str = ""
    principal: str | None = None
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sheet to be begun: what it is about, and what is filled in so far."""

    number: str
    template: str
    product: str
    step: str
    values: dict[str, Any] = {}


class PageOfDifference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Difference, ...]
    next: str | None = None


class PageOfSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Sheet, ...]
    next: str | None = None


class PageOfSignature(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Signature, ...]
    next: str | None = None


class RevokedSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sheet that is not in force any more."""

    number: str
    revision: int
    product: str
    step: str
    template: str
    template_version: int
    status: Literal[
        "approved", "draft", "no_consensus", "obsolete", "rejected", "returned", "revoked", "submitted", "withdrawn"
    ]
    author: str
    values: dict[str, Any]
    digest: str | None
    round: int
    level: str | None
    may_decide: tuple[str, ...]
    version: int
    created_ms: int
    changed_ms: int
    leases_until_ms: int | None


class Signature(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision as it was signed: by whom, when, about which content, and what the signature says."""

    round: int
    level: str
    kind: str
    person: str
    principal: str | None
    meaning: str
    reason: str
    digest: str
    at_ms: int


class Values(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is filled in."""

    values: dict[str, Any]
