"""What the source hands to the flow: the records of one partition, in log order, as they came."""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """One Kafka record; `timestamp_ms` is the record's time, which the clock guard compares events with.

    `attempt` is above 1 for a dead letter that was sent again.
    """

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes
    attempt: int = 1


class RecordBatch(NamedTuple):
    """Records of one partition of one log, with growing offsets; never empty."""

    epoch: int
    partition: int
    records: list[Record]
