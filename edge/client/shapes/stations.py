"""What routes about stations take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edge.client.shapes.common import Contract, Instruction, SetupSheet


class Allowance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes with every unit: never cached."""

    allowed_qty: int
    next_serial: str | None


class Bypass(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bypass that was granted."""

    id: int
    refusal: str
    until_ms: int
    uses_max: int


class Entering(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit comes: for which order, and by which setup sheet the station works."""

    order: str | None = None
    setup_digest: str | None = None


class Failing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit failed, and why."""

    reason: str


class ForOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """For an order."""

    order: str


class NewBypass(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of refusal to let pass; whoever grants it proves once more who they are."""

    refusal: str
    reason: str
    until_ms: int
    uses_max: int = 1
    serial: str | None = None
    secret: str

    def __repr__(self) -> str:
        """Says no secret."""
        return f"{type(self).__name__}(...)"


class NewLink(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something went into a unit: another unit by its serial, or material of a lot."""

    kind: Literal["material", "unit"]
    child: str
    lot: str = ""
    relation: str = "mounted"
    position: str = ""


class NewMode(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How strictly a station is ruled."""

    mode: Literal["enforce", "observe", "warn"]


class NewReading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An instruction of the step at work here that the person who sends this has read."""

    order: str
    instruction: str
    step: str | None = None


class PageOfReading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[Reading, ...]
    next: str | None = None


class PageOfSetupSheet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    items: tuple[SetupSheet, ...]
    next: str | None = None


class Reading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That somebody said they have read an instruction."""

    person: str
    instruction: Instruction
    station: str
    order: str
    step: str
    at_ms: int


class ScanEntering(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit comes, by what is on it: for which order, and by which setup sheet the station works."""

    text: str
    order: str | None = None
    setup_digest: str | None = None


class Scanned(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a line says, and what of it is known here."""

    kind: Literal["material", "order", "product", "unit", "unknown"]
    text: str
    elements: dict[str, str]
    serial: str | None = None
    order: str | None = None
    product: str | None = None
    gtin: str | None = None
    lot: str | None = None


class Scanning(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line that was scanned."""

    text: str


class StationContract(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands as long as the setup does, and what changes with every unit, person or day."""

    contract: Contract
    allowance: Allowance
    mode: Literal["enforce", "observe", "warn"]
    to_read: tuple[str, ...]
