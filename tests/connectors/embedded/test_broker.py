from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from connectors.embedded import broker
from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from connectors.kafka.config import consumer_config
from sipe.errors import SipeError, UsageError


@pytest.mark.stack
def test_the_topics_have_the_partitions_that_were_asked_for(tmp_path: Path) -> None:
    with ChildServer("connectors.embedded.broker", "one.v1:1", "many.v1:7", log_path=tmp_path / "log") as server:
        consumer = Consumer(consumer_config(KafkaAddress(server.ready["bootstrap"])))
        topics = consumer.list_topics(timeout=5).topics
        consumer.close()
        assert {name: len(topic.partitions) for name, topic in topics.items()} == {"one.v1": 1, "many.v1": 7}


@pytest.mark.parametrize("spec", ["topic", "topic:", ":3", "topic:0", "topic:-1", "topic:x"])
def test_a_malformed_topic_is_named(spec: str) -> None:
    with pytest.raises(UsageError, match=f"'{spec}' is not TOPIC:PARTITIONS"):
        broker.parse_topics(["good:1", spec])


@pytest.mark.stack
def test_a_failed_start_reaches_the_parent(tmp_path: Path) -> None:
    server = ChildServer("connectors.embedded.broker", "topic", log_path=tmp_path / "log")
    with pytest.raises(SipeError, match="exit code 2: 'topic' is not TOPIC:PARTITIONS"):
        server.start()


def test_a_platform_without_the_mock_cluster_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    the_c_library = ctypes.CDLL(None)
    monkeypatch.setattr(ctypes, "CDLL", lambda _path: the_c_library)
    with pytest.raises(SipeError, match=r"no embedded broker on this platform: .*rd_kafka_conf_new.*SIPE_KAFKA_URL"):
        broker.load_librdkafka()
