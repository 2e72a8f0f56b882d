"""A column of numbers out of a CSV file: measured values, or a series over time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from connectors.files.csv_table import read_csv
from sipe.errors import UsageError


class Values(NamedTuple):
    """The numbers in the order of the file, None where a cell is empty, and the line of each."""

    column: str
    numbers: list[float | None]
    lines: list[int]


def read_values(path: Path, column: str | None = None) -> Values:
    """The column, or the only one that there is; raises `UsageError` that names file, line, column and value."""
    table = read_csv(path)
    if column is None:
        if len(table.header) > 1:
            raise UsageError(f"{path}: it has the columns {', '.join(table.header)}: say which by --column")
        column = table.header[0]
    table.require([("--column", column)])
    numbers: list[float | None] = []
    for row in table.rows:
        try:
            number = float(row.cells[column]) if row.cells[column] else None
        except ValueError:
            raise table.error(row, column, "is no number") from None
        if number is not None and not math.isfinite(number):
            raise table.error(row, column, "is no finite number")
        numbers.append(number)
    return Values(column, numbers, [row.line for row in table.rows])
