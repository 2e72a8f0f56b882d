"""Anchors of the audit trail in Kafka: produced once a minute, and read when a trail is verified."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import Patience, partition_count, unreachable, watermarks
from connectors.kafka.config import LOGGER, consumer_config
from connectors.kafka.sender import EventSender
from sipe.contracts.changes import Anchor
from sipe.contracts.topics import AUDIT_ANCHORS_TOPIC
from sipe.errors import SipeError

KEY = b"audit"
STALL_S = 10.0
READ_TIMEOUT_S = 30.0
_TOPIC = AUDIT_ANCHORS_TOPIC.name
_RECORDS_MAX = 1_000
_POLL_S = 0.2


def keep(kafka: KafkaAddress, anchor: Anchor) -> None:
    """Produce one, and wait for its acknowledgement; raises `SipeError`."""
    with EventSender(kafka, topic=_TOPIC, stall_timeout_s=STALL_S) as sender:
        sender.send_raw(KEY, msgspec.json.encode(anchor))


def read(kafka: KafkaAddress) -> list[Anchor]:
    """Every anchor from the oldest to the newest; raises `SipeError` that names a record which is none."""
    consumer = Consumer(consumer_config(kafka) | {"enable.partition.eof": True}, logger=LOGGER)
    try:
        found = []
        for partition in range(partition_count(consumer, kafka, _TOPIC)):
            low, high = watermarks(consumer, kafka, _TOPIC, partition)
            if low < high:
                consumer.assign([TopicPartition(_TOPIC, partition, low)])
                found += [_anchor(value, partition, offset) for offset, value in _read(consumer, kafka, high)]
        return found
    finally:
        consumer.close()


def _read(consumer: Consumer, kafka: KafkaAddress, end: int) -> Iterator[tuple[int, bytes]]:
    """The records of the partition that is assigned, up to an offset."""
    at, patience = 0, Patience(READ_TIMEOUT_S)
    while at < end:
        for message in consumer.consume(_RECORDS_MAX, _POLL_S):
            error, offset = message.error(), message.offset()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own name
                return  # the last offsets hold no records
            if error is not None or offset is None:
                raise unreachable(kafka, KafkaException(error) if error else SipeError("a record without an offset"))
            if offset >= end:
                return
            at = offset + 1
            yield offset, message.value() or b""
        patience.watch(at, f"{_TOPIC}@{at} was not read in {READ_TIMEOUT_S:g} s")


def _anchor(value: bytes, partition: int, offset: int) -> Anchor:
    try:
        return msgspec.json.decode(value, type=Anchor)
    except msgspec.MsgspecError as error:
        raise SipeError(f"{_TOPIC}[{partition}]@{offset} is no anchor ({error}): who else writes there?") from error
