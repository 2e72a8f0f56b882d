from __future__ import annotations

import gzip
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.cimpl import NewTopic
from kafka_cluster import KafkaCluster
from real_services import require
from station_topics import new_station_events

from connectors.embedded.process import ChildServer
from connectors.ingest.batch import Sender, Valid
from connectors.ingest.busy import Busy, TooFast
from connectors.ingest.intake import Intake
from connectors.ingest.producer import IngestProducer
from connectors.ingest.rate import Rates
from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import partition_count, watermarks
from connectors.kafka.config import LOGGER, consumer_config
from models.refusal import Refused
from sipe.contracts.codec import encode
from sipe.contracts.events import GapDetected, Heartbeat
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError

TOPIC = STATION_EVENTS_TOPIC.name
NOW_MS = 1_772_445_600_000
PATIENCE_S = 30.0

pytestmark = pytest.mark.stack

Records = Counter[tuple[bytes | None, bytes | None]]


def valid(seq: int, station: str = "s.a.l.one", boot: int = 1) -> Valid:
    raw = encode(Heartbeat(station=station, boot=boot, seq=seq, ts_ms=NOW_MS + seq))
    return Valid(seq, Sender(station, "device", boot), seq, station.encode(), raw, False)


def batch(first: int, last: int) -> list[Valid]:
    return [valid(seq, f"s.a.l.station-{seq % 7}") for seq in range(first, last + 1)]


def body(events: list[Valid]) -> bytes:
    return b"\n".join(event.raw for event in events)


def sent(events: list[Valid]) -> Records:
    return Counter((event.key, event.raw) for event in events)


def stored(address: KafkaAddress, topic: str = TOPIC) -> tuple[Records, dict[bytes | None, list[bytes | None]]]:
    """What the topic holds: all of it, and by key in the order of the log."""
    consumer = Consumer(consumer_config(address), logger=LOGGER)
    records: Records = Counter()
    by_key: dict[bytes | None, list[bytes | None]] = {}
    try:
        for partition in range(partition_count(consumer, address, topic)):
            low, high = watermarks(consumer, address, topic, partition)
            consumer.assign([TopicPartition(topic, partition, low)])
            deadline = time.monotonic() + PATIENCE_S
            while low < high and time.monotonic() < deadline:
                for message in consumer.consume(1_000, 0.2):
                    assert message.error() is None, message.error()
                    offset = message.offset()
                    assert offset is not None
                    low = offset + 1
                    records[message.key(), message.value()] += 1
                    by_key.setdefault(message.key(), []).append(message.value())
            assert low >= high
    finally:
        consumer.close()
    return records, by_key


@contextmanager
def embedded(tmp_path: Path, partitions: int = 2) -> Iterator[ChildServer]:
    topic = f"{TOPIC}:{partitions}"
    with ChildServer("connectors.embedded.broker", topic, log_path=tmp_path / "broker.log") as server:
        yield server


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.needs("kafka"))])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KafkaAddress]:
    """A broker, embedded or real, with a fresh topic of two partitions."""
    if request.param == "embedded":
        with embedded(tmp_path) as server:
            yield KafkaAddress(server.ready["bootstrap"])
        return
    kafka: KafkaCluster = request.getfixturevalue("kafka")
    yield new_station_events(kafka, 2)
    kafka.delete_topic(TOPIC)


class Frozen:
    """A broker of its own that can be frozen."""

    def __init__(self, address: KafkaAddress, freeze: Callable[[], None], thaw: Callable[[], None]) -> None:
        self.address = address
        self.freeze = freeze
        self.thaw = thaw


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=[pytest.mark.needs("kafka"), pytest.mark.long])])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Frozen]:
    if request.param == "embedded":
        with embedded(tmp_path) as server:
            pid = server.pid
            try:
                yield Frozen(
                    KafkaAddress(server.ready["bootstrap"]),
                    lambda: os.kill(pid, signal.SIGSTOP),
                    lambda: os.kill(pid, signal.SIGCONT),
                )
            finally:
                os.kill(pid, signal.SIGCONT)
        return
    require("kafka")
    with KafkaCluster(tmp_path) as cluster:
        yield Frozen(new_station_events(cluster, 2), cluster.freeze, cluster.thaw)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_was_acknowledged_is_in_the_topic_as_it_was_sent_and_in_order(address: KafkaAddress) -> None:
    events = [*batch(1, 3_000), valid(1, boot=2)]
    with IngestProducer(address) as producer:
        assert producer.send(events) == [True] * len(events)
        assert producer.send([]) == []
    records, by_key = stored(address)
    assert records == sent(events)
    assert by_key == {key: [event.raw for event in events if event.key == key] for key in {e.key for e in events}}


def test_many_batches_at_once_are_each_answered(address: KafkaAddress) -> None:
    batches = [batch(1 + 200 * number, 200 + 200 * number) for number in range(40)]
    with IngestProducer(address) as producer, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(producer.send, batches)) == [[True] * 200] * 40
    assert stored(address)[0] == sent([event for events in batches for event in events])


def test_the_same_event_twice_in_a_batch_is_sent_twice(address: KafkaAddress) -> None:
    with IngestProducer(address) as producer:
        assert producer.send([valid(1), valid(1)]) == [True, True]
    assert stored(address)[0] == {(valid(1).key, valid(1).raw): 2}


def test_a_producer_that_failed_for_good_is_replaced(address: KafkaAddress) -> None:
    with IngestProducer(address) as producer:
        assert producer.send(batch(1, 10)) == [True] * 10
        producer._fatal = True
        assert producer.send(batch(11, 20)) == [True] * 10
        assert not producer._fatal
    assert stored(address)[0] == sent(batch(1, 20))


def test_a_missing_topic_and_a_missing_broker_are_said_at_the_start(
    address: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SipeError, match=r"has no topic sipe\.other\.v1"):
        IngestProducer(address, topic="sipe.other.v1")
    monkeypatch.setattr("connectors.kafka.cluster.CONNECT_TIMEOUT_S", 1.0)
    with pytest.raises(SipeError, match="no Kafka broker answers"):
        IngestProducer(KafkaAddress("127.0.0.1:1"))


def test_a_frozen_broker_is_busy_and_a_thawed_one_takes_events_again(broker: Frozen) -> None:
    late: list[Valid] = []
    with IngestProducer(broker.address, deadline_s=2.0, late=late.extend) as producer:
        assert producer.send(batch(1, 100)) == [True] * 100
        broker.freeze()
        with pytest.raises(Busy, match=r"acknowledged none of 100 events within 2 s") as refused:
            producer.send(batch(101, 200))
        assert (refused.value.reason, refused.value.retry_after_s > 0) == ("busy", True)
        began_s = time.monotonic()
        with pytest.raises(Busy, match="does not acknowledge"):
            producer.send(batch(201, 300))
        assert time.monotonic() - began_s < 1.0
        broker.thaw()
        until(lambda: len(late) == 100)
        assert producer.send(batch(301, 400)) == [True] * 100
    # The second batch got there after all, once; the third was never sent.
    assert stored(broker.address)[0] == sent([*batch(1, 200), *batch(301, 400)])
    assert late == batch(101, 200)


def test_a_full_queue_is_busy_at_once_and_empties(tmp_path: Path) -> None:
    with embedded(tmp_path) as server, ThreadPoolExecutor(1) as pool:
        address = KafkaAddress(server.ready["bootstrap"])
        with IngestProducer(address, deadline_s=PATIENCE_S, queue_bytes_max=100_000) as producer:
            assert producer.send(batch(1, 1_000)) == [True] * 1_000  # a batch that is alone is always taken
            os.kill(server.pid, signal.SIGSTOP)
            try:
                waiting = pool.submit(producer.send, batch(1_001, 1_200))
                until(lambda: producer._waiting_bytes > 0)
                with pytest.raises(Busy, match="are on their way") as refused:
                    producer.send(batch(1_201, 1_400))
                assert refused.value.retry_after_s == 1
            finally:
                os.kill(server.pid, signal.SIGCONT)
            assert waiting.result() == [True] * 200
            assert producer.send(batch(1_201, 1_400)) == [True] * 200
        assert producer._waiting_bytes == 0
        assert stored(address)[0] == sent(batch(1, 1_400))


def test_a_producer_that_closes_answers_who_still_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.ingest.producer.CLOSE_S", 0.5)
    with embedded(tmp_path) as server, ThreadPoolExecutor(1) as pool:
        producer = IngestProducer(KafkaAddress(server.ready["bootstrap"]), deadline_s=PATIENCE_S)
        assert producer.send([valid(1)]) == [True]
        server.stop()
        waiting = pool.submit(producer.send, [valid(2)])
        until(lambda: producer._waiting_bytes > 0)
        producer.close()
        with pytest.raises(Busy, match=r"took none of 1 events: .*Purged"):
            waiting.result(timeout=5.0)
        with pytest.raises(Busy, match="this process ends"):
            producer.send([valid(3)])
        producer.close()


@pytest.mark.long
@pytest.mark.needs("kafka")
def test_a_killed_broker_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    with KafkaCluster(tmp_path) as cluster:
        address = new_station_events(cluster, 2)
        accepted: list[Valid] = []
        tried: list[Valid] = []
        answers: list[str] = []
        done = threading.Event()

        def gateway(producer: IngestProducer) -> None:
            seq = 1
            while not done.is_set():
                events = batch(seq, seq + 499)
                tried.extend(events)
                try:
                    found = producer.send(events)
                except Busy:
                    answers.append("busy")
                    time.sleep(0.1)
                else:
                    answers.append("taken")
                    accepted.extend(event for event, there in zip(events, found, strict=True) if there)
                seq += 500

        with IngestProducer(address, deadline_s=1.0) as producer, ThreadPoolExecutor(1) as pool:
            sending = pool.submit(gateway, producer)
            for _ in range(2):
                taken = answers.count("taken")
                until(lambda taken=taken: answers.count("taken") > taken + 10)  # type: ignore[misc]
                cluster.kill()
                busy = answers.count("busy")
                until(lambda busy=busy: answers.count("busy") > busy)  # type: ignore[misc]
                cluster.start_node()
            taken = answers.count("taken")
            until(lambda: answers.count("taken") > taken + 10)
            done.set()
            sending.result()
        cluster.await_brokers()
        records = stored(address)[0]
    assert len(accepted) > 10_000
    assert sent(accepted) - records == Counter()
    assert records - sent(tried) == Counter()  # nothing that nobody sent, and nothing doubled by the producer


def knows_topic(broker: KafkaAddress) -> bool:
    """Whether a broker has heard of the topic: one that has just started learns it after the others."""
    try:
        partition_count(Producer({"bootstrap.servers": broker.bootstrap}, logger=LOGGER), broker, TOPIC)
    except SipeError:
        return False
    return True


@pytest.mark.long
@pytest.mark.needs("kafka")
def test_where_one_broker_of_two_is_frozen_only_what_is_there_is_accepted(tmp_path: Path) -> None:
    with KafkaCluster(tmp_path, nodes=2) as cluster:
        topic = NewTopic(TOPIC, 8, replication_factor=1, config={"min.insync.replicas": "1"})
        admin = cluster.admin()
        admin.create_topics([topic], operation_timeout=PATIENCE_S)[TOPIC].result(PATIENCE_S)

        def leaders() -> set[int]:
            known = admin.list_topics(timeout=5.0).topics.get(TOPIC)
            return {partition.leader for partition in known.partitions.values()} if known else set()

        until(lambda: leaders() == {1, 2})
        address = KafkaAddress(cluster.bootstrap)
        events = [valid(seq, f"s.a.l.station-{seq % 40}") for seq in range(1, 401)]
        until(lambda: all(knows_topic(KafkaAddress(one)) for one in cluster.bootstrap.split(",")))
        with IngestProducer(address, deadline_s=3.0) as producer:
            assert all(producer.send([valid(seq, f"s.a.l.station-{seq}", boot=9) for seq in range(1, 41)]))
            cluster.freeze(2)
            try:
                found = producer.send(events)
            finally:
                cluster.thaw(2)
            until(lambda: not producer._overdue)
        accepted = [event for event, there in zip(events, found, strict=True) if there]
        assert 0 < len(accepted) < len(events)
        # One broker's stations are all there, and the other's are not: the report was of these very events.
        assert len({event.key for event in accepted}) * 10 == len(accepted)
        assert sent(accepted) - stored(address)[0] == Counter()


class TestIntake:
    def take(self, intake: Intake, text: bytes) -> dict[str, object]:
        answer = intake.take(gzip.compress(text), "gzip", "gw-1", lambda station: station != "s.a.l.other")
        return {**answer._asdict(), "rejected": [(line.number, line.reason) for line in answer.rejected]}

    def is_taken(self, intake: Intake, text: bytes) -> bool:
        try:
            self.take(intake, text)
        except Busy:
            return False
        return True

    def test_each_line_is_told_what_became_of_it(self, address: KafkaAddress) -> None:
        lines = [valid(1).raw, b"{poison", valid(2).raw, b"", valid(3, "s.a.l.other").raw, valid(4).raw]
        intake = Intake(address)
        first = self.take(intake, b"\r\n".join(lines))
        assert first == {
            "accepted": [(1, 1), (3, 3), (6, 6)],
            "known": [],
            "not_sent": [],
            "rejected": [(2, "undecodable"), (5, "not_yours")],
        }
        again = self.take(intake, b"\n".join([*lines, valid(5).raw]))
        assert again == {**first, "accepted": [(7, 7)], "known": [(1, 1), (3, 3), (6, 6)]}
        intake.close()
        assert stored(address)[0] == sent([valid(seq) for seq in (1, 2, 4, 5)])

    def test_a_gap_is_sent_beside_the_event_of_its_identity(self, address: KafkaAddress) -> None:
        gap = encode(GapDetected(station="s.a.l.one", boot=1, seq=9, ts_ms=NOW_MS, first_missing=5, last_missing=9))
        intake = Intake(address)
        for text in (valid(9).raw, gap, gap):
            assert self.take(intake, text)["accepted"] == [(1, 1)]
        assert self.take(intake, valid(9).raw)["known"] == [(1, 1)]
        intake.close()
        assert stored(address)[0] == {(b"s.a.l.one", valid(9).raw): 1, (b"s.a.l.one", gap): 2}

    def test_a_batch_of_rejects_alone_needs_no_kafka(self, tmp_path: Path) -> None:
        with embedded(tmp_path) as server:
            intake = Intake(KafkaAddress(server.ready["bootstrap"]), deadline_s=0.5)
        assert self.take(intake, b"{poison")["rejected"] == [(1, "undecodable")]
        with pytest.raises(Refused) as refused:
            self.take(intake, b"")
        assert refused.value.reason == "empty"
        intake.close()

    def test_what_arrived_after_its_answer_is_known_when_it_is_sent_again(self, broker: Frozen) -> None:
        intake = Intake(broker.address, deadline_s=1.5)
        text = body(batch(1, 50))
        first = valid(1, boot=9)
        until(lambda: self.is_taken(intake, first.raw))  # a new topic may take longer than that to answer
        broker.freeze()
        for _ in range(2):
            with pytest.raises(Busy):
                self.take(intake, text)
        broker.thaw()
        until(lambda: not intake._producer._overdue)
        assert self.take(intake, text)["known"] == [(1, 50)]
        intake.close()
        found = stored(broker.address)[0]
        del found[first.key, first.raw]
        assert found == sent(batch(1, 50))

    def test_a_device_above_its_rate_is_told_to_wait_and_another_one_is_not(self, address: KafkaAddress) -> None:
        intake = Intake(address, rates=Rates(0.001, 2))
        assert self.take(intake, body([valid(seq) for seq in range(1, 5)]))["accepted"] == [(1, 4)]
        with pytest.raises(TooFast):
            self.take(intake, valid(5).raw)
        assert intake.take(valid(5).raw, "", "gw-2", lambda station: True).accepted == [(1, 1)]
        intake.close()
        assert stored(address)[0] == sent([valid(seq) for seq in range(1, 6)])
