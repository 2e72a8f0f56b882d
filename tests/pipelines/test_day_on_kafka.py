"""A whole day through the flow on a real Kafka, whose topics are those of the contracts, into the embedded store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kafka_cluster import KafkaCluster
from saved_state import send
from station_topics import new_topics
from stored import assert_store_is

from connectors.clickhouse import migrate
from connectors.clickhouse.client import Address
from connectors.embedded.stack import EmbeddedStack
from connectors.files.plant import read_plant
from connectors.kafka.address import KafkaAddress
from models.twin.day import simulate
from pipelines.runtime.system import Runtime
from sipe.contracts.topics import STATION_EVENTS_TOPIC, TOPICS
from sipe.settings import Settings

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"


@pytest.fixture
def own_topics(kafka: KafkaCluster) -> Iterator[KafkaAddress]:
    """The shared Kafka with every topic of the contracts, fresh."""
    yield new_topics(kafka, TOPICS)
    for topic in TOPICS:
        kafka.delete_topic(topic.name)


@pytest.mark.long
@pytest.mark.stack
def test_a_day_on_a_real_kafka_is_stored_as_it_was(
    own_topics: KafkaAddress, kafka: KafkaCluster, tmp_path: Path
) -> None:
    day = simulate(read_plant(PLANT), seed=4, scale=0.04)
    with EmbeddedStack(tmp_path / "store") as stack:
        store_url = stack.address.clickhouse_url
        migrate.apply(Address.parse(store_url))
        settings = Settings(kafka_url=own_topics.bootstrap, clickhouse_url=store_url, data_dir=tmp_path / "flow")
        with Runtime(replace(settings, snapshot_interval_ms=1_000), serve=True) as runtime:
            with runtime.sender() as sender:
                send(sender, day.script())
                ends = sender.ends()
            assert len(ends) == STATION_EVENTS_TOPIC.partitions
            runtime.wait_until_stored(ends)
            assert_store_is(runtime.store(), day)
            (record,) = runtime.store().rows("SELECT count() AS n FROM events FINAL WHERE record_ts < now() - 3600")
            assert record["n"] == 0, "the broker's time, though the day is long past"
    assert kafka.pids
