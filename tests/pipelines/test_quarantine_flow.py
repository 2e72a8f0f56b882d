"""Through the whole stack: a bad sender is set aside alone, a bad deploy stops the flow, and no message is lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer

from connectors.clickhouse.client import Warehouse
from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import partition_count
from connectors.kafka.config import consumer_config
from connectors.kafka.letter_reader import read_letters
from pipelines.runtime.flow import FlowProcess
from pipelines.runtime.system import Runtime
from sipe.contracts.tables import PUBLICATIONS, TABLES
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError
from sipe.settings import Settings

T0 = 1_772_445_600_000
BAD = "manaus.final.line-1.bad"
GOOD = [f"manaus.final.line-1.good-{n}" for n in range(8)]
CYCLE = (
    '{"type":"cycle_completed","station":"%s","boot":1,"seq":%d,"ts_ms":%d,"order":"po-1","product":"e31",'
    '"step":"pack","qty":1,"result":"good","cycle_ms":9000}'
)
GARBAGE = '{"type":"cycle_completed","station":"%s","boot":1,"seq":0,"ts_ms":%d}'

Sent = list[tuple[str, bytes]]


def cycles(station: str, seqs: Iterable[int]) -> Sent:
    return [(station, (CYCLE % (station, seq, T0 + seq * 1_000)).encode()) for seq in seqs]


def garbage(station: str, number: int) -> Sent:
    return [(station, (GARBAGE % (station, T0 + n)).encode()) for n in range(number)]


def send(runtime: Runtime, records: Sent, now_ms: int) -> dict[int, int]:
    with runtime.sender() as sender:
        for key, value in records:
            sender.send_raw(key.encode(), value)
        sender.tick(now_ms)
        return sender.ends()


def assert_nothing_is_lost(runtime: Runtime, store: Warehouse, sent: Sent) -> Counter[str]:
    """Each message is an event or a reject, each reject is one letter with the same bytes; gives the reasons."""
    events = store.rows("SELECT hex(raw) AS raw FROM events FINAL")
    rejects = store.rows("SELECT epoch, partition, offset, reason, key, hex(raw) AS raw FROM rejects FINAL")
    found = Counter(bytes.fromhex(row["raw"]) for row in [*events, *rejects])
    assert found == Counter(value for _, value in sent)
    letters = [delivered.letter for delivered in read_letters(runtime.system.kafka)]
    assert all(letters)
    by_identity = {one.headers.identity[1:]: (one.headers.reason, one.key, one.value) for one in letters if one}
    assert by_identity == {
        (row["epoch"], row["partition"], row["offset"]): (
            row["reason"], str(row["key"]).encode(), bytes.fromhex(row["raw"])
        )
        for row in rejects
    }  # fmt: skip
    return Counter(row["reason"] for row in rejects)


def facts(store: Warehouse, station: str) -> list[dict[str, Any]]:
    return store.rows(
        "SELECT * EXCEPT (version, station) FROM minute_facts FINAL WHERE station = %(station)s ORDER BY ALL",
        {"station": station},
    )


@pytest.mark.long
@pytest.mark.stack
def test_a_bad_sender_is_set_aside_alone(tmp_path: Path) -> None:
    good = [record for n in range(1, 41) for station in GOOD for record in cycles(station, [n])]
    bad = [*garbage(BAD, 30), *cycles(BAD, range(1, 26))]
    mixed = [record for pair in zip(good, [*bad, *([None] * len(good))], strict=False) for record in pair if record]
    with Runtime(replace(Settings(), data_dir=tmp_path), serve=True) as runtime:
        runtime.wait_until_stored(send(runtime, mixed, T0 + 120_000))
        store = runtime.store()
        reasons = assert_nothing_is_lost(runtime, store, mixed)
        assert reasons == {"schema": 30, "quarantined": 20}
        assert store.rows("SELECT count() AS n FROM events FINAL WHERE station = %(bad)s", {"bad": BAD}) == [{"n": 5}]
        assert [row["station"] for row in store.rows("SELECT station FROM quarantine FINAL")] == [BAD]
        assert store.rows("SELECT * FROM quarantine_current") == [], "the twenty valid events let it back in"
        expected = facts(store, GOOD[0])
        assert sum(row["good"] for row in expected) == 40
        assert all(facts(store, station) == expected for station in GOOD), "nobody else noticed"
        again = garbage(BAD, 20)
        runtime.wait_until_stored(send(runtime, again, T0 + 180_000))
        rows = store.rows("SELECT station, toUnixTimestamp64Milli(since) AS ms, reason FROM quarantine_current")
        assert rows == [{"station": BAD, "ms": T0 + 180_000, "reason": "schema"}]


@pytest.mark.long
@pytest.mark.stack
def test_a_bad_deploy_stops_the_flow_and_the_override_lets_it_go_on(tmp_path: Path) -> None:
    settings = replace(Settings(), data_dir=tmp_path)
    with Runtime(settings, serve=True, flow=False) as runtime:
        system = runtime.system
        names = stations_of_one_partition(system.kafka, 6)
        deployed = [record for station in names for record in garbage(station, 25)]
        named = replace(
            settings, kafka_url=system.kafka.bootstrap, clickhouse_url=system.clickhouse_url, log_epoch=system.log_epoch
        )
        before = [record for station in names for record in cycles(station, range(1, 4))]
        send(runtime, before, T0 + 60_000)
        send(runtime, deployed, T0 + 120_000)
        after = [record for station in names for record in cycles(station, range(4, 30))]
        ends = send(runtime, after, T0 + 180_000)
        store = runtime.store()

        said, rows = [], []
        for n in range(2):
            said.append(stopped(named, tmp_path / f"flow-{n}.log", runtime, ends))
            rows.append(dump(store))
        assert said[0] == said[1], "it stops again at the same record"
        assert rows[0] == rows[1], "and has written the same rows"
        assert len(rows[0]["rejects"]) == len(deployed)
        assert "6 of the 6 senders of the last hour are in quarantine, mostly for `schema`" in said[0]
        assert "SIPE_STOP_ON_POISON=0" in said[0]

        flow = FlowProcess(replace(named, stop_on_poison=False), tmp_path / "goes-on.log")
        flow.start()
        try:
            runtime.wait_until_stored(ends)
        finally:
            flow.stop()
        reasons = assert_nothing_is_lost(runtime, store, [*before, *deployed, *after])
        assert reasons == {"schema": len(deployed), "quarantined": 20 * len(names)}
        assert store.rows("SELECT sum(good) AS n FROM minute_facts FINAL") == [{"n": (3 + 6) * len(names)}]


def stations_of_one_partition(kafka: KafkaAddress, number: int) -> list[str]:
    """Names that the partitioner sends to partition 0."""
    consumer = Consumer(consumer_config(kafka))
    partitions = partition_count(consumer, kafka, STATION_EVENTS_TOPIC.name)
    consumer.close()
    names = [f"manaus.final.line-2.deployed-{n}" for n in range(100)]
    return [name for name in names if (murmur2(name.encode()) & 0x7FFFFFFF) % partitions == 0][:number]


def murmur2(data: bytes) -> int:
    """The hash of Kafka's default partitioner (org.apache.kafka.common.utils.Utils.murmur2)."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) - len(data) % 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def dump(store: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """Every row that follows from the log of partition 0; the others hold nothing but ticks."""
    found = {}
    for table in TABLES:
        if table is not PUBLICATIONS:
            where = "WHERE partition = 0" if "partition" in table.column_names else ""
            found[table.name] = store.rows(f"SELECT * FROM {table.name} FINAL {where} ORDER BY ALL")  # noqa: S608  declared
    return found


def stopped(settings: Settings, log: Path, runtime: Runtime, ends: dict[int, int]) -> str:
    """What the flow says when it stops."""
    flow = FlowProcess(settings, log, crashes_max=1)
    flow.start()
    try:
        with pytest.raises(SipeError, match=r"^the flow stopped: ") as caught:
            waiting(flow, runtime, ends)
    finally:
        flow.stop()
    return str(caught.value).partition(" (log: ")[0]


def waiting(flow: FlowProcess, runtime: Runtime, ends: dict[int, int]) -> None:
    while dict(runtime.progress()) != ends:
        flow.check()
        time.sleep(0.1)
    raise AssertionError("the flow went through")
