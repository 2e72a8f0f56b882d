"""The broker freezes, dies and comes back, loses one of three nodes, and forgets what was not read yet."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, TopicPartition
from fault_record import record
from fault_system import FaultSystem, NewSystem, a_day, chunks, until
from kafka_cluster import KafkaCluster

from sipe.contracts.topics import STATION_EVENTS_TOPIC

FREEZE_S = 10.0

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.needs("kafka")]


@pytest.mark.timeout(300)
def test_a_broker_that_freezes_delays_and_loses_nothing(system: FaultSystem) -> None:
    day = a_day(21)
    first, second, third = chunks(day, 3)
    system.play(first)
    system.catch_up()
    admin = system.kafka.admin()
    with system.sending() as sender:
        system.kafka.freeze()
        try:
            sender.play(second)
            stored, thawing_s = system.stored(), time.monotonic() + FREEZE_S
            with pytest.raises(KafkaException):
                admin.list_topics(timeout=FREEZE_S / 2)
            time.sleep(thawing_s - time.monotonic())  # the fault itself lasts so long
            assert system.stored() == stored, "something was read: nothing was frozen"
        finally:
            system.kafka.thaw()
        began = time.monotonic()
    system.catch_up()
    recovery_s = time.monotonic() - began
    system.play(third)
    system.catch_up()
    record("broker-frozen", system.close_the_books(day.now_ms), met=1, recovery_s=[recovery_s])


@pytest.mark.timeout(300)
def test_a_broker_that_is_killed_comes_back_with_what_it_acknowledged(system: FaultSystem) -> None:
    day = a_day(22)
    first, second, third = chunks(day, 3)
    system.play(first)
    system.catch_up()
    with system.sending() as sender:
        sender.play(second[: len(second) // 2])
        system.kafka.kill()
        sender.play(second[len(second) // 2 :])
        assert system.kafka.pids == {}
        system.kafka.start_node()
        began = time.monotonic()
    system.catch_up()
    recovery_s = time.monotonic() - began
    system.play(third)
    system.catch_up()
    record("broker-killed", system.close_the_books(day.now_ms), met=1, recovery_s=[recovery_s])


@pytest.mark.timeout(420)
def test_one_of_three_brokers_may_die_for_good(new_system: NewSystem, tmp_path: Path) -> None:
    day = a_day(23)
    first, second, third = chunks(day, 3)
    with KafkaCluster(tmp_path / "kafka", nodes=3) as kafka:
        system = new_system(kafka=kafka)
        system.start()
        system.play(first)
        system.catch_up()

        def leaders() -> dict[int, int]:
            topic = kafka.admin().list_topics(timeout=30.0).topics[STATION_EVENTS_TOPIC.name]
            return {number: partition.leader for number, partition in topic.partitions.items()}

        before = leaders()
        victim = before[0]
        with system.sending() as sender:
            sender.play(second[: len(second) // 2])
            kafka.kill(victim)
            began = time.monotonic()
            sender.play(second[len(second) // 2 :])
        system.catch_up()
        recovery_s = time.monotonic() - began
        until(lambda: victim not in leaders().values(), "another leader")
        system.play(third)
        system.catch_up()
        moved = sum(before[number] != leader for number, leader in leaders().items())
        balance = system.close_the_books(day.now_ms)
        record("broker-of-three-killed", balance, met=moved, recovery_s=[recovery_s])
        system.stop()


@pytest.mark.timeout(300)
def test_a_flow_whose_offset_is_gone_stops_with_an_alarm_and_skips_nothing(system: FaultSystem) -> None:
    """Its records were deleted while it was down. It must not begin where the log begins now, as if they never were."""
    day = a_day(24)
    first, second, third = chunks(day, 3)
    system.play(first)
    system.catch_up()
    until(lambda: system.snapshots() > 0, "a snapshot")
    system.flow.stop()
    system.play(second)
    stored = system.stored()
    lost = [TopicPartition(STATION_EVENTS_TOPIC.name, number, end) for number, end in system.ends.items()]
    admin = system.kafka.admin()
    for deleted in admin.delete_records(lost).values():
        deleted.result(60.0)
    system.play(third)
    alarm = system.alarm_of(system.another_flow(crashes_max=1))
    assert re.search(r"but the log begins at [0-9]+: records were deleted before they were read", alarm)
    assert system.stored() == stored, "it went on behind the hole"
    record("offset-gone", met=1)
