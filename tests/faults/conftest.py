from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fault_system import FaultSystem, NewSystem, Store
from kafka_cluster import KafkaCluster
from real_services import require

from sipe.settings import Settings


@pytest.fixture(scope="session")
def breakable_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A Kafka of one node for tests that break it, and leave it as they found it."""
    require("kafka")
    with KafkaCluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def breakable_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for tests that break it, and leave it as they found it."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.start()
    yield store
    store.stop()


@pytest.fixture
def new_system(breakable_kafka: KafkaCluster, breakable_store: Store, tmp_path: Path) -> Iterator[NewSystem]:
    """Makes the system of a test; its flow is not started yet."""
    with ExitStack() as systems:

        def new(settings: Settings | None = None, *, kafka: KafkaCluster | None = None) -> FaultSystem:
            system = FaultSystem(kafka or breakable_kafka, breakable_store, tmp_path / "flow", settings)
            systems.callback(system.stop)
            return system

        yield new


@pytest.fixture
def system(new_system: NewSystem) -> FaultSystem:
    """A system with a flow that runs."""
    system = new_system()
    system.start()
    return system
