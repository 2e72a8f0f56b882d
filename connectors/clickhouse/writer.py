"""Blocks into their tables: in order, again after a passing failure, and nothing skipped."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import DRIVER_ERRORS, Address, driver, explained
from sipe.contracts.tables import TABLES, Table
from sipe.errors import SipeError
from sipe.metrics import INSERT_RETRIES, INSERT_SECONDS, ROWS_WRITTEN, UNMONITORED, Monitor

DEPENDENCY = "clickhouse"
"""What the store is called where a process is monitored."""
ROWS_PER_INSERT = 100_000
ATTEMPTS_MAX = 1_000

PASSING_CODES = frozenset(
    {
        100,  # UNKNOWN_PACKET_FROM_SERVER: the connection is out of step
        102,  # UNEXPECTED_PACKET_FROM_SERVER
        159,  # TIMEOUT_EXCEEDED
        164,  # READONLY: a server in maintenance
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED: the server is shutting down
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319,  # UNKNOWN_STATUS_OF_INSERT: writing the rows again is harmless
        394,  # QUERY_WAS_CANCELLED
        999,  # KEEPER_EXCEPTION
    }
)
"""Server errors that time may heal. Every other one, such as an unknown column, is raised at once."""

_INSERT_SETTINGS = {
    # A row is visible when its insert returns.
    "async_insert": 0,
    # A block that comes again is not dropped for being the same: its rows may have been deleted in between.
    "insert_deduplicate": 0,
    # A partition is a month, and one batch may bring events of any year; by default, 100 months are the limit.
    "max_partitions_per_insert_block": 0,
}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Retry:
    """Exponential backoff with full jitter: the wait is random between 0 and a limit that doubles up to a cap."""

    first_s: float = 0.1
    cap_s: float = 10.0
    give_up_after_s: float = 300.0
    random: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    monotonic_s: Callable[[], float] = time.monotonic

    def waits_s(self) -> Iterator[float]:
        """The waits between attempts, ending when giving up is due; counted from the first failure, so from `next`."""
        failing_since_s = self.monotonic_s()
        for attempt in range(ATTEMPTS_MAX):
            wait_s = self.random() * min(self.cap_s, self.first_s * 2.0**attempt)
            if self.monotonic_s() + wait_s - failing_since_s > self.give_up_after_s:
                return
            yield wait_s


class Writer:
    """Writes blocks over a connection of its own; one for each thread or worker."""

    def __init__(
        self, address: Address, retry: Retry | None = None, monitor: Monitor = UNMONITORED, *, suffix: str = ""
    ) -> None:
        """Write to the tables, or with a suffix to those of their shape that are named so."""
        self._address = address
        self._suffix = suffix
        self._retry = retry or Retry()
        self._monitor = monitor
        self._driver = driver(address, use_numpy=True)

    def write(self, blocks: Iterable[Block]) -> None:
        """Write every row, the blocks of a table together, the tables in the order of `sipe.contracts.tables.TABLES`.

        So a crash in between leaves no progress without its rows. Rows written before may be written again. Raises
        `SipeError` that names address and table when the server refuses the rows, or has failed for too long; the
        rows of the tables before are then stored, and the caller has to write all of it again.
        """
        by_table: dict[Table, list[Block]] = {table: [] for table in TABLES}
        for block in blocks:
            by_table[block.table].append(block)
        for table, same in by_table.items():
            if same:
                for arrays in Block.concatenated(same).chunks(ROWS_PER_INSERT):
                    self._insert(table, arrays)

    def close(self) -> None:
        """Close the connection."""
        self._driver.disconnect()

    def _insert(self, table: Table, arrays: list[NDArray[Any]]) -> None:
        names = ", ".join(f"`{name}`" for name in table.column_names)
        query = f"INSERT INTO {table.name}{self._suffix} ({names}) VALUES"
        waits_s = self._retry.waits_s()
        while True:
            began_s = time.monotonic()
            try:
                self._driver.execute(query, arrays, columnar=True, settings=_INSERT_SETTINGS)
                self._monitor.observe(INSERT_SECONDS, time.monotonic() - began_s, table=table.name)
                self._monitor.count(ROWS_WRITTEN, len(arrays[0]), table=table.name)
                self._monitor.answered(DEPENDENCY)
                return
            except DRIVER_ERRORS as error:
                self._driver.disconnect()  # what is left of the exchange must not reach the next query
                failure = explained(error, self._address)
                if not _is_passing(error):
                    raise SipeError(f"cannot write table {table.name}: {failure}") from error
                wait_s = next(waits_s, None)
                if wait_s is None:
                    raise SipeError(f"gave up writing table {table.name}: {failure}") from error
                told = {"table": table.name, "error": str(failure), "wait_s": round(wait_s, 1)}
                _log.warning("an insert failed and will be tried again", extra=told)
                self._monitor.count(INSERT_RETRIES, table=table.name)
                self._retry.sleep(wait_s)


def _is_passing(error: Exception) -> bool:
    return isinstance(error, (OSError, EOFError)) or getattr(error, "code", None) in PASSING_CODES
