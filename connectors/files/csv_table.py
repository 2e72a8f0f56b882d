"""Strict reading of CSV files: what cannot be read for certain is an error that names its place."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sipe.errors import UsageError

_SHOWN_CHARS = 60


class Row(NamedTuple):
    """The cells of one row by column name, and the line of the file on which the row begins."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class CsvTable:
    """A CSV file as read: every row has every column; cells are valid Unicode, without blanks around them."""

    path: Path
    sha256: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    def error(self, row: Row, column: str, why: str) -> UsageError:
        """The error to raise about one cell: file, line, column, value, and `why`, which ends the sentence."""
        return UsageError(f"{_place(self.path, row.line, column)}: {_shown(row.cells[column])} {why}")

    def require(self, columns: Iterable[tuple[str, str]]) -> None:
        """Raise `UsageError` when a column is not there; each comes after the name of who asks for it."""
        for asked_by, column in columns:
            if column not in self.header:
                have = _shown(", ".join(self.header))
                raise UsageError(f"{_place(self.path, 1, column)}: no such column (asked by {asked_by}); it has {have}")


def read_csv(path: Path, *, delimiter: str = ",") -> CsvTable:
    """The whole file, its first line as the header; blank lines hold no row. Raises `UsageError`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot read the file: {error.strerror}") from error
    # A byte that is not UTF-8 becomes a lone surrogate, so that the error can name the cell that holds it.
    text = raw.removeprefix(codecs.BOM_UTF8).decode(errors="surrogateescape")
    records = _records(path, text, delimiter)
    _, header = next(records, (1, []))
    if not header:
        raise UsageError(f"{path} line 1: no header; the first line has to name the columns")
    column, count = Counter(header).most_common(1)[0]
    if count > 1:
        raise UsageError(f"{_place(path, 1, column)}: the header names this column {count} times")
    rows = tuple(Row(line, _cells(path, line, header, record)) for line, record in records if record)
    return CsvTable(path=path, sha256=hashlib.sha256(raw).hexdigest(), header=tuple(header), rows=rows)


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins; a quoted cell may span lines."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    line = 1
    try:
        for record in reader:
            cells = [cell.strip() for cell in record]
            header = header or cells
            _check_unicode(path, line, header, cells)
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        place = f"{path} line {line}"
        if "unexpected end" in str(error):
            # Read leniently, the row ends with the cell whose quote is open.
            cells = next(csv.reader(lines[line - 1 :], delimiter=delimiter))
            place = _place(path, line, _column(header, len(cells) - 1))
        raise UsageError(f"{place}: broken CSV: {error}; is a quote left open or doubled?") from error


def _check_unicode(path: Path, line: int, header: list[str], cells: list[str]) -> None:
    for index, cell in enumerate(cells):
        if not cell.isascii() and any("\ud800" <= char <= "\udfff" for char in cell):
            raise UsageError(f"{_place(path, line, _column(header, index))}: {_shown(cell)} is not UTF-8")


def _cells(path: Path, line: int, header: list[str], record: list[str]) -> dict[str, str]:
    """The record by column name."""
    if len(record) != len(header):
        place = _place(path, line, _column(header, min(len(record), len(header))))
        what = "missing" if len(record) < len(header) else f"{_shown(record[len(header)])} is too many"
        raise UsageError(f"{place}: {what}; the row has {len(record)} fields, the header {len(header)}")
    return dict(zip(header, record, strict=True))


def _column(header: list[str], index: int) -> str | int:
    """What to call a column in an error: its name, or its number where the header has none."""
    return header[index] if index < len(header) and header[index].isprintable() else index + 1


def _place(path: Path, line: int, column: str | int) -> str:
    return f"{path} line {line}, column {column!r}"


def _shown(value: str) -> str:
    return repr(value if len(value) <= _SHOWN_CHARS else value[:_SHOWN_CHARS] + "...")
