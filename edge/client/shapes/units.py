"""What routes about units take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Link(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went into a unit: a unit by its serial, or material of a lot."""

    kind: str
    child: str
    lot: str = ""
    relation: str = "mounted"
    position: str = ""


class NewDisposal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of a unit that was stopped; whoever disposes proves once more who they are."""

    disposal: Literal["rework", "scrap", "use_as_is"]
    rework: str | None = None
    reason: str
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewStop(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit is taken off its way."""

    status: Literal["held", "quarantined", "recalled"]
    reason: str


class PageOfStoppedUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[StoppedUnit, ...]
    next: str | None = None


class Passed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that a unit was at, and by which sheet."""

    step: str
    attempt: int
    station: str
    sheet: str | None
    sheet_digest: str | None
    by: str
    entered_ms: int
    left_ms: int | None
    result: str | None
    reason: str


class Passport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about a unit."""

    serial: str
    order: str
    product: str
    routing_revision: int
    status: Literal["done", "held", "in_work", "quarantined", "recalled", "rework", "scrapped", "waiting"]
    stopped_reason: str
    steps: tuple[Passed, ...]
    contains: tuple[Link, ...]
    contained_in: tuple[str, ...]
    coverage: float
    missing: tuple[str, ...]


class StoppedUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit that passes nowhere until somebody disposes of it."""

    serial: str
    order: str
    product: str
    status: Literal["done", "held", "in_work", "quarantined", "recalled", "rework", "scrapped", "waiting"]
    reason: str
    failed_step: str | None
    rework: tuple[str, ...]
    version: int
