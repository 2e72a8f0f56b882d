from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from kafka_cluster import KafkaCluster

from sipe.errors import SipeError

TIMEOUT_S = 60.0


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(TIMEOUT_S) == 0


def consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [message.value() for message in consumer.consume(count, TIMEOUT_S)]
    finally:
        consumer.close()


def test_a_topic_has_the_settings_it_was_given_and_can_be_had_anew(kafka: KafkaCluster) -> None:
    for value in (b"first", b"second"):
        kafka.create_topic("settings", 3, {"message.timestamp.type": "LogAppendTime"})
        produce(kafka.bootstrap, "settings", value)
        assert consume(kafka.bootstrap, "settings", 1) == [value]
        assert len(kafka.admin().list_topics().topics["settings"].partitions) == 3
        kafka.delete_topic("settings")


def test_a_topic_is_never_created_by_asking_for_it(kafka: KafkaCluster) -> None:
    admin = kafka.admin()
    assert admin.list_topics("nobody-made-it", timeout=TIMEOUT_S).topics["nobody-made-it"].error is not None
    assert "nobody-made-it" not in admin.list_topics(timeout=TIMEOUT_S).topics


@pytest.mark.long
@pytest.mark.needs("kafka")
def test_a_node_that_is_killed_or_frozen_comes_back_with_what_it_acknowledged(tmp_path: Path) -> None:
    with KafkaCluster(tmp_path) as kafka:
        bootstrap, (pid,) = kafka.bootstrap, kafka.pids.values()
        kafka.create_topic("events", 1)
        produce(bootstrap, "events", b"before")

        kafka.kill()
        assert kafka.pids == {}
        assert not Path(f"/proc/{pid}").exists()
        kafka.start_node()
        kafka.await_brokers()
        assert kafka.bootstrap == bootstrap
        assert kafka.pids != {1: pid}

        kafka.freeze()
        with pytest.raises(KafkaException):
            kafka.admin().list_topics(timeout=1.0)
        kafka.thaw()
        produce(bootstrap, "events", b"after")
        assert consume(bootstrap, "events", 2) == [b"before", b"after"]

        last_pid = kafka.pids[1]
    assert not Path(f"/proc/{last_pid}").exists()


@pytest.mark.needs("kafka")
def test_a_node_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(SipeError, match=r"Kafka node 1.*(?s:.*)no-such-number"):
        KafkaCluster(tmp_path, properties={"num.network.threads": "no-such-number"}).start()


@pytest.mark.fault
@pytest.mark.needs("kafka")
def test_two_of_three_nodes_take_and_keep_what_is_acknowledged(tmp_path: Path) -> None:
    with KafkaCluster(tmp_path, nodes=3) as kafka:
        kafka.create_topic("events", 1)
        produce(kafka.bootstrap, "events", b"by three")
        leader = kafka.admin().list_topics("events", timeout=TIMEOUT_S).topics["events"].partitions[0].leader
        kafka.kill(leader)
        assert sorted(kafka.pids) == sorted({1, 2, 3} - {leader})
        produce(kafka.bootstrap, "events", b"by two")
        kafka.start_node(leader)
        kafka.await_brokers()
        (other,) = sorted({1, 2, 3} - {leader})[:1]
        kafka.stop_node(other)
        produce(kafka.bootstrap, "events", b"by two others")
        assert consume(kafka.bootstrap, "events", 3) == [b"by three", b"by two", b"by two others"]
