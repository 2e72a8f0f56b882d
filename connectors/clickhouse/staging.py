"""Staging: rows that wait beside their tables and become visible all at once, a month of a table at a time."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.clickhouse.client import Warehouse
from sipe.contracts.tables import MINUTE_FACTS, MINUTE_FACTS_HISTORY, STOPS, Table
from sipe.errors import SipeError

SUFFIX = "_staging"
STAGED: tuple[Table, ...] = (MINUTE_FACTS_HISTORY, STOPS, MINUTE_FACTS)
"""In the order in which they become visible: once the facts say something else, the history knows it already."""

_PARTITIONS = """
SELECT DISTINCT partition_id FROM system.parts
WHERE database = currentDatabase() AND table = %(table)s AND active ORDER BY partition_id
"""


class Staging:
    """Tables of the same shape that nobody reads. One run at a time works with them."""

    def __init__(self, store: Warehouse) -> None:
        self._store = store

    def prepare(self) -> None:
        """Create them empty; what a killed run has left is dropped."""
        self.drop()
        for table in STAGED:
            self._store.run(f"CREATE TABLE {table.name}{SUFFIX} AS {table.name}")

    def drop(self) -> None:
        """Drop them, if they are there."""
        for table in STAGED:
            self._store.run(f"DROP TABLE IF EXISTS {table.name}{SUFFIX}")

    def swap(self, rows: Mapping[str, int]) -> None:
        """Make the staged rows visible; `rows` says how many of each table there have to be.

        Each ATTACH PARTITION is atomic. Raises `SipeError` when another run has touched the tables before or meanwhile:
        what it has attached is right, but it may not be all.
        """
        self._check(rows)
        for table in STAGED:
            staged = f"{table.name}{SUFFIX}"
            for (partition,) in self._store.tuples(_PARTITIONS, {"table": staged}):
                self._store.run(
                    f"ALTER TABLE {table.name} ATTACH PARTITION ID %(partition)s FROM {staged}",
                    {"partition": partition},
                )
        self._check(rows)

    def _check(self, rows: Mapping[str, int]) -> None:
        for table in STAGED:
            ((count,),) = self._store.tuples(f"SELECT count() FROM {table.name}{SUFFIX}")  # noqa: S608  a constant
            if count != rows.get(table.name, 0):
                raise SipeError(
                    f"{table.name}{SUFFIX} holds {count} rows instead of {rows.get(table.name, 0)}: another run of "
                    "`sipe reprocess` works on this store; run it again when that is done"
                )
