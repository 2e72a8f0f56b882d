"""The contracts' topics on a real Kafka, made as `sipe topics apply` makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kafka_cluster import KafkaCluster

from connectors.kafka.address import KafkaAddress
from connectors.kafka.admin import admin_client
from connectors.kafka.topics import create
from sipe.contracts.topics import STATION_EVENTS_TOPIC, Topic


def new_station_events(kafka: KafkaCluster, partitions: int) -> KafkaAddress:
    """The address of a cluster where the station events' topic is new, with so many partitions."""
    return new_topics(kafka, [replace(STATION_EVENTS_TOPIC, partitions=partitions)])


def new_topics(kafka: KafkaCluster, topics: Sequence[Topic]) -> KafkaAddress:
    """The address of a cluster that now has these topics, replicated on every node."""
    address = KafkaAddress(kafka.bootstrap)
    client = admin_client(address)
    assert client is not None
    create(client, address, len(kafka.nodes), topics)
    return address
