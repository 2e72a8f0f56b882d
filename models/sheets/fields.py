"""Fields of a template: what may be filled in, in which unit and within which limits, and when it is asked for."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sipe.contracts.fields import Sha256

FieldId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}$(?!\n)", description="Name of a field; units last.")]
Line = Annotated[str, Meta(min_length=1, max_length=500, description="One line for people.")]
Unit = Annotated[str, Meta(min_length=1, max_length=12, description="Unit as printed, such as °C, V or N·m.")]

Scalar = str | int | float
"""What a condition compares with."""

ReferenceTo = Literal["product", "component", "fixture", "program", "equipment", "document", "label", "standard"]


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same words in English and in Portuguese."""

    en: Line
    pt: Line


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for a field only when an earlier one of the same sheet has one of some values."""

    field: FieldId
    values: Annotated[tuple[Scalar, ...], Meta(min_length=1, max_length=50)]


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the values of a choice, and what people read for it."""

    value: Annotated[str, Meta(min_length=1, max_length=64)]
    label: Words


class _Field(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    id: FieldId
    label: Words
    help: Words
    required: bool = True
    when: Condition | None = None
    protocol: bool = False
    """Whether it says how a station speaks with what it works on."""


class Text(_Field, frozen=True, kw_only=True, tag="text"):
    """One line of text; a pattern has to match the whole of it."""

    default: str | None = None
    chars_max: Annotated[int, Meta(ge=1, le=2_000)] = 200
    pattern: str | None = None
    limits: Literal["equal"] | None = None
    """Whether a test has to find just this."""


class Number(_Field, frozen=True, kw_only=True, tag="number"):
    """A number in a unit, within [low, high], with so many decimals at most."""

    unit: Unit
    low: float
    high: float
    decimals: Annotated[int, Meta(ge=0, le=9)] = 3
    default: int | float | None = None
    limits: Literal["low", "high", "either_side", "share"] | None = None
    """How it limits what a test may measure; `share` is the percentage of the others at which a line rejects."""


class Choice(_Field, frozen=True, kw_only=True, tag="choice"):
    """One of some values."""

    options: Annotated[tuple[Option, ...], Meta(min_length=2, max_length=100)]
    default: str | None = None


class File(_Field, frozen=True, kw_only=True, tag="file"):
    """A file, known by its digest; what is in it lies elsewhere."""

    media: Annotated[tuple[str, ...], Meta(min_length=1, max_length=20)]
    bytes_max: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 50_000_000


class Reference(_Field, frozen=True, kw_only=True, tag="reference"):
    """The number of something that is kept elsewhere."""

    to: ReferenceTo
    default: str | None = None


Cell = Text | Number | Choice | Reference
"""What a column of a table may be."""


class Table(_Field, frozen=True, kw_only=True, tag="table"):
    """Rows of cells. The cells of the key column differ, and rows are told apart by them."""

    columns: Annotated[tuple[Cell, ...], Meta(min_length=2, max_length=20)]
    key: FieldId
    rows_min: Annotated[int, Meta(ge=0, le=1_000)] = 1
    rows_max: Annotated[int, Meta(ge=1, le=1_000)] = 100


Field = Text | Number | Choice | File | Reference | Table


FILE_NAME_PATTERN = r"^[^\x00-\x1f\x7f/\\]{1,200}$(?!\n)"


class FileDigest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value of a file field."""

    name: Annotated[str, Meta(pattern=FILE_NAME_PATTERN)]
    media: Annotated[str, Meta(max_length=100)]
    size_bytes: Annotated[int, Meta(ge=1, le=1_000_000_000)]
    sha256: Sha256
