"""Reads the dead letters that there are now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from connectors.kafka import whole_topic
from connectors.kafka.address import KafkaAddress
from connectors.kafka.headers import headers_of
from sipe.contracts.letters import Letter, read_headers
from sipe.contracts.topics import STATION_EVENTS_DLQ_TOPIC


class Delivered(NamedTuple):
    """A record of the dead letters' topic and where it lies; `letter` is None when it is none of ours."""

    partition: int
    offset: int
    letter: Letter | None


def read_letters(kafka: KafkaAddress, topic: str = STATION_EVENTS_DLQ_TOPIC.name) -> Iterator[Delivered]:
    """Every record from the oldest to the newest at the time of the call, partition by partition, each in log order.

    Raises `SipeError` without a broker or topic.
    """
    for partition, offset, message in whole_topic.records(kafka, topic):
        headers = read_headers(headers_of(message))
        letter = Letter(headers, message.key() or None, message.value() or b"") if headers else None
        yield Delivered(partition, offset, letter)
