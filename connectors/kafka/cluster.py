"""Questions to a broker, with answers or errors that a person can act on."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from connectors.kafka.address import KafkaAddress
from connectors.tls.handshake import complaint
from sipe.errors import SipeError

CONNECT_TIMEOUT_S = 10.0
NOT_ALLOWED = frozenset(
    {
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)
_LEADER_CHANGES = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
"""Said of a partition of a topic that is just being made, or whose broker has just gone: soon another one leads it."""
_LEADER_STEP_S = 0.1


def partition_count(client: Consumer | Producer, kafka: KafkaAddress, topic: str) -> int:
    """How many partitions the topic has; raises `SipeError` without a broker or topic."""
    try:
        # All topics: asking for a single one may create it.
        topics = client.list_topics(timeout=CONNECT_TIMEOUT_S).topics
    except KafkaException as error:
        raise unreachable(kafka, error) from error
    if topic not in topics or not topics[topic].partitions:  # without any, it is just being made
        raise no_topic(kafka, topic)
    return len(topics[topic].partitions)


def watermarks(consumer: Consumer, kafka: KafkaAddress, topic: str, partition: int) -> tuple[int, int]:
    """The oldest offset a partition still has, and the offset its next record will get."""
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    while True:
        try:
            offsets = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=CONNECT_TIMEOUT_S)
            break
        except KafkaException as error:
            if error.args[0].code() not in _LEADER_CHANGES or time.monotonic() > deadline:
                raise unreachable(kafka, error) from error
            time.sleep(_LEADER_STEP_S)
    if offsets is None:
        raise unreachable(kafka, TimeoutError(f"no watermarks of {topic}[{partition}]"))
    low, high = offsets
    return low, high


def no_topic(kafka: KafkaAddress, topic: str) -> SipeError:
    """A broker tells nobody of a topic that they have no right to, so the two cannot be told apart."""
    return SipeError(
        f"the Kafka broker at {kafka} has no topic {topic}: `sipe topics apply` makes it, and the rights to it"
    )


def unreachable(kafka: KafkaAddress, error: Exception) -> SipeError:
    """The one way to say that a broker does not answer; where TLS is the reason, it says why."""
    if context := kafka.tls():
        host, _, port = kafka.bootstrap.partition(",")[0].rpartition(":")
        if port.isdecimal() and (why := complaint(context, host.strip("[]"), int(port))):
            return SipeError(f"no TLS with the Kafka broker at {kafka}: {why}")
    said = error.args[0].str() if isinstance(error, KafkaException) else str(error)
    hint = "" if kafka.secure else " A broker that speaks TLS wants SIPE_KAFKA_CA_FILE and its like."
    return SipeError(f"no Kafka broker answers at {kafka} ({said}): is it running, and is SIPE_KAFKA_URL right?{hint}")


def reason(error: KafkaError) -> str:
    """What a broker said, and what to do when it says that we may not."""
    if error.code() in NOT_ALLOWED:
        return f"{error.str()}; `sipe topics apply` gives each certificate its rights, SIPE_KAFKA_CERT_FILE names ours"
    return error.str()


class Patience:
    """Raises once something that should change has not changed for `timeout_s`."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._last: object = None
        self._deadline = time.monotonic() + timeout_s

    def watch(self, value: object, complaint: str) -> None:
        """Look at the value; raises `SipeError` with the complaint when it stood still for too long."""
        now = time.monotonic()
        if value != self._last:
            self._last, self._deadline = value, now + self.timeout_s
        elif now > self._deadline:
            raise SipeError(complaint)
