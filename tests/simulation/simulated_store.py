"""Tables in memory that replace by key and version as ReplacingMergeTree does, behind the driver's one method.

The writer in front of them is the real one, with its retries and its order of tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from buggify import Buggify
from clickhouse_driver import errors as driver_errors

from sipe.clock import ManualClock
from sipe.contracts.tables import TABLES, Table

DOWN_MS = 400_000
"""Longer than the writer is patient."""

Row = tuple[Any, ...]
_INTO = re.compile(r"INSERT INTO (\w+) ")
_BY_NAME = {table.name: table for table in TABLES}


class Killed(BaseException):
    """The flow dies here, in the middle of a write."""


class Store:
    """Takes inserts as the driver does, and loses answers."""

    def __init__(self, clock: ManualClock, buggify: Buggify) -> None:
        self._tables: dict[str, dict[Row, Row]] = {table.name: {} for table in TABLES}
        self._clock = clock
        self._buggify = buggify
        self._down_until_ms = 0
        self.inserted = 0
        """How many rows came in, repeated ones included."""

    def execute(self, query: str, arrays: list[Any], *, columnar: bool, settings: Mapping[str, int]) -> None:
        """Insert the columns into the table that the query names."""
        del columnar, settings
        named = _INTO.match(query)
        assert named is not None, query
        rows = list(zip(*(array.tolist() for array in arrays), strict=True))
        if self._buggify("store down"):
            self._down_until_ms = self._clock.now_ms() + DOWN_MS
        if self._clock.now_ms() < self._down_until_ms:
            raise driver_errors.NetworkError("refused")
        if self._buggify("flow killed while writing"):
            self._insert(_BY_NAME[named[1]], rows[: len(rows) // 2])
            raise Killed
        if self._buggify("half an insert"):
            self._insert(_BY_NAME[named[1]], rows[::2])
            raise driver_errors.SocketTimeoutError
        self._insert(_BY_NAME[named[1]], rows)
        if self._buggify("store's answer lost"):
            raise EOFError("Unexpected EOF while reading bytes")

    def disconnect(self) -> None:
        """Nothing is open."""

    def final(self, table: Table) -> dict[Row, Row]:
        """The rows of a table by key, merged."""
        rows = self._tables[table.name]
        if "is_deleted" not in table.column_names:
            return rows
        deleted = table.column_names.index("is_deleted")
        return {key: row for key, row in rows.items() if not row[deleted]}

    def _insert(self, table: Table, rows: list[Row]) -> None:
        names = table.column_names
        key_columns = [names.index(name) for name in table.key]
        version = names.index("version") if "version" in names else None
        held = self._tables[table.name]
        self.inserted += len(rows)
        for row in rows:
            key = tuple(row[i] for i in key_columns)
            known = held.get(key)
            if known is not None and (version is None or known[version] == row[version]):
                assert known == row, f"{table.name}: the log gave {known}, and now {row}"
            if known is None or version is None or row[version] >= known[version]:
                held[key] = row
