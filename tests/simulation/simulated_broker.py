"""A broker in memory: partitions that only grow, and a producer's view of them that is not always true."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from buggify import Buggify

from connectors.kafka.records import Record
from sipe.clock import Clock

PARTITIONS = 2
FREEZE_MS = 120_000


class Broker:
    """Keeps every record with the time at which it came in (LogAppendTime)."""

    def __init__(self, clock: Clock, buggify: Buggify) -> None:
        self.log: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        self._clock = clock
        self._buggify = buggify
        self._frozen_until_ms = 0

    def step(self) -> None:
        """Perhaps freeze for a while."""
        if self._buggify("broker frozen"):
            self._frozen_until_ms = self._clock.now_ms() + FREEZE_MS

    @property
    def frozen(self) -> bool:
        """Whether nobody gets an answer now."""
        return self._clock.now_ms() < self._frozen_until_ms

    def produce(self, messages: Sequence[tuple[bytes | None, bytes]]) -> int:
        """Append (key, value) in order; returns how many were acknowledged, which may be fewer than are in the log."""
        if self.frozen:
            return 0
        if self._buggify("part of a batch refused"):
            messages = messages[: len(messages) // 2]
        for key, value in messages:
            self.append(key, value)
        return len(messages) // 3 if self._buggify("acknowledgement lost") else len(messages)

    def append(self, key: bytes | None, value: bytes) -> None:
        """Append one record to the partition of its key."""
        self._append(zlib.crc32(key or b"") % PARTITIONS, key, value)

    def tick(self, value: bytes) -> None:
        """Append a control record to every partition."""
        for partition in range(PARTITIONS):
            self._append(partition, None, value)

    def read(self, partition: int, offset: int, limit: int) -> list[Record]:
        """What is in the log from an offset on."""
        return [] if self.frozen else self.log[partition][offset : offset + limit]

    def _append(self, partition: int, key: bytes | None, value: bytes) -> None:
        log = self.log[partition]
        log.append(Record(len(log), self._clock.now_ms(), key, value))
