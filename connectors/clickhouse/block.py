"""A batch of rows for one table, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sipe.contracts.tables import Table

Values = Sequence[Any] | NDArray[Any]

_INTEGERS: dict[str, type[np.integer[Any]]] = {
    "UInt8": np.uint8,
    "UInt16": np.uint16,
    "UInt32": np.uint32,
    "UInt64": np.uint64,
    "Int64": np.int64,
    "DateTime('UTC')": np.uint32,  # Unix seconds
    "DateTime64(3, 'UTC')": np.int64,  # Unix milliseconds
    "Date": np.uint16,  # days since 1970-01-01
}
_TEXTS = frozenset({"String", "LowCardinality(String)"})


@dataclass(frozen=True, eq=False)
class Block:
    """Columns of equal length, one for each column of the table, as the numpy arrays that the driver sends fastest.

    Times are whole numbers: Unix seconds in DateTime, Unix milliseconds in DateTime64, days since 1970 in Date. Texts
    are `str`, or `bytes` where the column holds any bytes. Raises `ValueError` that names the table and the column on a
    missing or unknown column, another length, or a number that the column's type does not hold: the driver would
    wrap it round without a word.
    """

    table: Table
    columns: Mapping[str, Values]

    def __post_init__(self) -> None:
        unknown = self.columns.keys() - set(self.table.column_names)
        missing = set(self.table.column_names) - self.columns.keys()
        if unknown or missing:
            raise ValueError(f"{self.table.name}: missing columns {sorted(missing)}, unknown columns {sorted(unknown)}")
        arrays = {
            column.name: _array(self.columns[column.name], column.type, f"{self.table.name}.{column.name}")
            for column in self.table.columns
        }
        lengths = {len(array) for array in arrays.values()}
        if len(lengths) != 1:
            raise ValueError(f"{self.table.name}: columns of different lengths {sorted(lengths)}")
        object.__setattr__(self, "columns", arrays)

    @classmethod
    def of_rows(cls, table: Table, rows: Iterable[Mapping[str, Any]]) -> Block:
        """A block from a row per mapping; raises as the constructor does, and `KeyError` on a missing value."""
        rows = tuple(rows)
        return cls(table, {name: [row[name] for row in rows] for name in table.column_names})

    @classmethod
    def of_tuples(cls, table: Table, rows: Sequence[tuple[Any, ...]]) -> Block:
        """A block from at least one row of values in the table's order; raises as the constructor does."""
        return cls(table, dict(zip(table.column_names, zip(*rows, strict=True), strict=True)))

    @classmethod
    def concatenated(cls, blocks: Sequence[Block]) -> Block:
        """The rows of several blocks of one table, in their order."""
        if len(blocks) == 1:
            return blocks[0]
        table = blocks[0].table
        return cls(
            table, {name: np.concatenate([block.columns[name] for block in blocks]) for name in table.column_names}
        )

    def __len__(self) -> int:
        return len(self.columns[self.table.column_names[0]])

    def chunks(self, rows: int) -> Iterator[list[NDArray[Any]]]:
        """The arrays in the table's order, at most so many rows at a time."""
        arrays = [np.asarray(self.columns[name]) for name in self.table.column_names]
        for start in range(0, len(self), rows):
            yield [array[start : start + rows] for array in arrays]


def _array(values: Values, type_: str, name: str) -> NDArray[Any]:
    if type_ in _TEXTS:
        return np.asarray(values, dtype=object)
    wanted = np.dtype(_INTEGERS[type_])
    try:
        array = np.asarray(values, dtype=None if len(values) else wanted)
        if array.dtype == wanted:
            return array
        if array.dtype.kind not in "iub":
            raise ValueError(f"whole numbers expected, not {array.dtype}")
        limits = np.iinfo(wanted)
        low, high = int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            raise ValueError(f"{low} to {high} does not fit")
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"{name} {type_}: {error}") from error
    return array.astype(wanted)
