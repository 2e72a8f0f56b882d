"""The file that a customer gets with a lot: a line for each unit, its columns declared as data; as CSV and as JSON.

Source: RFC 4180, with CRLF after each line. A spreadsheet takes text that begins like a formula for one, so such text
begins with an apostrophe here; numbers are written by us, and stay numbers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from models.release.gate import newest_records
from models.release.lot import LoadPoint, Lot, Record, References, Unit

Missing = Literal["no_point", "no_record", "no_certificate", "no_seal", "not_a_number"]

Cell = str | int | float
"""What a file says in one place; an error is rounded to the decimals of its column."""

_FORMULA = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}", "\t", "\r", "\n")  # fmt: skip


class NotDelivered(Exception):
    """A file that would have a hole in it, with the reason in one word and in a sentence."""

    def __init__(self, reason: Missing, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Column(NamedTuple):
    """A column: `point` belongs to all that is measured, `place` to a seal."""

    header: str
    value: Literal[
        "lot", "serial", "seal", "error_pct", "bench", "position", "standard", "certificate", "measured_at"
    ]  # fmt: skip
    point: LoadPoint | None = None
    place: str = ""
    decimals: int = 3


def delivery_lines(
    lot: Lot,
    columns: Iterable[Column],
    records: Iterable[Record] = (),
    references: References | None = None,
) -> str:
    """The file as CSV, its units sorted by serial; raises `NotDelivered`."""
    columns = tuple(columns)
    lines = [[_text(column.header) for column in columns]]
    for cells in delivery_cells(lot, columns, records, references):
        lines.append([_shown(cell, column) for cell, column in zip(cells, columns, strict=True)])
    return "".join(",".join(_quoted(cell) for cell in line) + "\r\n" for line in lines)


def delivery_cells(
    lot: Lot,
    columns: Iterable[Column],
    records: Iterable[Record] = (),
    references: References | None = None,
) -> list[list[Cell]]:
    """What the file says, a list of cells for each unit, sorted by serial; raises `NotDelivered`."""
    known = references or References((), ())
    columns, newest = tuple(columns), newest_records(records)
    units = sorted(lot.units, key=lambda one: one.serial)
    return [[_cell(lot, unit, column, newest, known) for column in columns] for unit in units]


def digest(text: str) -> str:
    """SHA-256 of the file as it is sent, in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _cell(
    lot: Lot,
    unit: Unit,
    column: Column,
    newest: Mapping[tuple[str, LoadPoint], Record],
    references: References,
) -> Cell:
    match column.value:
        case "lot":
            return lot.id
        case "serial":
            return unit.serial
        case "seal":
            return _seal(unit, column.place)
        case _:
            return _measured(_record(unit, column, newest), column, references)


def _measured(record: Record, column: Column, references: References) -> Cell:
    match column.value:
        case "error_pct":
            if not math.isfinite(record.error_pct):
                raise NotDelivered("not_a_number", f"the error of {record.serial} at {record.point.name} is no number")
            return round(record.error_pct, column.decimals) + 0.0  # and no minus nought
        case "position":
            return record.position
        case "bench":
            return record.bench
        case "standard":
            return record.standard
        case "certificate":
            return _certificate(record, references)
        case _:
            return datetime.fromtimestamp(record.at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _record(unit: Unit, column: Column, newest: Mapping[tuple[str, LoadPoint], Record]) -> Record:
    if column.point is None:
        raise NotDelivered("no_point", f"column {column.header!r} names no load point")
    if (record := newest.get((unit.serial, column.point))) is None:
        raise NotDelivered("no_record", f"{unit.serial} is not measured at {column.point.name}")
    return record


def _certificate(record: Record, references: References) -> str:
    for one in sorted(references.standards):
        if one.id == record.standard and one.valid_from_ms <= record.at_ms < one.valid_until_ms:
            return one.certificate
    raise NotDelivered("no_certificate", f"standard {record.standard} had none when {record.serial} was measured")


def _seal(unit: Unit, place: str) -> str:
    numbers = sorted(seal.number for seal in unit.seals if seal.place == place and seal.number.strip())
    if not numbers:
        raise NotDelivered("no_seal", f"{unit.serial} has no seal in place {place!r}")
    return " ".join(numbers)


def _shown(cell: Cell, column: Column) -> str:
    match cell:
        case str():
            return _text(cell)
        case float():
            return f"{cell:z.{column.decimals}f}"
        case _:
            return str(cell)


def _text(text: str) -> str:
    """Text that no spreadsheet computes; some look for the formula behind blanks, too."""
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(char in cell for char in ',"\r\n') else cell
