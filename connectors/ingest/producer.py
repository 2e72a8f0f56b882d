"""Gets batches of events into Kafka, and says of each event whether it is there.

One confluent-kafka producer, and one thread that polls it, for all batches of a process. A delivery report comes per
message: it is what makes an answer honest where some events were delivered and others not, and costs about 1 us.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, Message, Producer

from connectors.ingest.batch import Valid
from connectors.ingest.busy import Busy
from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import partition_count, reason
from connectors.kafka.config import LOGGER, producer_config
from sipe.contracts.topics import STATION_EVENTS_TOPIC

DEADLINE_S = 10.0
"""A batch that Kafka has not acknowledged by then is answered as far as it is; the rest may still get there."""
QUEUE_BYTES_MAX = 48 * 1024 * 1024
"""Of all batches on their way. Below what the client itself queues, so that a batch is queued whole or not at all."""
EVENT_OVERHEAD_BYTES = 256
"""About what an event on its way takes in this process beside its bytes."""
LINGER_MS = 5
"""A batch comes at once and is waited for; longer would only be waited for."""
RETRY_FULL_S = 1
RETRY_SILENT_S = 5
CLOSE_S = 5.0
_POLL_S = 0.2

_log = logging.getLogger(__name__)


class Delivery:
    """A batch on its way, and what was reported of it."""

    def __init__(self, events: Sequence[Valid], size_bytes: int, finish: Callable[[Delivery], None]) -> None:
        self.events = events
        self.size_bytes = size_bytes
        self.finished = threading.Event()
        """Everything of it is reported."""
        self.error: KafkaError | None = None
        """The last failure of one of its events."""
        self._missing = len(events)
        self._finish = finish
        self._reports: list[Message] = []

    def report(self, error: KafkaError | None, message: Message) -> None:
        """Kafka has a message, or never will. Called for each one of millions: it notes, and works nothing out."""
        if error is not None:
            self.error = error
        self._reports.append(message)
        if len(self._reports) == self._missing:
            self._finish(self)

    def refused(self, errors: Sequence[KafkaError]) -> None:
        """So many were not even queued, and will not be reported."""
        self.error = errors[-1]
        self._missing -= len(errors)
        if len(self._reports) == self._missing:
            self._finish(self)

    def acknowledged(self) -> list[bool]:
        """Of each event, whether Kafka has acknowledged it by now."""
        if self.finished.is_set() and self.error is None:
            return [True] * len(self.events)
        # Two events of the same bytes are the same: which of them was acknowledged makes no difference.
        there = Counter((message.key(), message.value()) for message in tuple(self._reports) if message.error() is None)
        found = []
        for event in self.events:
            found.append(there[event.key, event.raw] > 0)
            there[event.key, event.raw] -= 1
        return found


class IngestProducer:
    """Sends events with acknowledgement by all replicas and without doubling on its own retries; for any thread.

    A batch that was not acknowledged in time stays on its way, and may arrive. Until it has, or is given up, no other
    batch is taken: Kafka is silent, and more would only be sent twice. `late` gets what arrives after all.
    """

    def __init__(
        self,
        kafka: KafkaAddress,
        *,
        topic: str = STATION_EVENTS_TOPIC.name,
        deadline_s: float = DEADLINE_S,
        queue_bytes_max: int = QUEUE_BYTES_MAX,
        late: Callable[[Sequence[Valid]], None] = lambda events: None,
    ) -> None:
        """Raises `SipeError` without a broker or the topic."""
        self._kafka = kafka
        self._topic = topic
        self._deadline_s = deadline_s
        self._queue_bytes_max = queue_bytes_max
        self._late = late
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._overdue: set[Delivery] = set()
        self._fatal = False
        self._renewing = threading.Lock()
        self._closing = threading.Event()
        self._producer = self._connected()
        partition_count(self._producer, kafka, topic)
        self._thread = threading.Thread(target=self._poll, name="ingest producer", daemon=True)
        self._thread.start()

    def send(self, events: Sequence[Valid]) -> list[bool]:
        """Queue and wait."""
        return self.wait(self.queue(events))

    def queue(self, events: Sequence[Valid]) -> Delivery:
        """Send events, in their order; raises `Busy`, and then nothing is sent."""
        size_bytes = sum([len(event.raw) for event in events]) + len(events) * EVENT_OVERHEAD_BYTES
        delivery = Delivery(events, size_bytes, self._finished)
        if not events:
            delivery.finished.set()
            return delivery
        messages: list[dict[str, Any]] = [{"value": event.raw, "key": event.key} for event in events]
        if self._fatal:
            self._renew()
        self._reserve(size_bytes)
        queued = self._producer.produce_batch(self._topic, messages, on_delivery=delivery.report)
        if queued < len(messages):
            delivery.refused([message["_error"] for message in messages if "_error" in message])
        return delivery

    def wait(self, delivery: Delivery) -> list[bool]:
        """Of each event, whether Kafka has acknowledged it within the deadline; raises `Busy` when none of them."""
        if not delivery.finished.wait(self._deadline_s):
            with self._lock:
                if not delivery.finished.is_set():
                    self._overdue.add(delivery)
        found = delivery.acknowledged()
        if found and not any(found):
            raise Busy(self._why(delivery), RETRY_SILENT_S)
        return found

    def close(self) -> None:
        """Take nothing more, wait a little for what is on its way, then give it up. Closing twice is fine."""
        with self._lock:
            self._closing.set()
        self._thread.join()
        self._producer.flush(CLOSE_S)
        _abandon(self._producer)

    def _connected(self) -> Producer:
        config = {
            **producer_config(self._kafka),
            "linger.ms": LINGER_MS,
            "queue.buffering.max.messages": self._queue_bytes_max // EVENT_OVERHEAD_BYTES + 100_000,
            "queue.buffering.max.kbytes": 2 * self._queue_bytes_max // 1024 + 64 * 1024,
        }
        return Producer(config, logger=LOGGER)

    def _reserve(self, size_bytes: int) -> None:
        with self._lock:
            if self._closing.is_set():
                raise Busy("this process ends: another one takes its place", RETRY_FULL_S)
            if self._overdue:
                raise Busy(f"Kafka at {self._kafka} does not acknowledge what it was sent", RETRY_SILENT_S)
            if self._waiting_bytes and self._waiting_bytes + size_bytes > self._queue_bytes_max:
                raise Busy(f"{self._waiting_bytes} bytes are on their way to Kafka", RETRY_FULL_S)
            self._waiting_bytes += size_bytes

    def _finished(self, delivery: Delivery) -> None:
        """Called with the last report of a batch."""
        with self._lock:
            if delivery.finished.is_set():  # the last report came while another thread learnt that it was the last
                return
            self._waiting_bytes -= delivery.size_bytes
            delivery.finished.set()
            late = delivery in self._overdue
            self._overdue.discard(delivery)
        if delivery.error is not None and _is_fatal(delivery.error):
            self._fatal = True
        if late:
            found = delivery.acknowledged()
            self._late([event for event, there in zip(delivery.events, found, strict=True) if there])

    def _renew(self) -> None:
        with self._renewing:
            if not self._fatal:
                return
            _log.warning("the Kafka producer has failed for good; another one takes its place")
            failed, self._producer = self._producer, self._connected()
            self._fatal = False
        _abandon(failed)

    def _why(self, delivery: Delivery) -> str:
        where = f"{self._topic} at {self._kafka}"
        if delivery.error is not None:
            return f"{where} took none of {len(delivery.events)} events: {reason(delivery.error)}"
        return f"{where} acknowledged none of {len(delivery.events)} events within {self._deadline_s:g} s"

    def _poll(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(_POLL_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _abandon(producer: Producer) -> None:
    """What is on its way is given up, and reported as that."""
    producer.purge()
    producer.flush(CLOSE_S)


def _is_fatal(error: KafkaError) -> bool:
    """An idempotent producer that cannot keep its promise ends for good: nothing goes through it any more."""
    return error.fatal() or error.name() == "_FATAL"
