"""What routes about products take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edge.client.shapes.common import Instruction, Words


class Bom(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revision of a product's bill of materials; it never changes."""

    product: str
    revision: int
    components: tuple[Component, ...]


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that somebody confirms before the line starts."""

    id: str
    words: Words


class Component(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """So much of a material for one unit."""

    material: str
    qty: float
    unit: str = "pcs"
    position: str = ""
    traced: bool = False


class NewProduct(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A product."""

    id: str
    display: str
    gtin: str | None = None


class NewRange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A serial range: numbers first to last behind a prefix."""

    id: str
    prefix: str
    digits: int
    first: int
    last: int
    check: Literal["mod10", "mod11", "none"] = "none"


class Operation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step, or alternatives of which one is done."""

    steps: tuple[Step, ...]


class Revised(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was published, and in which revision."""

    product: str
    revision: int


class Rework(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Repair off the line; a unit that passes it goes back to an operation, by the name of one of its steps."""

    name: str
    stations: tuple[str, ...]
    returns_to: str
    attempts_max: int = 3


class Routing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A revision of a product's routing; it never changes."""

    product: str
    revision: int
    operations: tuple[Operation, ...]
    rework: tuple[Rework, ...] = ()


class SerialRange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Numbers first to last, written with `digits` digits behind a prefix, and a check digit if there is one."""

    id: str
    prefix: str
    digits: int
    first: int
    last: int
    next: int
    check: Literal["mod10", "mod11", "none"] = "none"
    version: int = 1


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work on a unit at one of some stations."""

    name: str
    stations: tuple[str, ...]
    template: str | None = None
    attempts_max: int = 3
    rework: str | None = None
    checks: tuple[Check, ...] = ()
    instructions: tuple[Instruction, ...] = ()
