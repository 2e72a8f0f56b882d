from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Consumer

from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import watermarks
from connectors.kafka.config import consumer_config
from connectors.kafka.retention import BACKLOG_BYTES_MAX, RETENTION_BYTES, Backlog
from connectors.kafka.sender import EventSender
from connectors.kafka.source import Position, StationEventSource
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError

TOPIC = STATION_EVENTS_TOPIC.name
MESSAGE_BYTES = 5_000
MESSAGES = 5 * RETENTION_BYTES // MESSAGE_BYTES + 1
DEADLINE_S = 60.0


def payload(number: int) -> bytes:
    """Bytes that no compression makes smaller, so that what is stored is as big as what is sent."""
    return random.Random(number).randbytes(MESSAGE_BYTES)


def oldest_offset(address: KafkaAddress) -> int:
    consumer = Consumer(consumer_config(address))
    try:
        return watermarks(consumer, address, TOPIC, 0)[0]
    finally:
        consumer.close()


class LaggingStore(threading.Thread):
    """Reads partition 0 with the production source, slower than anybody sends, and keeps all of it."""

    def __init__(self, address: KafkaAddress, count: int) -> None:
        super().__init__()
        self._reader = StationEventSource(address, TOPIC, epoch=1, batch_records_max=50).build_part("in", "0", None)
        self._count = count
        self.values: list[bytes] = []

    def run(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while len(self.values) < self._count and time.monotonic() < deadline:
            for _, batch in self._reader.next_batch():
                self.values.extend(record.value for record in batch.records)
            time.sleep(0.005)  # the lag: at most 50 records per 5 ms
        self._reader.close()

    def progress(self) -> dict[int, int]:
        return {0: len(self.values)}


@pytest.mark.stack
def test_five_times_what_the_broker_retains_arrives_whole_at_a_store_that_lags(
    start_broker: Callable[[int], ChildServer],
) -> None:
    address = KafkaAddress(start_broker(1).ready["bootstrap"])
    store = LaggingStore(address, MESSAGES)
    ahead_bytes = []

    def progress() -> dict[int, int]:
        stored = store.progress()
        ahead_bytes.append(sent * MESSAGE_BYTES - stored[0] * MESSAGE_BYTES)
        return stored

    sent = 0
    store.start()
    with EventSender(address, progress=progress) as sender:
        for number in range(MESSAGES):
            sender.send_raw(b"key", payload(number))
            sent += 1
    store.join(DEADLINE_S)

    assert store.values == [payload(number) for number in range(MESSAGES)]
    assert oldest_offset(address) > 0.7 * MESSAGES, "the broker should have dropped most of it by now"
    assert len(ahead_bytes) > 10, "the sender should have been held up"
    assert max(ahead_bytes) < BACKLOG_BYTES_MAX + 2 * MESSAGE_BYTES


@pytest.mark.stack
def test_without_the_guard_the_broker_drops_what_nobody_read_and_both_ends_notice(
    start_broker: Callable[[int], ChildServer],
) -> None:
    address = KafkaAddress(start_broker(1).ready["bootstrap"])
    with EventSender(address) as careless:
        for number in range(2 * RETENTION_BYTES // MESSAGE_BYTES):
            careless.send_raw(b"key", payload(number))
        assert careless.ends() == {0: 2 * RETENTION_BYTES // MESSAGE_BYTES}, "every message was acknowledged"

    oldest = oldest_offset(address)
    assert oldest > 0

    with pytest.raises(
        SipeError, match=rf"{TOPIC}\[0\].*goes on at offset 0, but the log begins at {oldest}: .*deleted"
    ):
        StationEventSource(address, TOPIC, epoch=1).build_part("in", "0", Position(1, 0))

    nothing_stored: dict[int, int] = {}
    careful = EventSender(address, progress=lambda: nothing_stored)
    careful.tick(1)
    with pytest.raises(SipeError, match=rf"{TOPIC}\[0\]: .* dropped offsets 0 to {oldest - 1} before they were stored"):
        careful.close()

    stored = {0: oldest}
    with EventSender(address, progress=lambda: stored) as after_that:
        after_that.tick(2)


@pytest.mark.stack
def test_a_record_that_is_dropped_under_a_reader_stops_it(start_broker: Callable[[int], ChildServer]) -> None:
    address = KafkaAddress(start_broker(1).ready["bootstrap"])
    reader = StationEventSource(address, TOPIC, epoch=1).build_part("in", "0", Position(1, 0))
    reader._consumer.pause(reader._consumer.assignment())
    with EventSender(address) as careless:
        for number in range(2 * RETENTION_BYTES // MESSAGE_BYTES):
            careless.send_raw(b"key", payload(number))
    reader._consumer.resume(reader._consumer.assignment())

    def read_something() -> None:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and reader.next_batch() == []:
            pass

    with pytest.raises(SipeError, match=rf"{TOPIC}\[0\]@0: .*[Oo]ffset out of range"):
        read_something()
    reader.close()


@pytest.mark.stack
def test_a_sender_says_when_nothing_is_stored_any_more(start_broker: Callable[[int], ChildServer]) -> None:
    address = KafkaAddress(start_broker(1).ready["bootstrap"])

    def send_all() -> None:
        with EventSender(address, progress=dict, stall_timeout_s=0.5) as sender:
            for number in range(MESSAGES):
                sender.send_raw(b"key", payload(number))

    with pytest.raises(SipeError, match=rf"{TOPIC}: \d+ bytes .* none of them stored for 0.5 s; .*is the flow running"):
        send_all()
    assert oldest_offset(address) == 0


def test_a_backlog_is_what_was_added_and_not_yet_stored() -> None:
    backlog = Backlog()
    for offset in range(3, 8):
        backlog.add(offset, 10)
    backlog.drop_before(3)
    assert backlog.size_bytes == 50
    backlog.drop_before(6)
    assert backlog.size_bytes == 20
    backlog.drop_before(100)
    assert backlog.size_bytes == 0
