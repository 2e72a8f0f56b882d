"""Whoever watches a topic's identity neither misses another topic nor burns the processor while a broker is gone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from kafka_cluster import KafkaCluster

from connectors.kafka.address import KafkaAddress
from connectors.kafka.identity import PAUSE_S, TopicIdentity
from sipe.errors import SipeError

CLIENTS = 6
"""Each takes one of the brokers for the controller; with so many, one of them nearly always takes the one that dies."""
AWAY_S = 12.0
STEP_S = 0.02


def watch(identities: list[TopicIdentity], seconds: float) -> float:
    """Check as flows do; returns the share of a core that each took."""
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    while time.monotonic() - began_s < seconds:
        for identity in identities:
            identity.check()
        time.sleep(STEP_S)
    return (time.process_time() - began_cpu_s) / (time.monotonic() - began_s) / len(identities)


@pytest.mark.long
@pytest.mark.needs("kafka")
@pytest.mark.timeout(240)
def test_a_broker_that_is_gone_costs_little_and_another_topic_is_found_out_afterwards(tmp_path: Path) -> None:
    with KafkaCluster(tmp_path, nodes=3) as kafka:
        kafka.create_topic("events", 1)
        identities = [TopicIdentity(KafkaAddress(kafka.bootstrap), "events") for _ in range(CLIENTS)]
        watch(identities, 2.0)
        kafka.kill(3)
        share = watch(identities, AWAY_S)
        assert share < 0.17, f"{share:.0%} of a core each while a broker is gone"
        kafka.start_node(3)
        kafka.await_brokers()
        kafka.delete_topic("events")
        kafka.create_topic("events", 1)
        with pytest.raises(SipeError, match="deleted and made anew"):
            watch(identities, PAUSE_S + 30.0)
