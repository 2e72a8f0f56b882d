"""The settings of every Kafka client of the project, each with its reason."""

from __future__ import annotations

import logging

from connectors.kafka.address import KafkaAddress
from sipe.contracts.topics import RECORD_BYTES_MAX

Config = dict[str, str | int | float | bool]

LOGGER = logging.getLogger("librdkafka")
"""Where librdkafka logs: nowhere unless a service sets up logging; what matters arrives as an error anyway."""
LOGGER.addHandler(logging.NullHandler())

LINGER_MS = 20

_SHARED: Config = {
    "client.id": "sipe",
    "socket.keepalive.enable": True,  # a firewall that forgets an idle connection is noticed
    "log.connection.close": False,  # brokers close idle connections; that is no news
}


def producer_config(kafka: KafkaAddress, *, record_bytes_max: int = RECORD_BYTES_MAX) -> Config:
    """A producer that loses, doubles and reorders nothing as long as it lives."""
    return {
        **_SHARED,
        **kafka.client_config(),
        "enable.idempotence": True,  # retries neither double nor reorder a partition's records
        "acks": "all",  # acknowledged means on every replica in sync
        "compression.type": "zstd",  # JSON shrinks tenfold; the embedded broker's retention counts stored bytes
        "linger.ms": LINGER_MS,  # full batches: the embedded broker's retention counts batches, too
        "batch.size": 512 * 1024,  # at most a tenth of the embedded broker's retention
        "message.timeout.ms": 24 * 3_600_000,  # giving up early would leave holes among the later messages
        "message.max.bytes": record_bytes_max,  # bigger is refused here, before any broker or consumer chokes on it
        "partitioner": "murmur2_random",  # the same partition for a key as the Java clients choose
        "queue.buffering.max.kbytes": 64 * 1024,  # a stalled broker holds the sender up, it does not eat the memory
    }


def consumer_config(kafka: KafkaAddress) -> Config:
    """A consumer that reads exactly where it is told to, or says why it cannot."""
    return {
        **_SHARED,
        **kafka.client_config(),
        "group.id": "sipe",  # the client insists on one; partitions are assigned and no offset is ever committed
        "enable.auto.commit": False,  # positions live in the flow's recovery store, with the state they belong to
        "enable.auto.offset.store": False,  # the same
        "auto.offset.reset": "error",  # a deleted offset must stop the flow, not jump to the end
        "allow.auto.create.topics": False,  # a misspelt topic is an error
        "fetch.wait.max.ms": 50,  # a tick is due every second and must not wait for a full fetch
        "fetch.queue.backoff.ms": 10,  # a full local queue is retried soon; the default pauses for a second
        "queued.max.messages.kbytes": 16 * 1024,  # per partition; bounds the memory and the size of a batch
    }


def admin_config(kafka: KafkaAddress) -> Config:
    """A client that asks about topics and changes them."""
    return {**_SHARED, **kafka.client_config()}
