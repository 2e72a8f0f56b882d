from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka_cluster import KafkaCluster
from station_topics import new_topics

from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from sipe.contracts.topics import AUDIT_ANCHORS_TOPIC, CHANGES_TOPIC

OURS = (CHANGES_TOPIC, AUDIT_ANCHORS_TOPIC)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[KafkaAddress]:
    """An embedded broker with the topics of the web service."""
    names = [f"{topic.name}:{topic.partitions}" for topic in OURS]
    with ChildServer("connectors.embedded.broker", *names, log_path=tmp_path / "broker.log") as broker:
        yield KafkaAddress(broker.ready["bootstrap"])


@pytest.fixture
def real(kafka: KafkaCluster) -> Iterator[KafkaAddress]:
    """A real broker with the topics of the web service."""
    yield new_topics(kafka, OURS)
    for topic in OURS:
        kafka.delete_topic(topic.name)
