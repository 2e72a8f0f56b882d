"""Settings of the test run: how many examples a property is tried on, which real servers there are, what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from kafka_cluster import KafkaCluster
from real_services import INSTALL_COMMAND, left_out, require

settings.register_profile("test", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
settings.register_profile("prove", parent=settings.get_profile("test"), max_examples=5_000)
settings.load_profile("prove" if os.environ.get("SIPE_PROVE") else "test")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A real Kafka of one node that the tests of this process share: make topics of your own, and break nothing."""
    require("kafka")
    with KafkaCluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a test whose real server is missing; see `real_services`."""
    for mark in item.iter_markers("needs"):
        for key in mark.args:
            require(key)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say once what was left out, and how to have it."""
    skips = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    lines = [
        f"{count} test{'s' if count > 1 else ''}: {reason}; install it: {INSTALL_COMMAND}"
        for reason, count in left_out(skips).items()
    ]
    if config.option.markexpr == "not fault and not long":
        lines.append("the long tests, faults above all; run them: make long faults")
    if lines:
        terminalreporter.section("left out")
        for line in lines:
            terminalreporter.line(line)
