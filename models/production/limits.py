"""What a station measures and what it may find: limits, as the approved sheet declares them.

A field or column of a template says that it limits. A row of a table with such columns is a test, and so is a field
that stands alone. Where the sheet names a share, the line rejects at this share of each limit to either side: what
leaves the factory has room to age.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from models.sheets.fields import Cell, Field, Number, Table, Text


class Limit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a measured value may be: from `low` to `high`, or just `equal`."""

    id: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    equal: str | None = None


class Measurement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to be measured; under which conditions says the row of its table, which has the test's id as key."""

    id: str
    table: str | None = None
    limits: list[Limit]


def measurements_of(asked: Iterable[Field], values: Mapping[str, Any]) -> list[Measurement]:
    """The tests of a sheet, in its order; of the fields that are asked for, and with defaults filled in."""
    fields = [field for field in asked if field.id in values]
    share = next((values[field.id] / 100 for field in fields if _limits(field) == "share"), 1.0)
    return [test for field in fields for test in _of_field(field, values[field.id], share)]


def _of_field(field: Field, value: Any, share: float) -> Iterator[Measurement]:
    if isinstance(field, Table):
        columns = [column for column in field.columns if _limits(column)]
        for row in value:
            if limits := [_limit(column, row[column.id], share) for column in columns if column.id in row]:
                yield Measurement(id=str(row[field.key]), table=field.id, limits=limits)
    elif _limits(field) not in {None, "share"}:
        yield Measurement(id=field.id, limits=[_limit(field, value, 1.0)])


def _limit(field: Field | Cell, value: Any, share: float) -> Limit:
    unit = field.unit if isinstance(field, Number) else None
    match _limits(field):
        case "low":
            return Limit(id=field.id, unit=unit, low=value)
        case "high":
            return Limit(id=field.id, unit=unit, high=value)
        case "either_side":
            within = round(value * share, 9)  # the decimals of a sheet, not those of the multiplication
            return Limit(id=field.id, unit=unit, low=-within, high=within)
        case _:
            return Limit(id=field.id, equal=value)


def _limits(field: Field | Cell) -> str | None:
    return field.limits if isinstance(field, Number | Text) else None
