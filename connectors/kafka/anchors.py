"""Anchors of the audit trail in Kafka: produced once a minute, and read when a trail is verified."""

from __future__ import annotations

import msgspec

from connectors.kafka import whole_topic
from connectors.kafka.address import KafkaAddress
from connectors.kafka.sender import EventSender
from sipe.contracts.changes import Anchor
from sipe.contracts.topics import AUDIT_ANCHORS_TOPIC
from sipe.errors import SipeError

KEY = b"audit"
STALL_S = 10.0
_TOPIC = AUDIT_ANCHORS_TOPIC.name


def keep(kafka: KafkaAddress, anchor: Anchor) -> None:
    """Produce one, and wait for its acknowledgement; raises `SipeError`."""
    with EventSender(kafka, topic=_TOPIC, stall_timeout_s=STALL_S) as sender:
        sender.send_raw(KEY, msgspec.json.encode(anchor))


def read(kafka: KafkaAddress) -> list[Anchor]:
    """Every anchor from the oldest to the newest; raises `SipeError` that names a record which is none."""
    return [
        _anchor(message.value() or b"", partition, offset)
        for partition, offset, message in whole_topic.records(kafka, _TOPIC)
    ]


def _anchor(value: bytes, partition: int, offset: int) -> Anchor:
    try:
        return msgspec.json.decode(value, type=Anchor)
    except msgspec.MsgspecError as error:
        raise SipeError(f"{_TOPIC}[{partition}]@{offset} is no anchor ({error}): who else writes there?") from error
