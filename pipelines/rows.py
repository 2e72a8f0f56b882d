"""What the fold publishes, as columnar blocks of the tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from connectors.clickhouse.block import Block
from connectors.clickhouse.sink import Publication
from connectors.kafka.records import Record
from models.fold.intake import Outcome
from models.fold.minutes import MinuteRun
from models.fold.partition import Restatement
from models.fold.rules import DAY_MS, MINUTE_MS
from models.health import HealthRow
from models.quarantine import SenderRow
from pipelines.decode import DecodedBatch
from sipe.contracts import tables
from sipe.contracts.codec import Reject
from sipe.contracts.events import StationEvent

ROW_BYTES = 100
"""About what a row of the archive takes beside the message itself."""

MEASURES = tuple(measure.name for measure in tables.MEASURES)


class Pending:
    """Rows of the archive that wait for the next publication."""

    def __init__(self) -> None:
        self._events: list[tuple[Any, ...]] = []
        self._rejects: list[tuple[Any, ...]] = []
        self.size_bytes = 0

    def event(self, batch: DecodedBatch, record: Record, event: StationEvent, outcome: Outcome) -> None:
        """Archive an event with what the fold did with it."""
        type_ = event.__struct_config__.tag
        self.size_bytes += ROW_BYTES + len(record.value)
        self._events.append(
            (
                event.station, event.ts_ms, type_, event.source, event.boot, event.seq,
                batch.epoch, batch.partition, record.offset, record.timestamp_ms, outcome, record.value,
            )
        )  # fmt: skip

    def reject(self, batch: DecodedBatch, record: Record, reject: Reject) -> None:
        """Keep what was no event, with the reason."""
        self.size_bytes += ROW_BYTES + len(record.value)
        self._rejects.append(
            (
                batch.epoch, batch.partition, record.offset, record.timestamp_ms,
                reject.reason, reject.detail, record.key or b"", reject.raw, record.attempt,
            )
        )  # fmt: skip

    def blocks(self, batch: DecodedBatch, next_offset: int, tick_offset: int, now_ms: int) -> Publication:
        """The waiting rows, and the progress that says that they are in."""
        version = tables.version_of(batch.epoch, next_offset - 1)
        progress = [(batch.partition, batch.epoch, next_offset, tick_offset, now_ms, version)]
        return (
            *_block(tables.EVENTS, self._events),
            *_block(tables.REJECTS, self._rejects),
            *_block(tables.FLOW_PROGRESS, progress),
        )


def restatement_blocks(restatement: Restatement, version: int, partition: int) -> Publication:
    """What one tick of a partition publishes, at the tick's position in the log."""
    return (
        *fact_blocks(restatement, version),
        *_block(tables.STATIONS, [(*row, version) for row in restatement.stations]),
        *_block(tables.REFOLDS, [(name, day // DAY_MS, count, version) for name, day, count in restatement.refolds]),
        *_block(tables.STATION_HEALTH, [_health_row(row, partition, version) for row in restatement.health]),
    )


def fact_blocks(restatement: Restatement, version: int) -> Publication:
    """The minutes and stops alone."""
    stops = [
        (
            change.station, stop.from_ms, stop.to_ms, stop.state, stop.reason, stop.classified_by, stop.stop_version,
            stop.order, stop.product, stop.shift, stop.open, version, change.is_deleted,
        )
        for change in restatement.stops
        for stop in [change.stop]
    ]  # fmt: skip
    return *_minute_blocks(restatement, version), *_block(tables.STOPS, stops)


def publication_blocks(batch: DecodedBatch, offset: int, now_ms: int) -> Publication:
    """That what the tick at `offset` publishes is stored; the store adds when."""
    return _block(tables.PUBLICATIONS, [(batch.partition, batch.epoch, offset, now_ms)])


def _health_row(row: HealthRow, partition: int, version: int) -> tuple[Any, ...]:
    station, minute_ms, *counts = row
    return station, minute_ms // 1000, partition, *counts, version


def sender_blocks(senders: list[SenderRow], partition: int, version: int) -> Publication:
    """The senders that a tick found in another state than the one before."""
    return _block(tables.QUARANTINE, [(row.station, partition, *row[1:], version) for row in senders])


def _minute_blocks(restatement: Restatement, version: int) -> Publication:
    """Runs spread out to a row per minute; those of closed minutes go into the history too."""
    runs = restatement.minutes
    if not runs:
        return ()
    minutes = np.array([run.minutes for run in runs])
    first = np.repeat(np.array([run.minute_ms for run in runs]), minutes)
    nth = np.arange(len(first)) - np.repeat(np.cumsum(minutes) - minutes, minutes)
    minute_ms = first + nth * MINUTE_MS
    closed = minute_ms + MINUTE_MS <= restatement.closed_ms
    columns: dict[str, Any] = {"minute": (minute_ms // 1000).astype(np.uint32)}
    for name in ("station", "order", "product", "shift"):
        columns[name] = np.repeat(np.array([getattr(run, name) for run in runs], dtype=object), minutes)
    columns |= _measures(runs, minutes)
    columns["version"] = np.full(len(first), version, dtype=np.uint64)
    columns["is_deleted"] = np.repeat(np.array([run.is_deleted for run in runs], dtype=np.uint8), minutes)
    current = Block(tables.MINUTE_FACTS, columns | {"closed": closed.astype(np.uint8)})
    if not closed.any():
        return (current,)
    history = {name: column[closed] for name, column in columns.items()}
    history["published_ms"] = np.full(int(closed.sum()), restatement.now_ms, dtype=np.int64)
    return current, Block(tables.MINUTE_FACTS_HISTORY, history)


def _measures(runs: list[MinuteRun], minutes: Any) -> dict[str, Any]:
    sums = np.repeat(np.array([run.measures for run in runs], dtype=np.int64), minutes, axis=0)
    return {name: sums[:, i] for i, name in enumerate(MEASURES)}


def _block(table: tables.Table, rows: list[tuple[Any, ...]]) -> Publication:
    return (Block.of_tuples(table, rows),) if rows else ()
