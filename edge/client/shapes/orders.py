"""What routes about orders take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Adopted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit that was under way before."""

    serial: str
    next_step: str


class Count(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many."""

    count: int = 1


class DoneStep(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that a unit has passed elsewhere: when, and at which station where that is known."""

    step: str
    at_ms: int
    station: str | None = None


class NewOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A production order; units are pieces."""

    number: str
    product: str
    routing_revision: int
    planned_qty: int
    over_qty: int = 0
    line: str
    serial_range: str
    customer: str = ""
    priority: int = 0
    due_ms: int | None = None


class NewSetup(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a sheet is put to work."""

    order: str
    station: str
    step: str


class NewTick(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item that was done: what was scanned, and until when its calibration holds."""

    item: str
    seen: str = ""
    valid_until_ms: int | None = None


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order as it stands; quantities are units."""

    number: str
    product: str
    routing_revision: int
    planned_qty: int
    line: str
    serial_range: str
    over_qty: int = 0
    customer: str = ""
    priority: int = 0
    due_ms: int | None = None
    status: Literal["cancelled", "closed", "completed", "draft", "held", "released", "running"] = "draft"
    begun_qty: int = 0
    good_qty: int = 0
    scrap_qty: int = 0
    version: int = 1


class OrderAction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is done with an order, and why."""

    action: Literal["cancel", "close", "complete", "hold", "release", "reopen", "resume"]
    reason: str = ""


class PageOfOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Order, ...]
    next: str | None = None


class PageOfTakenOver(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[TakenOver, ...]
    next: str | None = None


class Serials(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Serials that were given just now."""

    serials: tuple[str, ...]


class TakenOver(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit that was taken over now, or that was before, just so."""

    serial: str
    outcome: Literal["known", "taken"]
    next_place: int


class Wip(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that were under way before this system was."""

    units: tuple[WipUnit, ...]


class WipUnit(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit under way, and what it has behind it, in order."""

    serial: str
    done: tuple[DoneStep, ...] = ()
