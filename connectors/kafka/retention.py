"""Keeps a sender from outrunning what the embedded broker retains.

The broker keeps 5 MiB of stored batches or 100,000 batches per partition and silently drops the oldest. So a sender
waits while half of that is sent and not yet stored downstream. Bytes are counted uncompressed, hence too high, and a
record counts more than a batch's header, so the limit on batches is out of reach.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from confluent_kafka import Consumer

from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import watermarks
from connectors.kafka.config import LOGGER, consumer_config
from sipe.errors import SipeError

RETENTION_BYTES = 5 * 1024 * 1024
BACKLOG_BYTES_MAX = RETENTION_BYTES // 2
RECORD_OVERHEAD_BYTES = 80
"""More than the header of a batch with a single record."""

Progress = Callable[[], Mapping[int, int]]
"""Partition to the first offset that is not yet stored downstream; a partition that is absent is at its beginning."""


class Backlog:
    """The records of one partition that are in the log and not yet stored downstream."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._records: deque[tuple[int, int]] = deque()

    def add(self, offset: int, size_bytes: int) -> None:
        """A record was appended to the log."""
        self._records.append((offset, size_bytes))
        self.size_bytes += size_bytes

    def drop_before(self, offset: int) -> None:
        """Every record before `offset` is stored."""
        while self._records and self._records[0][0] < offset:
            self.size_bytes -= self._records.popleft()[1]


class RetentionGuard:
    """Knows how much of what was sent still has only the embedded broker to rely on."""

    def __init__(self, kafka: KafkaAddress, topic: str, partitions: int, progress: Progress) -> None:
        self._kafka = kafka
        self._topic = topic
        self._progress = progress
        self._consumer = Consumer(consumer_config(kafka), logger=LOGGER)
        self._backlogs = [Backlog() for _ in range(partitions)]
        self._in_flight_bytes = 0

    def sent(self, size_bytes: int) -> None:
        """A record is on its way; its partition is not known yet, so it counts for each."""
        self._in_flight_bytes += size_bytes

    def delivered(self, partition: int, offset: int, size_bytes: int) -> None:
        """A record is in the log."""
        self._in_flight_bytes -= size_bytes
        self._backlogs[partition].add(offset, size_bytes)

    @property
    def backlog_bytes(self) -> int:
        """The most that any partition may hold of what is not yet stored."""
        return self._in_flight_bytes + max(backlog.size_bytes for backlog in self._backlogs)

    @property
    def full(self) -> bool:
        """Whether sending more could make the broker drop what nobody has stored."""
        return self.backlog_bytes > BACKLOG_BYTES_MAX

    def refresh(self) -> None:
        """Learn what has been stored; raises `SipeError` when the broker dropped a record before that."""
        # The log's beginning before the progress: what was stored in between can then not look like a loss.
        oldest = [
            watermarks(self._consumer, self._kafka, self._topic, partition)[0]
            for partition in range(len(self._backlogs))
        ]
        stored = self._progress()
        for partition, backlog in enumerate(self._backlogs):
            first = stored.get(partition, 0)
            if oldest[partition] > first:
                raise SipeError(
                    f"{self._topic}[{partition}]: the embedded broker dropped offsets {first} to "
                    f"{oldest[partition] - 1} before they were stored; send them again from their source"
                )
            backlog.drop_before(first)

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()
