from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from station_topics import new_station_events

from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from sipe.contracts.topics import STATION_EVENTS_TOPIC

StartBroker = Callable[[int], ChildServer]
FreshTopic = Callable[[int], KafkaAddress]


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[StartBroker]:
    """Starts an embedded broker that has the station events' topic with so many partitions."""
    with ExitStack() as servers:

        def start(partitions: int) -> ChildServer:
            topic = f"{STATION_EVENTS_TOPIC.name}:{partitions}"
            log_path = tmp_path / "broker.log"
            return servers.enter_context(ChildServer("connectors.embedded.broker", topic, log_path=log_path))

        yield start


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.needs("kafka"))])
def fresh_topic(request: pytest.FixtureRequest) -> Iterator[FreshTopic]:
    """Gives the address of a broker, embedded or real, where the station events' topic is new, with so many partitions.

    Called once at most.
    """
    if request.param == "embedded":
        start_broker = request.getfixturevalue("start_broker")
        yield lambda partitions: KafkaAddress(start_broker(partitions).ready["bootstrap"])
        return
    kafka = request.getfixturevalue("kafka")
    yield lambda partitions: new_station_events(kafka, partitions)
    kafka.delete_topic(STATION_EVENTS_TOPIC.name)


@pytest.fixture
def address(fresh_topic: FreshTopic) -> KafkaAddress:
    """The address of a broker, embedded or real, with a fresh topic of two partitions."""
    return fresh_topic(2)
