"""Sends a record as no Python client would: with a header whose name is any bytes."""

from __future__ import annotations

import ctypes

from connectors.embedded.broker import load_librdkafka

_TOPIC, _VALUE, _MSGFLAGS, _HEADER, _END = 1, 4, 7, 9, 0
"""rd_kafka_vtype_t: which argument follows in `rd_kafka_producev`."""
_COPY = 0x2
_PRODUCER = 0
_FLUSH_MS = 15_000


def produce_with_header(bootstrap: str, topic: str, name: bytes, value: bytes | None) -> None:
    """Send one record with the value `{}` and one header, and wait for its acknowledgement."""
    library = load_librdkafka()
    reason = ctypes.create_string_buffer(512)
    config = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(config, b"bootstrap.servers", bootstrap.encode(), reason, len(reason))
    producer = ctypes.c_void_p(library.rd_kafka_new(_PRODUCER, config, reason, len(reason)))
    code = library.rd_kafka_producev(
        producer,
        ctypes.c_int(_TOPIC), ctypes.c_char_p(topic.encode()),
        ctypes.c_int(_MSGFLAGS), ctypes.c_int(_COPY),
        ctypes.c_int(_VALUE), ctypes.c_char_p(b"{}"), ctypes.c_size_t(2),
        ctypes.c_int(_HEADER), ctypes.c_char_p(name), ctypes.c_char_p(value), ctypes.c_ssize_t(len(value or b"")),
        ctypes.c_int(_END),
    )  # fmt: skip
    assert code == 0, f"librdkafka error {code}"
    assert library.rd_kafka_flush(producer, ctypes.c_int(_FLUSH_MS)) == 0
    library.rd_kafka_destroy(producer)
