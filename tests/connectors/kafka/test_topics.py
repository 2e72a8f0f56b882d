"""Topics on a real Kafka: created as declared, shown where they differ, altered only when asked."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)
from kafka_cluster import KafkaCluster

from connectors.kafka import topics
from connectors.kafka.address import KafkaAddress
from connectors.kafka.admin import admin_client
from connectors.kafka.config import consumer_config, producer_config
from connectors.kafka.identity import TopicIdentity
from connectors.kafka.sender import EventSender
from connectors.kafka.source import PartitionReader, StationEventSource
from connectors.kafka.topics import TopicState
from sipe.contracts.codec import MESSAGE_BYTES_MAX
from sipe.contracts.topics import DAY_MS, STATION_EVENTS_DLQ_TOPIC, STATION_EVENTS_TOPIC, Topic
from sipe.errors import SipeError, UsageError

LONGEST_KEY = b"k" * (4 * 32 + 3)
TIMEOUT_S = 60.0

pytestmark = pytest.mark.needs("kafka")


class Broker:
    """The shared Kafka with two topics of this test's own, declared like ours."""

    def __init__(self, cluster: KafkaCluster, name: str) -> None:
        self.cluster = cluster
        self.address = KafkaAddress(cluster.bootstrap)
        client = admin_client(self.address)
        assert client is not None
        self.client: AdminClient = client
        self.events = replace(STATION_EVENTS_TOPIC, name=name)
        self.letters = replace(STATION_EVENTS_DLQ_TOPIC, name=f"{name}.dlq")

    def plan(self, *declared: Topic, replication: int = 1) -> list[TopicState]:
        return topics.plan(self.client, self.address, replication, declared or (self.events, self.letters))

    def create(self, *wanted: Topic, replication: int = 1) -> None:
        topics.create(self.client, self.address, replication, wanted or (self.events, self.letters))

    def set(self, **settings: str) -> None:
        """Alter the events' topic by hand, as an operator would; returns when it is in force."""
        changes = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, self.events.name, incremental_configs=changes)
        self.client.incremental_alter_configs([resource])[resource].result(TIMEOUT_S)
        self.wait_until_drifted(*settings)

    def tick(self, count: int) -> None:
        with EventSender(self.address, topic=self.events.name) as sender:
            for number in range(count):
                sender.tick(1_700_000_000_000 + number)

    def wait_until_drifted(self, *settings: str) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not {drift.setting for drift in self.plan()[0].drifts}.issuperset(settings):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def broker(kafka: KafkaCluster, request: pytest.FixtureRequest) -> Iterator[Broker]:
    broker = Broker(kafka, f"topics.{request.node.name}")
    yield broker
    for state in broker.plan():
        if state.exists:
            kafka.delete_topic(state.topic.name)


def statuses(states: list[TopicState]) -> list[str]:
    return [state.status for state in states]


def test_what_is_missing_is_created_as_declared_and_again_changes_nothing(broker: Broker) -> None:
    assert statuses(broker.plan()) == ["missing", "missing"]
    broker.create()
    assert statuses(broker.plan()) == ["equal", "equal"]
    ids = [TopicIdentity(broker.address, topic.name).id for topic in (broker.events, broker.letters)]
    broker.create()
    assert statuses(broker.plan()) == ["equal", "equal"]
    assert [TopicIdentity(broker.address, topic.name).id for topic in (broker.events, broker.letters)] == ids
    assert None not in ids


def test_two_at_once_create_each_topic_once(broker: Broker) -> None:
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(broker.create) for _ in range(4)]:
            future.result()
    assert statuses(broker.plan()) == ["equal", "equal"]


def test_a_drift_is_shown_and_only_fixed_when_asked(broker: Broker) -> None:
    broker.create()
    altered = {"retention.ms": str(DAY_MS), "message.timestamp.type": "CreateTime"}
    broker.set(**altered)
    drifts = {drift.setting: (drift.found, drift.declared) for drift in broker.plan()[0].drifts}
    assert drifts == {
        "retention.ms": (str(DAY_MS), str(14 * DAY_MS)),
        "message.timestamp.type": ("CreateTime", "LogAppendTime"),
    }
    broker.create()
    assert {drift.setting: drift.found for drift in broker.plan()[0].drifts} == altered
    fixed = topics.fix(broker.client, broker.address, broker.plan())
    assert {drift.setting for topic, drift in fixed if topic == broker.events} == altered.keys()
    assert statuses(broker.plan()) == ["equal", "equal"]
    assert topics.fix(broker.client, broker.address, broker.plan()) == []


def test_partitions_and_replicas_are_never_changed(broker: Broker) -> None:
    broker.create()
    broker.client.create_partitions([NewPartitions(broker.events.name, 6)])[broker.events.name].result(TIMEOUT_S)
    broker.wait_until_drifted(topics.PARTITIONS)
    [drift] = broker.plan(broker.events)[0].drifts
    assert (drift.found, drift.declared) == ("6", "4")
    assert "moves keys" in drift.why_not_fixed
    [replicas] = broker.plan(broker.letters, replication=3)[0].drifts
    assert (replicas.setting, replicas.found, replicas.declared) == (topics.REPLICAS, "1", "3")
    assert topics.fix(broker.client, broker.address, broker.plan(replication=3)) == []
    assert [drift.setting for drift in broker.plan()[0].drifts] == [topics.PARTITIONS]


def test_more_replicas_than_brokers_are_refused_before_anything_is_created(broker: Broker) -> None:
    with pytest.raises(UsageError, match=r"SIPE_KAFKA_REPLICATION=3, but .* has 1 broker: "):
        broker.create(replication=3)
    assert statuses(broker.plan()) == ["missing", "missing"]


def test_a_record_carries_the_brokers_time(broker: Broker) -> None:
    broker.create()
    before_ms = time.time() * 1000
    producer = Producer(producer_config(broker.address))
    producer.produce(broker.events.name, b"old", partition=0, timestamp=1_000_000_000_000)
    assert producer.flush(TIMEOUT_S) == 0
    consumer = Consumer(consumer_config(broker.address))
    consumer.assign([TopicPartition(broker.events.name, 0, 0)])
    [message] = consumer.consume(1, TIMEOUT_S)
    consumer.close()
    kind, timestamp_ms = message.timestamp()
    assert message.value() == b"old"
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert before_ms - 1 <= timestamp_ms <= time.time() * 1000 + 1


def test_the_largest_message_passes_and_one_byte_more_is_refused(broker: Broker) -> None:
    broker.create()
    largest = os.urandom(MESSAGE_BYTES_MAX)  # does not compress
    with EventSender(broker.address, topic=broker.events.name) as sender:
        sender.send_raw(LONGEST_KEY, largest)
        sender.flush()
        with pytest.raises(SipeError, match=rf"^too_big: a message of {MESSAGE_BYTES_MAX + 1} bytes"):
            sender.send_raw(LONGEST_KEY, largest + b"x")
        assert sum(sender.ends().values()) == 1
    letter = Producer(producer_config(broker.address, record_bytes_max=broker.letters.record_bytes_max))
    failures: list[object] = []
    headers: list[tuple[str, str | bytes | None]] = [("dlq_error", b"e" * 15_000)]
    letter.produce(
        broker.letters.name,
        largest,
        LONGEST_KEY,
        headers=headers,
        on_delivery=lambda error, _: failures.append(error),
    )
    assert letter.flush(TIMEOUT_S) == 0
    assert failures == [None]


def test_a_longer_log_under_the_same_name_stops_the_flow(broker: Broker) -> None:
    broker.create()
    broker.tick(5)
    source = StationEventSource(broker.address, broker.events.name, epoch=1)
    reader = source.build_part("in", "0", None)
    saved = reader.snapshot()
    reader.close()
    assert saved[2] == TopicIdentity(broker.address, broker.events.name).id
    source.build_part("in", "0", saved).close()

    broker.cluster.delete_topic(broker.events.name)
    broker.create()
    broker.tick(10)
    with pytest.raises(SipeError, match=r"deleted and made anew since .* different log; start with SIPE_LOG_EPOCH=2"):
        source.build_part("in", "0", saved)


def test_a_topic_made_anew_under_a_running_flow_stops_it(broker: Broker) -> None:
    broker.create()
    broker.tick(5)
    reader = StationEventSource(broker.address, broker.events.name, epoch=1).build_part("in", "0", None)
    read_to(reader, 5)
    old_id = reader.snapshot()[2]

    broker.cluster.delete_topic(broker.events.name)
    broker.create()
    broker.tick(10)
    # A consumer may find offset 5 in the new log and go on there: only the id tells.
    with pytest.raises(SipeError, match=r"deleted and made anew|Broker: "):
        read_to(reader, 1_000)
    assert reader.snapshot()[2] == old_id, "so that the next start refuses to go on"
    reader.close()


def read_to(reader: PartitionReader, end: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while reader.snapshot()[1] < end:
        assert time.monotonic() < deadline, f"only {reader.snapshot()} of {end}"
        reader.next_batch()
