"""The head of the trail goes to Kafka and to ClickHouse, and a trail that was forged since is found by either."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from msgspec import structs
from office import who
from server_process import free_port
from sqlalchemy import select
from store_databases import new_database, store_server
from waiting import until
from web import Web

from api.background import anchors
from api.services import Services
from connectors.clickhouse import anchors as clickhouse_anchors
from connectors.clickhouse import migrate
from connectors.clickhouse.client import Address
from connectors.kafka import anchors as kafka_anchors
from connectors.kafka import cluster
from connectors.kafka.address import KafkaAddress
from connectors.monitor.process import ProcessMonitor
from connectors.sql import trail
from connectors.sql.schema.duties import DUTIES
from connectors.sql.work import Store
from models.audit import GENESIS, Finding, Sealed, entry_of, line, seal, seals, verify
from sipe.clock import ManualClock

pytestmark = pytest.mark.stack
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with store_server(tmp_path_factory.mktemp("clickhouse")) as address:
        yield address


@pytest.fixture
def clickhouse(server: Address) -> Iterator[Address]:
    with new_database(server) as address:
        migrate.apply(address)
        yield address


@pytest.fixture
def services(store: Store, web: Web, embedded: KafkaAddress, clickhouse: Address) -> Services:
    return replace(web.services, kafka=embedded, clickhouse=clickhouse, monitor=ProcessMonitor("api"))


def note(store: Store, times: int) -> None:
    for _ in range(times):
        store.work(who("gil"), lambda work: work.note("looked", "at/all"))


def forged(lines: list[bytes]) -> list[bytes]:
    """The whole trail sealed anew, behind a change of its first entry."""
    before, made = GENESIS, []
    for number, text in enumerate(lines):
        entry = entry_of(msgspec.json.decode(text, type=Sealed))
        sealed = seal(before, entry if number else structs.replace(entry, reason="another one"))
        before = sealed.seal
        made.append(line(sealed))
    return made


def test_both_have_the_head_and_find_a_forged_trail(store: Store, services: Services) -> None:
    note(store, 3)
    first = anchors.anchor(services)
    note(store, 2)
    second = anchors.anchor(services)
    assert second.seq == first.seq + 2
    with store.reading() as connection:
        lines = list(trail.export(connection))
    assert services.kafka is not None
    assert services.clickhouse is not None
    for kept in (kafka_anchors.read(services.kafka), clickhouse_anchors.read(services.clickhouse)):
        assert kept == [first, second]
        known, contradicted = seals(kept)
        assert contradicted == []
        assert list(verify(lines, known)) == []
        assert list(verify(lines[:-1], known)) == [Finding("cut_off", second.seq, second.seq)]
        rewritten = [Finding("rewritten", anchor.seq, anchor.seq) for anchor in (first, second)]
        assert list(verify(forged(lines), known)) == rewritten


def test_when_one_server_is_away_the_other_has_the_anchor(
    store: Store, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_TIMEOUT_S", 0.5)
    nowhere = KafkaAddress(f"127.0.0.1:{free_port()}")
    note(store, 1)
    made = anchors.anchor(replace(services, kafka=nowhere))
    assert services.clickhouse is not None
    assert clickhouse_anchors.read(services.clickhouse) == [made]
    page = services.monitor.page() if isinstance(services.monitor, ProcessMonitor) else b""
    assert b'sipe_anchors_total{to="clickhouse"} 1.0' in page
    assert b'sipe_anchors_total{to="kafka"}' not in page


def test_each_minute_one_process_anchors(store: Store, services: Services, clock: ManualClock) -> None:
    assert services.kafka is not None
    kafka, stop = services.kafka, threading.Event()
    clock.set(clock.now_ms() // anchors.PERIOD_MS * anchors.PERIOD_MS + anchors.PERIOD_MS - 50)  # nearly a minute
    note(store, 1)
    loops = [threading.Thread(target=anchors.loop, args=(services, stop)) for _ in range(2)]
    for thread in loops:
        thread.start()
    try:
        until(lambda: len(kafka_anchors.read(kafka)) >= 3, "there are anchors", DEADLINE_S)
    finally:
        stop.set()
        for thread in loops:
            thread.join()
    with store.reading() as connection:
        assert {(one.seq, one.seal) for one in kafka_anchors.read(kafka)} == {tuple(trail.head(connection))}
        holders = connection.execute(select(DUTIES.c.holder).where(DUTIES.c.name == "anchors")).scalars().all()
    assert len(holders) == 1
