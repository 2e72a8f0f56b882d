"""Writes dead letters to their topic: nothing goes on before every one of them is in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import Patience
from connectors.kafka.config import LOGGER, producer_config
from sipe.contracts.letters import Letter, wire_headers
from sipe.contracts.topics import STATION_EVENTS_DLQ_TOPIC
from sipe.errors import SipeError
from sipe.metrics import DEAD_LETTER_RETRIES, UNMONITORED, Monitor

GIVE_UP_AFTER_S = 300.0
PAUSE_S = 1.0
"""Between attempts, while the topic cannot be written."""
DRAIN_S = 4.0
"""Once it has to end, it waits for so much longer: an answer may be on its way."""
SENT_BYTES_MAX = 64 * 1024 * 1024
"""Of one message, by this client: how much a topic takes, the topic says."""
METADATA_TIMEOUT_S = 2.0
_STEP_S = 0.2

LASTING_CODES = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
    }
)
"""Errors that no waiting heals: somebody has to change the topic or the rights to it."""

_log = logging.getLogger(__name__)


class LetterWriter:
    """Writes letters; for one thread or worker.

    While the broker is away or the topic is missing it waits. It gives up when nothing was acknowledged for
    `give_up_after_s`, and `DRAIN_S` after `stopping` says so. A letter may be written twice, and is never left out.
    """

    def __init__(
        self,
        kafka: KafkaAddress,
        *,
        topic: str = STATION_EVENTS_DLQ_TOPIC.name,
        stopping: Callable[[], bool] = lambda: False,
        give_up_after_s: float = GIVE_UP_AFTER_S,
        monitor: Monitor = UNMONITORED,
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._stopping = stopping
        self._give_up_after_s = give_up_after_s
        self._monitor = monitor
        self._producer: Producer | None = None
        self._partitions = 0
        self._drained_by_s: float | None = None

    def write(self, letters: Sequence[Letter]) -> None:
        """Return when every letter is acknowledged.

        Raises `SipeError` when the broker refuses them, after waiting in vain, or when stopped while waiting. Then some
        of the letters may be in, and the caller has to write all of them again.
        """
        waiting = dict(enumerate(letters))
        patience = Patience(self._give_up_after_s)
        while waiting:
            try:
                self._send(waiting, patience)
            except KafkaException as error:
                self.close()  # what the producer still holds goes out with the next attempt
                self._wait_after(error.args[0], waiting, patience)

    def close(self) -> None:
        """Let go of the connection; between two calls of `write` nothing is on its way."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(_STEP_S)
            self._producer = None

    def _send(self, waiting: dict[int, Letter], patience: Patience) -> None:
        """Send what waits, and take out what is acknowledged; raises `KafkaException` at the first failure."""
        producer = self._connected()
        failures: list[KafkaError] = []

        def delivered(number: int, error: KafkaError | None, _: Message) -> None:
            if error is None:
                waiting.pop(number, None)
            else:
                failures.append(error)

        for number, letter in list(waiting.items()):
            while not self._queued(producer, letter, partial(delivered, number)):
                producer.poll(_STEP_S)  # delivery reports make room
                self._watch(waiting, patience, "no acknowledgement")
        while producer.flush(_STEP_S) and not failures:
            self._watch(waiting, patience, "no acknowledgement")
        if failures:
            raise KafkaException(failures[0])

    def _connected(self) -> Producer:
        """The producer; asks for the topic first, because a producer may create a missing one just by writing to it."""
        if self._producer is None:
            self._producer = Producer(producer_config(self._kafka, record_bytes_max=SENT_BYTES_MAX), logger=LOGGER)
            topics = self._producer.list_topics(timeout=METADATA_TIMEOUT_S).topics
            if self._topic not in topics or not topics[self._topic].partitions:  # without any, it is just being made
                raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
            self._partitions = len(topics[self._topic].partitions)
        return self._producer

    def _queued(self, producer: Producer, letter: Letter, on_delivery: Callable[..., None]) -> bool:
        headers = letter.headers
        partition = headers.partition % self._partitions  # the letters of a partition stay in its order
        try:
            producer.produce(
                self._topic,
                letter.value,
                letter.key,
                partition,
                headers=wire_headers(headers),
                on_delivery=on_delivery,
            )
        except BufferError:
            return False
        return True

    def _wait_after(self, error: KafkaError, waiting: dict[int, Letter], patience: Patience) -> None:
        if error.code() in LASTING_CODES:
            raise SipeError(
                f"{self._topic} at {self._kafka} refuses dead letters: {error.str()}; see `dead letters` in "
                "docs/operations.md"
            )
        told = {"records": len(waiting), "topic": self._topic, "error": error.str()}
        _log.warning("dead letters wait for their topic and are sent again", extra=told)
        self._monitor.count(DEAD_LETTER_RETRIES, len(waiting))
        until = time.monotonic() + PAUSE_S
        while time.monotonic() < until:
            self._watch(waiting, patience, error.str())
            time.sleep(_STEP_S)

    def _watch(self, waiting: dict[int, Letter], patience: Patience, why: str) -> None:
        where = f"{self._topic} at {self._kafka}"
        if self._drained_by_s is None and self._stopping():
            self._drained_by_s = time.monotonic() + DRAIN_S
        if self._drained_by_s is not None and time.monotonic() > self._drained_by_s:
            raise SipeError(f"stopped while {len(waiting)} dead letters waited for {where} ({why}); nothing is lost")
        patience.watch(
            len(waiting),
            f"gave up: {len(waiting)} dead letters waited {patience.timeout_s:g} s for {where} ({why}); "
            "is the broker running, is the topic there, and may we write to it?",
        )
