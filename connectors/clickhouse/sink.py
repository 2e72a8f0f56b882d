"""The Bytewax sink: publications of the fold into ClickHouse."""

from __future__ import annotations

import time
from itertools import chain

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from connectors.clickhouse.client import Address
from connectors.clickhouse.tally import Publication, tally
from connectors.clickhouse.writer import DEPENDENCY, Retry, Writer
from sipe.metrics import UNMONITORED, Monitor

__all__ = ["ClickHouseSink", "Publication"]


class ClickHouseSink(DynamicSink[Publication]):
    """Writes every publication at least once, over one connection per worker.

    Bytewax gives items in batches of any size; the rows and their order of tables do not depend on it, and nothing is
    kept from one batch to the next. A failure that lasts raises `SipeError` and stops the flow, which goes on from its
    last snapshot.
    """

    def __init__(self, address: Address, retry: Retry | None = None, monitor: Monitor = UNMONITORED) -> None:
        self._address = address
        self._retry = retry
        self._monitor = monitor

    def build(self, step_id: str, worker_index: int, worker_count: int) -> ClickHouseSinkPartition:
        """The partition of one worker, with a connection of its own."""
        del step_id, worker_index, worker_count  # every worker writes alike
        return ClickHouseSinkPartition(Writer(self._address, self._retry, self._monitor), self._monitor)


class ClickHouseSinkPartition(StatelessSinkPartition[Publication]):
    """What one worker writes by."""

    def __init__(self, writer: Writer, monitor: Monitor = UNMONITORED) -> None:
        self._writer = writer
        self._monitor = monitor

    def write_batch(self, items: list[Publication]) -> None:
        """Write all rows of the publications, or raise."""
        with self._monitor.blocked_by(DEPENDENCY):
            self._writer.write(chain.from_iterable(items))
        tally(items, self._monitor, time.time())

    def close(self) -> None:
        """Close the connection; not called on a crash."""
        self._writer.close()
