"""Where publications go: their rejects to the dead letters, then all of their rows into the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from connectors.clickhouse.block import Block
from connectors.clickhouse.sink import Publication
from connectors.kafka.address import KafkaAddress
from connectors.kafka.letters import LetterWriter
from pipelines.poison import LastPublication
from sipe.clock import Clock, SystemClock
from sipe.contracts.fields import TS_MS_MAX
from sipe.contracts.letters import Letter, LetterHeaders, without_values
from sipe.contracts.tables import REJECTS
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.metrics import DEAD_LETTERS, UNMONITORED, Monitor

DEPENDENCY = "letters"
"""What the dead letter topic is called where a process is monitored."""


class InTurn(DynamicSink[Publication]):
    """Gives each batch to one sink after the other.

    The store's progress is the last that is written, so a record that it counts as stored has its letter too.
    """

    def __init__(self, *sinks: DynamicSink[Publication]) -> None:
        self._sinks = sinks

    def build(self, step_id: str, worker_index: int, worker_count: int) -> InTurnPartition:
        """The partitions of one worker."""
        return InTurnPartition([sink.build(step_id, worker_index, worker_count) for sink in self._sinks])


class InTurnPartition(StatelessSinkPartition[Publication]):
    """What one worker writes by."""

    def __init__(self, parts: list[StatelessSinkPartition[Publication]]) -> None:
        self._parts = parts

    def write_batch(self, items: list[Publication]) -> None:
        """Write the whole batch everywhere, or raise; raises, too, after a publication that is the last."""
        for part in self._parts:
            part.write_batch(items)
        for publication in items:
            if isinstance(publication, LastPublication):
                raise publication.error

    def close(self) -> None:
        """Close every part; not called on a crash."""
        for part in self._parts:
            part.close()


class LetterSink(DynamicSink[Publication]):
    """Writes a letter for every reject, at least once; what `LetterWriter` raises stops the flow."""

    def __init__(
        self, kafka: KafkaAddress, *, stopping: Callable[[], bool] = lambda: False, monitor: Monitor = UNMONITORED
    ) -> None:
        self._kafka = kafka
        self._stopping = stopping
        self._monitor = monitor

    def build(self, step_id: str, worker_index: int, worker_count: int) -> LetterSinkPartition:
        """The partition of one worker, with a connection of its own."""
        del step_id, worker_index, worker_count  # every worker writes alike
        writer = LetterWriter(self._kafka, stopping=self._stopping, monitor=self._monitor)
        return LetterSinkPartition(writer, self._monitor)


class LetterSinkPartition(StatelessSinkPartition[Publication]):
    """What one worker writes by."""

    def __init__(self, writer: LetterWriter, monitor: Monitor = UNMONITORED, clock: Clock | None = None) -> None:
        self._writer = writer
        self._monitor = monitor
        self._clock = clock or SystemClock()
        self._app_version = version("sipe")

    def write_batch(self, items: list[Publication]) -> None:
        """Return when every reject is a letter, or raise."""
        letters: list[Letter] = []
        for publication in items:
            letters += letters_of(publication, at_ms=self._clock.now_ms(), app_version=self._app_version)
        if not letters:
            return
        with self._monitor.blocked_by(DEPENDENCY):
            self._writer.write(letters)
        for reason, number in Counter(letter.headers.reason for letter in letters).items():
            self._monitor.count(DEAD_LETTERS, number, reason=reason)

    def close(self) -> None:
        """Close the connection; not called on a crash."""
        self._writer.close()


def letters_of(publication: Publication, *, at_ms: int, app_version: str) -> list[Letter]:
    """A letter for each row of the publication's rejects."""
    return [
        Letter(
            LetterHeaders(
                reason=row["reason"],
                detail=without_values(row["detail"]),
                topic=STATION_EVENTS_TOPIC.name,
                epoch=row["epoch"],
                partition=row["partition"],
                offset=row["offset"],
                record_ts_ms=min(max(row["record_ts"], 0), TS_MS_MAX),
                at_ms=at_ms,
                app_version=app_version,
                attempt=row["attempt"],
            ),
            row["key"] or None,
            row["raw"],
        )
        for block in publication
        if block.table is REJECTS
        for row in _rows(block)
    ]


def _rows(block: Block) -> list[dict[str, Any]]:
    names = block.table.column_names
    columns = [np.asarray(block.columns[name]).tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
