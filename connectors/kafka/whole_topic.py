"""Reads what a topic holds now: every record from the oldest to the newest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import Patience, partition_count, unreachable, watermarks
from connectors.kafka.config import LOGGER, consumer_config
from sipe.errors import SipeError

READ_TIMEOUT_S = 30.0
_BATCH_RECORDS_MAX = 1_000
_POLL_S = 0.2


class Record(NamedTuple):
    """A record, and where it lies."""

    partition: int
    offset: int
    message: Message


def records(kafka: KafkaAddress, topic: str) -> Iterator[Record]:
    """Every record that is there at the time of the call, partition by partition, each in log order.

    Raises `SipeError` without a broker or topic.
    """
    consumer = Consumer(consumer_config(kafka) | {"enable.partition.eof": True}, logger=LOGGER)
    try:
        ends = {
            partition: watermarks(consumer, kafka, topic, partition)
            for partition in range(partition_count(consumer, kafka, topic))
        }
        for partition, (low, high) in ends.items():
            if low < high:
                consumer.assign([TopicPartition(topic, partition, low)])
                yield from _read(consumer, kafka, TopicPartition(topic, partition, low), high)
    finally:
        consumer.close()


def _read(consumer: Consumer, kafka: KafkaAddress, begin: TopicPartition, end: int) -> Iterator[Record]:
    next_offset = begin.offset
    patience = Patience(READ_TIMEOUT_S)
    while next_offset < end:
        for message in consumer.consume(_BATCH_RECORDS_MAX, _POLL_S):
            error, offset = message.error(), message.offset()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own name
                return  # the last offsets hold no records
            if error is not None or offset is None:
                raise unreachable(kafka, KafkaException(error) if error else SipeError("a record without an offset"))
            if message.topic() != begin.topic or message.partition() != begin.partition or offset >= end:
                continue
            next_offset = offset + 1
            yield Record(begin.partition, offset, message)
        patience.watch(
            next_offset, f"{begin.topic}[{begin.partition}]@{next_offset} was not read in {READ_TIMEOUT_S:g} s"
        )
