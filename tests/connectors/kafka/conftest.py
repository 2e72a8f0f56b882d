from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from sipe.contracts.topics import STATION_EVENTS_TOPIC

StartBroker = Callable[[int], ChildServer]


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[StartBroker]:
    """Starts an embedded broker that has the station events' topic with so many partitions."""
    with ExitStack() as servers:

        def start(partitions: int) -> ChildServer:
            topic = f"{STATION_EVENTS_TOPIC.name}:{partitions}"
            log_path = tmp_path / "broker.log"
            return servers.enter_context(ChildServer("connectors.embedded.broker", topic, log_path=log_path))

        yield start


@pytest.fixture
def address(start_broker: StartBroker) -> KafkaAddress:
    """The address of a fresh broker with two partitions."""
    return KafkaAddress(start_broker(2).ready["bootstrap"])
