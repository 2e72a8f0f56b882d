"""Sends station events and ticks to their topic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import Patience, partition_count, reason, watermarks
from connectors.kafka.config import LOGGER, consumer_config, producer_config
from connectors.kafka.retention import RECORD_OVERHEAD_BYTES, Progress, RetentionGuard
from sipe.contracts.codec import MESSAGE_BYTES_MAX, encode
from sipe.contracts.events import ClockAdvanced, StationEvent
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError

Header = tuple[str, str | bytes | None]

ANY_PARTITION = -1
_FLUSH_STEP_S = 0.2
_THROTTLE_STEP_S = 0.02


class EventSender:
    """What it sends is in the log once `flush` returns, per partition in the order of the calls.

    Given `progress`, it never runs further ahead of the store than the embedded broker retains, and says so when
    something was dropped all the same. It gives up when nothing has moved for `stall_timeout_s`. For one thread only.
    """

    def __init__(
        self,
        kafka: KafkaAddress,
        *,
        topic: str = STATION_EVENTS_TOPIC.name,
        progress: Progress | None = None,
        stall_timeout_s: float = 120.0,
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._stall_timeout_s = stall_timeout_s
        self._producer = Producer(producer_config(kafka), logger=LOGGER)
        # Asked for before anything is sent, so that a missing broker or topic is an error here and not a timeout.
        self._partitions = partition_count(self._producer, kafka, topic)
        self._guard = RetentionGuard(kafka, topic, self._partitions, progress) if progress else None
        self._failure: str | None = None
        self._ends: dict[int, int] = {}
        self._ends_unknown: set[int] = set()

    def send(self, event: StationEvent) -> None:
        """Send an event under its station's key; raises `SipeError` when it is too big or an earlier one failed."""
        self.send_raw(event.station.encode(), encode(event))

    def send_raw(self, key: bytes | None, value: bytes, headers: Sequence[Header] = ()) -> None:
        """Send any bytes under any key."""
        self._produce(value, key, ANY_PARTITION, headers)

    def tick(self, now_ms: int) -> None:
        """Tell every partition what time it is, after everything sent before."""
        value = encode(ClockAdvanced(now_ms=now_ms))
        for partition in range(self._partitions):
            self._produce(value, None, partition)

    def flush(self) -> None:
        """Return when all is acknowledged; raises `SipeError` that names the first failed delivery."""
        patience = Patience(self._stall_timeout_s)
        while left := self._producer.flush(_FLUSH_STEP_S):
            patience.watch(left, self._unacknowledged(left))
        self._raise_failure()
        if self._guard:
            self._guard.refresh()

    def ends(self) -> dict[int, int]:
        """Flush, then per partition sent to, the offset after the last record: all before it is in the log."""
        self.flush()
        if self._ends_unknown:
            consumer = Consumer(consumer_config(self._kafka), logger=LOGGER)
            for partition in self._ends_unknown:
                self._ends[partition] = watermarks(consumer, self._kafka, self._topic, partition)[1]
            consumer.close()
            self._ends_unknown.clear()
        return dict(sorted(self._ends.items()))

    def close(self) -> None:
        """Flush, then let go of the connections."""
        try:
            self.flush()
        finally:
            self.abandon()

    def _produce(self, value: bytes, key: bytes | None, partition: int, headers: Sequence[Header] = ()) -> None:
        self._raise_failure()
        if len(value) > MESSAGE_BYTES_MAX:
            raise _too_big(self._topic, len(value))
        size_bytes = _size_bytes(key, value)
        if self._guard:
            self._throttle(self._guard)
            self._guard.sent(size_bytes)
        patience = Patience(self._stall_timeout_s)
        while not self._queued(value, key, partition, list(headers)):
            self._producer.poll(_FLUSH_STEP_S)  # delivery reports make room
            self._raise_failure()
            patience.watch(len(self._producer), self._unacknowledged(len(self._producer)))
        self._producer.poll(0)

    def _queued(self, value: bytes, key: bytes | None, partition: int, headers: list[Header]) -> bool:
        try:
            self._producer.produce(self._topic, value, key, partition, headers=headers, on_delivery=self._delivered)
        except BufferError:
            return False
        except KafkaException as error:
            raise self._refused(error.args[0], len(value)) from error
        return True

    def _throttle(self, guard: RetentionGuard) -> None:
        patience = Patience(self._stall_timeout_s)
        while guard.full:
            time.sleep(_THROTTLE_STEP_S)
            self._producer.poll(0)
            self._raise_failure()
            guard.refresh()
            patience.watch(
                guard.backlog_bytes,
                f"{self._topic}: {guard.backlog_bytes} bytes were sent and none of them stored for "
                f"{patience.timeout_s:g} s; the embedded broker can hold no more: is the flow running?",
            )

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        if error is not None or partition is None:
            why = reason(error) if error else "unknown partition"
            self._failure = self._failure or f"{self._topic}[{partition}] at {self._kafka}: {why}"
            return
        if offset is None or offset < 0:  # a retry found it in the log already; the broker no longer knows where
            self._ends_unknown.add(partition)
            offset = self._ends.get(partition, 0)
        self._ends[partition] = offset + 1
        if self._guard:
            self._guard.delivered(partition, offset, _size_bytes(message.key(), message.value()))

    def _refused(self, error: KafkaError, value_bytes: int) -> SipeError:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:  # with a key that is no station's name
            return _too_big(self._topic, value_bytes)
        return SipeError(f"{self._topic} at {self._kafka} took no message: {reason(error)}")

    def _unacknowledged(self, count: int) -> str:
        return (
            f"{count} messages to {self._topic} wait for an acknowledgement and the Kafka broker at "
            f"{self._kafka} gave none for {self._stall_timeout_s:g} s: is it running?"
        )

    def _raise_failure(self) -> None:
        if self._failure:
            raise SipeError(f"a message was not delivered to {self._failure}")

    def abandon(self) -> None:
        """Let go of the connections, and of what is not acknowledged: some of it may be in the log all the same."""
        self._producer.purge()
        self._producer.flush(_FLUSH_STEP_S)
        if self._guard:
            self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:  # what went wrong matters more than what is still queued
            self.abandon()


def _too_big(topic: str, value_bytes: int) -> SipeError:
    return SipeError(
        f"too_big: a message of {value_bytes} bytes was not sent to {topic}, at most {MESSAGE_BYTES_MAX} are allowed "
        "with a key as long as a station's name: split it"
    )


def _size_bytes(key: bytes | None, value: bytes | None) -> int:
    return len(key or b"") + len(value or b"") + RECORD_OVERHEAD_BYTES
