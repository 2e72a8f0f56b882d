"""Records to events or rejects."""

from __future__ import annotations

from typing import NamedTuple

from connectors.kafka.records import Record, RecordBatch
from sipe.contracts.codec import Reject, admit
from sipe.contracts.events import Event


class DecodedBatch(NamedTuple):
    """The records of one partition, each with the event it holds or the reason why it holds none."""

    epoch: int
    partition: int
    records: list[tuple[Record, Event | Reject]]


def decode_batch(batch: RecordBatch) -> DecodedBatch:
    """Decode and guard every record; total, and a function of the record alone."""
    records = [(record, admit(record.value, record.key, record.timestamp_ms)) for record in batch.records]
    return DecodedBatch(batch.epoch, batch.partition, records)
