"""Whatever was told in a committed transaction reaches Kafka: in order, at its position, whoever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_proxy import FaultProxy
from fault_record import record
from kafka_cluster import KafkaCluster
from ledger import Balance
from office import who
from sql_stores import empty, store_of
from sqlalchemy import select
from station_topics import new_topics
from topic_reader import Seen, TopicReader, reading
from waiting import until

from api.background.relay import Relay
from connectors.kafka import cluster
from connectors.kafka.address import KafkaAddress
from connectors.monitor.process import ProcessMonitor
from connectors.sql import outbox
from connectors.sql.duties import SERVICE
from connectors.sql.outbox import Head
from connectors.sql.schema.duties import DUTIES
from connectors.sql.work import Store, Work
from sipe.clock import SystemClock
from sipe.contracts.topics import CHANGES_TOPIC

pytestmark = pytest.mark.stack
PROGRAM = Path(__file__).with_name("relay_program.py")
DEADLINE_S = 60.0


@pytest.fixture
def store() -> Iterator[Store]:
    with store_of(empty, SystemClock()) as store:
        yield store


def beside(store: Store) -> Store:
    """The same store as another process has it."""
    return Store(str(store.transactions.engine.url), SystemClock())


@contextmanager
def relaying(relay: Relay) -> Iterator[threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()


def count(work: Work, on: str, number: int) -> None:
    work.tell("counted", on, number=number)


def count_to(work: Work, end: int) -> None:
    for number in range(end):
        count(work, f"thing/{number % 7}", number)


def tell(store: Store, numbers: range) -> None:
    for number in numbers:
        store.work(who("gil"), count, f"thing/{number % 7}", number)


def positions(seen: list[Seen]) -> list[int]:
    return [int(one.headers["position"]) for one in seen]


def without_doubles(seen: list[Seen]) -> list[Seen]:
    """As a reader does it: what is not above the last position of its partition is a double."""
    last: dict[int, int] = {}
    kept = []
    for one, position in zip(seen, positions(seen), strict=True):
        if position > last.get(one.partition, 0):
            last[one.partition] = position
            kept.append(one)
    return kept


def assert_all_there(store: Store, seen: list[Seen]) -> None:
    """Every row, each at its position, with its content; and each thing's rows in order."""
    with store.reading() as connection:
        rows = {row.position: (row.key, row.body.encode()) for row in outbox.behind(connection, 0, 10_000)}
    read = without_doubles(seen)
    assert {int(one.headers["position"]): (one.key, one.value) for one in read} == rows
    assert len(read) == len(rows)
    for one, position in zip(seen, positions(seen), strict=True):
        assert rows[position] == (one.key, one.value), "a double is the same"


def has(reader: TopicReader, count: int) -> Callable[[], bool]:
    return lambda: len(set(positions(reader.look()))) >= count


def test_what_was_told_is_in_kafka_soon_and_in_order(store: Store, embedded: KafkaAddress) -> None:
    monitor = ProcessMonitor("api")
    with relaying(Relay(store, embedded, SystemClock(), monitor)), reading(embedded, CHANGES_TOPIC.name) as reader:
        tell(store, range(10))
        until(has(reader, 10), "the first ten are told", DEADLINE_S)
        tell(store, range(10, 11))
        took_s = until(has(reader, 11), "one more is told", DEADLINE_S)
        until(lambda: b"sipe_outbox_waiting_rows 0.0" in monitor.page(), "nothing waits", DEADLINE_S)
        assert_all_there(store, reader.look())
    assert took_s < 1
    assert b"sipe_outbox_told_total 11.0" in monitor.page()


def test_what_another_process_has_told_is_found_without_being_woken(store: Store, embedded: KafkaAddress) -> None:
    other = beside(store)
    with relaying(Relay(store, embedded, SystemClock())), reading(embedded, CHANGES_TOPIC.name) as reader:
        tell(other, range(3))
        assert until(has(reader, 3), "they are told", DEADLINE_S) < 2
    other.close()


def test_of_two_relays_one_tells_and_the_other_takes_over(store: Store, embedded: KafkaAddress) -> None:
    other = beside(store)
    with reading(embedded, CHANGES_TOPIC.name) as reader, relaying(Relay(store, embedded, SystemClock())) as stop:
        with relaying(Relay(other, embedded, SystemClock())):
            shares = [(store if start % 200 else other, range(start, start + 40)) for start in range(0, 400, 100)]
            tellers = [threading.Thread(target=tell, args=share) for share in shares]
            for thread in tellers:
                thread.start()
            for thread in tellers:
                thread.join()
            until(has(reader, 160), "all is told", DEADLINE_S)
            assert len(reader.look()) == 160, "nothing was told twice"
            stop.set()
            tell(other, range(5))
            until(has(reader, 165), "the other relay tells", DEADLINE_S)
            tell(store, range(5))
            until(has(reader, 170), "and goes on", DEADLINE_S)
        assert_all_there(store, reader.look())
    other.close()


def test_while_kafka_is_away_rows_wait_and_that_is_said(
    store: Store, embedded: KafkaAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 1.0)
    host, _, port = embedded.bootstrap.partition(":")
    monitor = ProcessMonitor("api")
    with FaultProxy(host, int(port)) as proxy:
        away = KafkaAddress(f"127.0.0.1:{proxy.port}")
        proxy.refuse()
        with relaying(Relay(store, away, SystemClock(), monitor)):
            tell(store, range(5))
            until(lambda: b"sipe_outbox_waiting_rows 5.0" in monitor.page(), "it says what waits", DEADLINE_S)
            until(lambda: head(store) == (5, 0), "they have positions all the same", DEADLINE_S)
        assert proxy.connections == 0
    with relaying(Relay(store, embedded, SystemClock(), monitor)), reading(embedded, CHANGES_TOPIC.name) as reader:
        until(has(reader, 5), "all is told", DEADLINE_S)
        assert_all_there(store, reader.look())


@pytest.mark.fault
@pytest.mark.needs("kafka")
def test_a_relay_that_is_killed_between_kafka_and_the_store_loses_nothing(store: Store, real: KafkaAddress) -> None:
    """The child's batch is in Kafka, and it waits for the store's lock to say so, when it dies."""
    command = [sys.executable, str(PROGRAM), str(store.transactions.engine.url), real.bootstrap]
    rounds = 3
    with reading(real, CHANGES_TOPIC.name) as reader:
        for before in range(0, 20 * rounds, 20):
            with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
                assert child.stdout is not None
                assert child.stdout.readline(), "the relay did not start"
                until(lambda: holder_until(store) > SystemClock().now_ms(), "it is on duty", DEADLINE_S)
                os.kill(child.pid, signal.SIGSTOP)
                store.work(SERVICE, count_to, 20)
                store.work(SERVICE, outbox.number)
                try:
                    with store.transactions.writing():
                        os.kill(child.pid, signal.SIGCONT)
                        until(has(reader, before + 20), "the batch is in Kafka", DEADLINE_S)
                        child.kill()
                        child.wait()
                finally:
                    child.kill()
            assert head(store) == (before + 20, before), "it was not marked"
            make_free(store)
            with relaying(Relay(store, real, SystemClock())):
                until(has_told(store, before + 20), "all is marked", DEADLINE_S)
        seen = reader.look()
    assert_all_there(store, seen)
    assert len(seen) == 2 * 20 * rounds, "what the dead had told was told again"
    record("relay-killed", Balance(sent=60, stored=60), met=rounds, runs=rounds)


@pytest.mark.fault
@pytest.mark.needs("kafka")
def test_what_is_told_while_the_broker_dies_arrives_when_it_is_back(store: Store, tmp_path: Path) -> None:
    with KafkaCluster(tmp_path / "kafka") as kafka:
        address = new_topics(kafka, [CHANGES_TOPIC])
        with relaying(Relay(store, address, SystemClock())):
            tell(store, range(20))
            until(lambda: told(store) == 20, "the first ones are told", DEADLINE_S)
            kafka.kill()
            tell(store, range(20, 40))
            kafka.start_node()
            tell(store, range(40, 60))
            until(lambda: told(store) == 60, "all is told", 2 * DEADLINE_S)
            with reading(address, CHANGES_TOPIC.name) as reader:
                until(has(reader, 60), "all is there", DEADLINE_S)
                assert_all_there(store, reader.look())
    record("relay-broker-killed", Balance(sent=60, stored=60), met=1)


def told(store: Store) -> int:
    return head(store).told


def head(store: Store) -> Head:
    with store.reading() as connection:
        return outbox.head(connection)


def has_told(store: Store, position: int) -> Callable[[], bool]:
    return lambda: told(store) == position


def holder_until(store: Store) -> int:
    with store.reading() as connection:
        return connection.execute(select(DUTIES.c.until_ms)).scalar() or 0


def make_free(store: Store) -> None:
    """As if the term of whoever was killed were over."""
    with store.transactions.writing() as connection:
        connection.execute(DUTIES.update().values(until_ms=0))
