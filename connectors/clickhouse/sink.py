"""The Bytewax sink: publications of the fold into ClickHouse."""

from __future__ import annotations

from itertools import chain

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address
from connectors.clickhouse.writer import Retry, Writer

Publication = tuple[Block, ...]
"""The blocks that belong together: rows and the progress that says they are in."""


class ClickHouseSink(DynamicSink[Publication]):
    """Writes every publication at least once, over one connection per worker.

    Bytewax gives items in batches of any size; the rows and their order of tables do not depend on it, and nothing is
    kept from one batch to the next. A failure that lasts raises `SipeError` and stops the flow, which goes on from its
    last snapshot.
    """

    def __init__(self, address: Address, retry: Retry | None = None) -> None:
        self._address = address
        self._retry = retry

    def build(self, step_id: str, worker_index: int, worker_count: int) -> ClickHouseSinkPartition:
        """The partition of one worker, with a connection of its own."""
        del step_id, worker_index, worker_count  # every worker writes alike
        return ClickHouseSinkPartition(Writer(self._address, self._retry))


class ClickHouseSinkPartition(StatelessSinkPartition[Publication]):
    """What one worker writes by."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def write_batch(self, items: list[Publication]) -> None:
        """Write all rows of the publications, or raise."""
        self._writer.write(chain.from_iterable(items))

    def close(self) -> None:
        """Close the connection; not called on a crash."""
        self._writer.close()
