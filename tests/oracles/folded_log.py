"""A log folded into a store, record by record, as the flow does it, without a broker."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import chain

from connectors.clickhouse.archive import restore
from connectors.clickhouse.client import Address
from connectors.clickhouse.writer import Writer
from connectors.kafka.records import Record
from models.fold.rules import FoldConfig
from pipelines.decode import DecodedBatch
from pipelines.fold import FoldLogic
from sipe.contracts.codec import Reject, encode
from sipe.contracts.events import ClockAdvanced, Event, StationEvent


class FoldedLog:
    """One partition's log; each record carries the time of the event, or of the tick before."""

    def __init__(self, address: Address, epoch: int = 1) -> None:
        self._writer = Writer(address)
        self._logic = FoldLogic(None, partial(restore, address, FoldConfig()))
        self._epoch = epoch
        self._offset = 0
        self._now_ms = 0

    def send(self, events: Sequence[Event]) -> None:
        """Fold and store some records."""
        records: list[tuple[Record, Event | Reject]] = []
        for event in events:
            self._now_ms = max(self._now_ms, event.now_ms if isinstance(event, ClockAdvanced) else event.ts_ms)
            key = event.station.encode() if isinstance(event, StationEvent) else None
            records.append((Record(self._offset, self._now_ms, key, encode(event)), event))
            self._offset += 1
        publications, _ = self._logic.on_batch([DecodedBatch(self._epoch, 0, records)])
        self._writer.write(chain.from_iterable(publications))

    def tick(self, now_ms: int) -> None:
        """Advance the time, which publishes."""
        self.send([ClockAdvanced(now_ms=now_ms)])

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()

    @classmethod
    def opened(cls, address: Address) -> closing[FoldedLog]:
        """A log that is closed at the end of a `with`."""
        return closing(cls(address))
