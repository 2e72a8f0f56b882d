from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bridge_rig import MqttFloor
from real_services import require
from shop import ASSEMBLY, CALIBRATION

from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from sipe.contracts.topics import STATION_EVENTS_TOPIC


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[MqttFloor]:
    """A broker that two stations and the bridge have certificates for."""
    require("mosquitto")
    with MqttFloor(tmp_path / "floor", (ASSEMBLY, CALIBRATION)) as floor:
        yield floor


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ChildServer]:
    """An embedded Kafka broker with a fresh topic."""
    topic = f"{STATION_EVENTS_TOPIC.name}:2"
    with ChildServer("connectors.embedded.broker", topic, log_path=tmp_path / "broker.log") as server:
        yield server


@pytest.fixture
def kafka_address(broker: ChildServer) -> KafkaAddress:
    return KafkaAddress(broker.ready["bootstrap"])
