"""The fold as a Bytewax step: batches of one partition in, publications out, state saved with the position."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable
from datetime import datetime

import bytewax.operators as op

from connectors.clickhouse.archive import Restored
from connectors.clickhouse.sink import Publication
from connectors.clickhouse.writer import DEPENDENCY
from connectors.kafka.records import Record
from models.fold.partition import PartitionFold
from pipelines.decode import DecodedBatch
from pipelines.poison import LastPublication, poison_error
from pipelines.rows import Pending, publication_blocks, restatement_blocks, sender_blocks
from pipelines.runtime.recovery import HEAL
from sipe.contracts.codec import Reject, station_of
from sipe.contracts.events import ClockAdvanced, StationEvent
from sipe.contracts.tables import version_of
from sipe.errors import SipeError
from sipe.metrics import QUARANTINED, STATIONS, TICKS, UNMONITORED, Monitor

_log = logging.getLogger(__name__)

RESTORE_S = 3600.0
"""Rebuilding the state of a partition may take so long before it counts as stuck."""
PENDING_BYTES_MAX = 1_000_000
"""Rows of the archive wait for the next tick, but not more than so much: what waits is part of the saved state."""

QUARANTINED_DETAIL = "a valid event, but its sender is in quarantine for sending mostly rejects"

Restore = Callable[[int, int, int], Restored]
"""What is known of a partition before a record: (epoch, partition, offset) to state."""


class FoldLogic(op.StatefulBatchLogic[DecodedBatch, Publication, bytes]):
    """One partition's fold. Where nothing is saved, the archive gives it as it was before the first record."""

    def __init__(
        self,
        saved: bytes | None,
        restore: Restore,
        monitor: Monitor = UNMONITORED,
        *,
        stop_on_poison: bool = True,
    ) -> None:
        self._restore = restore
        self._monitor = monitor
        self._stop_on_poison = stop_on_poison
        self._stopped = False
        self._fold: PartitionFold | None = None
        self._pending = Pending()
        self._tick_offset = 0
        if saved is not None:
            self._fold, self._pending, self._tick_offset = _loaded(saved)

    def on_batch(self, batches: list[DecodedBatch]) -> tuple[list[Publication], bool]:
        """Fold every record; publish at each tick, and the archive alone when it gets long in between."""
        publications: list[Publication] = []
        for batch in batches:
            if self._fold is None:
                with self._monitor.blocked_by(DEPENDENCY, RESTORE_S):
                    self._fold, self._tick_offset = self._restored(batch)
            for record, event in batch.records:
                if self._stopped:
                    break
                if isinstance(event, ClockAdvanced):
                    publications.append(self._tick(self._fold, batch, record, event.now_ms))
                else:
                    self._take(self._fold, batch, record, event)
            if self._pending.size_bytes > PENDING_BYTES_MAX:
                publications.append(self._archived(batch, batch.records[-1][0].offset + 1))
        return publications, op.StatefulBatchLogic.RETAIN

    def _restored(self, batch: DecodedBatch) -> Restored:
        began_s = time.monotonic()
        offset = batch.records[0][0].offset
        restored = self._restore(batch.epoch, batch.partition, offset)
        told = {
            "partition": batch.partition,
            "offset": offset,
            "stations": len(restored.fold.stations),
            "seconds": round(time.monotonic() - began_s, 3),
        }
        _log.info("the state of a partition is rebuilt from the archive", extra=told)
        return restored

    def _take(self, fold: PartitionFold, batch: DecodedBatch, record: Record, event: StationEvent | Reject) -> None:
        """Archive a record with what becomes of it."""
        if isinstance(event, Reject):
            if (sender := station_of(record.key)) is not None:
                fold.quarantine.judge(sender, event)
            self._reject(fold, batch, record, event)
        elif fold.quarantine.judge(event.station, None):
            self._reject(fold, batch, record, Reject("quarantined", QUARANTINED_DETAIL, record.value))
        else:
            outcome = fold.apply(event)
            fold.health.event(event.station, outcome, record.timestamp_ms - event.ts_ms)
            self._pending.event(batch, record, event, outcome)

    def _reject(self, fold: PartitionFold, batch: DecodedBatch, record: Record, reject: Reject) -> None:
        fold.health.reject(record.key)
        self._pending.reject(batch, record, reject)

    def _tick(self, fold: PartitionFold, batch: DecodedBatch, record: Record, now_ms: int) -> Publication:
        """What a tick publishes; the last publication, when most senders turn out to be in quarantine."""
        version = version_of(batch.epoch, record.offset)
        restatement = fold.tick(now_ms)
        senders = sender_blocks(fold.quarantine.tick(restatement.now_ms), batch.partition, version)
        self._tick_offset = record.offset + 1
        archived = self._archived(batch, record.offset + 1)
        restated = restatement_blocks(restatement, version, batch.partition)
        published = publication_blocks(batch, record.offset, restatement.now_ms)
        publication = (*archived, *restated, *senders, *published)
        self._monitor.count(TICKS, partition=batch.partition)
        self._monitor.set(STATIONS, len(fold.stations), partition=batch.partition)
        self._monitor.set(QUARANTINED, fold.quarantine.aside, partition=batch.partition)
        poisoned = fold.quarantine.poisoned(restatement.now_ms)
        if poisoned is None or not self._stop_on_poison:
            return publication
        self._stopped = True
        return LastPublication(publication, poison_error(poisoned, batch.partition, record.offset))

    def _archived(self, batch: DecodedBatch, next_offset: int) -> Publication:
        assert self._fold is not None  # noqa: S101  restored at the first batch
        blocks = self._pending.blocks(batch, next_offset, self._tick_offset, self._fold.now_ms or 0)
        self._pending = Pending()
        return blocks

    def on_notify(self) -> tuple[list[Publication], bool]:
        """Never asked for: time comes from the log."""
        return [], op.StatefulBatchLogic.RETAIN

    def on_eof(self) -> tuple[list[Publication], bool]:
        """The end of the input is a drain, not the end of the log: nothing is published."""
        return [], op.StatefulBatchLogic.RETAIN

    def notify_at(self) -> datetime | None:
        """Never: time comes from the log."""
        return None

    def snapshot(self) -> bytes:
        """The state as bytes, so that later changes cannot reach into what was saved."""
        return pickle.dumps((self._fold, self._pending, self._tick_offset), pickle.HIGHEST_PROTOCOL)


def _loaded(saved: bytes) -> tuple[PartitionFold, Pending, int]:
    """What a snapshot holds; raises `SipeError` when it is none of this program's."""
    try:
        fold, pending, tick_offset = pickle.loads(saved)
        return fold, pending, tick_offset
    except Exception as error:  # a pickle that is not ours fails in whatever way its first wrong byte asks for
        raise SipeError(f"a saved state cannot be read ({type(error).__name__}: {error}); {HEAL}") from error
