"""Reads a topic from its beginning, as any consumer does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import partition_count
from connectors.kafka.config import LOGGER, consumer_config
from connectors.kafka.headers import headers_of

STEP_S = 0.05


class Seen(NamedTuple):
    """A record as it came."""

    partition: int
    key: str
    value: bytes
    headers: dict[str, str]
    ts_ms: int
    """When it was handed to Kafka."""


class TopicReader:
    """What is in a topic, partition by partition in order of the log."""

    def __init__(self, kafka: KafkaAddress, topic: str) -> None:
        self._consumer = Consumer(consumer_config(kafka), logger=LOGGER)
        partitions = range(partition_count(self._consumer, kafka, topic))
        self._consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        self.seen: list[Seen] = []

    def look(self) -> list[Seen]:
        """Everything so far."""
        while messages := self._consumer.consume(500, STEP_S):
            for message in messages:
                assert message.error() is None, message.error()
                headers = {name: (value or b"").decode() for name, value in headers_of(message) or []}
                key, partition = (message.key() or b"").decode(), message.partition()
                assert partition is not None
                self.seen.append(Seen(partition, key, message.value() or b"", headers, message.timestamp()[1]))
        return self.seen

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()


@contextmanager
def reading(kafka: KafkaAddress, topic: str) -> Iterator[TopicReader]:
    """A reader that is closed afterwards."""
    reader = TopicReader(kafka, topic)
    try:
        yield reader
    finally:
        reader.close()
