"""An embedded Kafka broker: librdkafka's own mock cluster, in a process of its own.

    python -m connectors.embedded.broker TOPIC:PARTITIONS ...

It speaks the Kafka protocol on loopback and keeps everything in memory. What it does not promise: per partition it
keeps 5 MiB of stored batches or 100,000 batches and then silently drops the oldest, which `connectors.kafka.retention`
guards against; it knows no CreateTopics, so the topics are named at the start; and it stamps records with the
producer's time.
"""

from __future__ import annotations

import ctypes
import sys

from connectors.embedded.process import serve_until_parent_leaves
from sipe.errors import SipeError, UsageError

_RD_KAFKA_PRODUCER = 0
_SYSLOG_WARNING = b"4"


def load_librdkafka() -> ctypes.CDLL:
    """The librdkafka that confluent-kafka itself is linked with, with the mock cluster's functions declared.

    The extension module is opened, not the library: its dependencies are searched for symbols too, so the library is
    found wherever the wheel keeps it.
    """
    try:
        import confluent_kafka.cimpl as extension  # noqa: PLC0415 - a missing package is part of the same message

        library = ctypes.CDLL(extension.__file__)
        library.rd_kafka_conf_new.restype = ctypes.c_void_p
        library.rd_kafka_conf_set.argtypes = [ctypes.c_void_p, *[ctypes.c_char_p] * 3, ctypes.c_size_t]
        library.rd_kafka_new.restype = ctypes.c_void_p
        library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
        library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
        library.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
    except (ImportError, OSError, AttributeError) as error:
        raise SipeError(
            f"no embedded broker on this platform: confluent-kafka's librdkafka has no mock cluster ({error}); "
            "name a Kafka broker in SIPE_KAFKA_URL instead"
        ) from error
    return library


def start(topics: dict[str, int]) -> str:
    """Start a one-node cluster with these topics and partition counts; returns its bootstrap address."""
    library = load_librdkafka()
    reason = ctypes.create_string_buffer(512)
    config = library.rd_kafka_conf_new()
    # Below warning it would only complain that the client which hosts the cluster knows no broker.
    library.rd_kafka_conf_set(config, b"log_level", _SYSLOG_WARNING, reason, len(reason))
    client = library.rd_kafka_new(_RD_KAFKA_PRODUCER, config, reason, len(reason))
    if not client:
        raise SipeError(f"the embedded broker did not start: {reason.value.decode(errors='replace')}")
    cluster = library.rd_kafka_mock_cluster_new(client, 1)
    if not cluster:
        raise SipeError("the embedded broker did not start: no socket on 127.0.0.1 could be bound")
    for name, partitions in topics.items():
        if code := library.rd_kafka_mock_topic_create(cluster, name.encode(), partitions, 1):
            raise SipeError(f"the embedded broker refused topic {name} with {partitions} partitions: error {code}")
    bootstrap: bytes = library.rd_kafka_mock_cluster_bootstraps(cluster)
    return bootstrap.decode()


def parse_topics(specs: list[str]) -> dict[str, int]:
    """`TOPIC:PARTITIONS` words as a mapping; raises `UsageError` that names the word."""
    topics = {}
    for spec in specs:
        name, _, partitions = spec.rpartition(":")
        if not name or not partitions.isdecimal() or int(partitions) == 0:
            raise UsageError(f"{spec!r} is not TOPIC:PARTITIONS")
        topics[name] = int(partitions)
    return topics


def main(args: list[str]) -> int:
    """Serve until stdin ends; the kernel frees the rest."""
    try:
        bootstrap = start(parse_topics(args))
    except SipeError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the parent reads it from the log
        return error.exit_code
    serve_until_parent_leaves({"bootstrap": bootstrap})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
