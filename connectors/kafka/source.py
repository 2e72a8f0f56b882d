"""Reads a topic into a Bytewax dataflow, one batch of records per item, and resumes exactly where it left off."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import partition_count, reason, watermarks
from connectors.kafka.config import LOGGER, consumer_config
from connectors.kafka.headers import headers_of
from connectors.kafka.identity import TopicIdentity
from connectors.kafka.records import Record, RecordBatch
from sipe.contracts.letters import attempt_of
from sipe.errors import SipeError
from sipe.metrics import RECORDS_READ, SNAPSHOT_TIME, SOURCE_LAG, UNMONITORED, Monitor

BATCH_RECORDS_MAX = 5_000
IDLE_POLL = timedelta(milliseconds=20)
"""Has to stay below the flow's snapshot interval, else Bytewax takes no snapshot while the log is silent."""

LAG_EVERY_S = 1.0

_log = logging.getLogger(__name__)


class Position(NamedTuple):
    """What is saved of a partition: an offset means nothing without the log it counts in."""

    epoch: int
    """The log's name in the store."""
    offset: int
    """Of the next record."""
    topic_id: str | None = None
    """Kafka's id of the topic tells that it was made anew; the embedded broker has none."""
    handed_on: bool = True
    """False until the first record went to the fold, so as long as no state of the fold is saved beside this."""


def _never() -> bool:
    return False


def _nothing_stored(partition: int) -> None:
    del partition


class StationEventSource(FixedPartitionedSource[tuple[str, RecordBatch], Position]):
    """Every record of the topic, per partition in log order, keyed by the partition's number.

    With a saved position it goes on at that very record or not at all. Without one it goes on at `stored_offset` of the
    partition, up to which the store holds the log of this epoch, likewise; where that holds nothing, at the beginning.
    Once `stop` says so, the source ends as at the end of its input, so that the flow drains and saves its state.
    """

    def __init__(
        self,
        kafka: KafkaAddress,
        topic: str,
        epoch: int,
        *,
        stored_offset: Callable[[int], int | None] = _nothing_stored,
        stop: Callable[[], bool] = _never,
        batch_records_max: int = BATCH_RECORDS_MAX,
        monitor: Monitor = UNMONITORED,
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._epoch = epoch
        self._stored_offset = stored_offset
        self._stop = stop
        self._batch_records_max = batch_records_max
        self._monitor = monitor

    def list_parts(self) -> list[str]:
        """The partitions that the broker has; raises `SipeError` without a broker or topic."""
        consumer = Consumer(consumer_config(self._kafka), logger=LOGGER)
        try:
            return [str(number) for number in range(partition_count(consumer, self._kafka, self._topic))]
        finally:
            consumer.close()

    def build_part(self, step_id: str, for_part: str, resume_state: Position | None) -> PartitionReader:
        """Open one partition at the saved position; raises `SipeError` when the log no longer has it."""
        partition = int(for_part)
        consumer = Consumer(consumer_config(self._kafka), logger=LOGGER)
        try:
            identity = TopicIdentity(self._kafka, self._topic)  # first: a topic made anew from here on is found out
            low, high = watermarks(consumer, self._kafka, self._topic, partition)
            start = self._start(partition, resume_state, identity.id, low, high)
            consumer.assign([TopicPartition(self._topic, partition, OFFSET_BEGINNING if start is None else start)])
        except BaseException:
            consumer.close()
            raise
        self._monitor.assigned(f"{self._topic}[{partition}]")
        handed_on = resume_state is not None and resume_state.handed_on
        position = Position(self._epoch, low if start is None else start, identity.id, handed_on)
        told = {"partition": partition, "epoch": self._epoch, "offset": position.offset, "topic": self._topic}
        _log.info("a partition is read from here on", extra=told)
        return PartitionReader(
            consumer,
            self._topic,
            partition,
            position=position,
            identity=identity,
            stop=self._stop,
            batch_records_max=self._batch_records_max,
            monitor=self._monitor,
        )

    def _start(self, partition: int, saved: Position | None, found_id: str | None, low: int, high: int) -> int | None:
        """The offset to go on at; None is the beginning, whatever it is by now."""
        if saved:
            self._check_log(partition, saved, found_id)
        if not (saved and saved.handed_on) and (stored := self._stored_offset(partition)) is not None:
            return self._checked(partition, "nothing is saved and the store goes on", stored, low, high)
        return self._checked(partition, "the recovery goes on", saved.offset, low, high) if saved else None

    def _check_log(self, partition: int, saved: Position, found_id: str | None) -> None:
        """Raise `SipeError` when the saved position counts in another log."""
        if saved.epoch != self._epoch:
            raise SipeError(
                f"{self._where(partition)}: the log epoch is {self._epoch}, the recovery is of epoch {saved.epoch}; "
                f"start with SIPE_LOG_EPOCH={saved.epoch} if the log is still the same, "
                f"else {self._rebuild(saved.epoch)}"
            )
        if found_id and saved.topic_id and found_id != saved.topic_id:
            raise SipeError(
                f"{self._where(partition)}: the topic was deleted and made anew since the state was saved (its id was "
                f"{saved.topic_id} and is {found_id}): it is a different log; {self._rebuild()}"
            )

    def _checked(self, partition: int, what: str, offset: int, low: int, high: int) -> int:
        """The offset, if the log has its record, or is about to get it."""
        if offset < low:
            raise SipeError(
                f"{self._where(partition)}: {what} at offset {offset}, but the log begins at {low}: "
                f"records were deleted before they were read; {self._rebuild()}"
            )
        if offset > high:
            raise SipeError(
                f"{self._where(partition)}: {what} at offset {offset}, but the log ends at {high}: "
                f"it is a different, shorter log; {self._rebuild()}"
            )
        return offset

    def _where(self, partition: int) -> str:
        return f"{self._topic}[{partition}] at {self._kafka}"

    def _rebuild(self, saved_epoch: int = 0) -> str:
        return f"start with SIPE_LOG_EPOCH={max(self._epoch, saved_epoch) + 1} to rebuild the state from the archive"


class PartitionReader(StatefulSourcePartition[tuple[str, RecordBatch], Position]):
    """One partition, read without ever blocking the worker."""

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        partition: int,
        *,
        position: Position,
        identity: TopicIdentity,
        stop: Callable[[], bool],
        batch_records_max: int,
        monitor: Monitor,
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._partition = partition
        self._key = str(partition)
        self._epoch, self._next_offset, self._topic_id, self._handed_on = position
        self._identity = identity
        self._stop = stop
        self._batch_records_max = batch_records_max
        self._monitor = monitor
        self._lag_due_s = 0.0
        self._awake: datetime | None = None

    def next_batch(self) -> list[tuple[str, RecordBatch]]:
        """What has arrived, as one item, or nothing; raises `SipeError` that names the place in the log."""
        self._monitor.turned()
        if self._stop():
            raise StopIteration
        self._identity.check()
        self._tell_lag()
        messages = self._consumer.consume(self._batch_records_max, 0)
        if not messages:
            self._awake = datetime.now(UTC) + IDLE_POLL
            return []
        self._awake = None
        records = [self._record(message) for message in messages]
        self._next_offset, self._handed_on = records[-1].offset + 1, True
        self._monitor.count(RECORDS_READ, len(records), partition=self._partition)
        return [(self._key, RecordBatch(self._epoch, self._partition, records))]

    def next_awake(self) -> datetime | None:
        """At once while there is something to read, soon when there is not."""
        return self._awake

    def snapshot(self) -> Position:
        """Where to go on, and in which log."""
        self._monitor.set(SNAPSHOT_TIME, time.time())
        return Position(self._epoch, self._next_offset, self._topic_id, self._handed_on)

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _tell_lag(self) -> None:
        """Now and then, from what the last fetch told of the log's end."""
        now_s = time.monotonic()
        if now_s < self._lag_due_s:
            return
        self._lag_due_s = now_s + LAG_EVERY_S
        known = self._consumer.get_watermark_offsets(TopicPartition(self._topic, self._partition), cached=True)
        if known and known[1] >= 0:
            self._monitor.set(SOURCE_LAG, max(known[1] - self._next_offset, 0), partition=self._partition)

    def _record(self, message: Message) -> Record:
        error, offset = message.error(), message.offset()
        if error is not None or offset is None:
            why = reason(error) if error else "a record without an offset"
            raise SipeError(f"{self._topic}[{self._partition}]@{self._next_offset}: {why}")
        value, attempt = message.value() or b"", attempt_of(headers_of(message))
        return Record(offset, message.timestamp()[1], message.key(), value, attempt)
