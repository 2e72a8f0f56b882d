"""What of a station has come, as runs, against the same counted number by number."""

from __future__ import annotations

import random

import msgspec
import pytest

from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.received import Received, read_until_ms, received
from connectors.clickhouse.writer import Writer
from models.kpi import HOUR_MS
from sipe.contracts.codec import encode
from sipe.contracts.events import GapDetected, Heartbeat, StationEvent
from sipe.contracts.tables import EVENTS, FLOW_PROGRESS, REJECTS, version_of

pytestmark = pytest.mark.stack

STATION = "manaus.final.line-1.pack-1"
NOW_MS = 1_790_000_000_000
FROM_MS = NOW_MS - NOW_MS % HOUR_MS
TO_MS = FROM_MS + 3 * HOUR_MS
MANY = 1_000


def heartbeat(seq: int, ts_ms: int, *, station: str = STATION, source: str = "gateway", boot: int = 1) -> Heartbeat:
    return Heartbeat(station=station, source=source, boot=boot, seq=seq, ts_ms=ts_ms)


def archived(event: StationEvent, offset: int, raw: bytes | None = None) -> dict[str, object]:
    return {
        "station": event.station, "ts": event.ts_ms, "type": event.__struct_config__.tag, "source": event.source,
        "boot": event.boot, "seq": event.seq, "epoch": 1, "partition": 0, "offset": offset, "record_ts": event.ts_ms,
        "outcome": "accepted", "raw": encode(event) if raw is None else raw,
    }  # fmt: skip


def rejected(raw: bytes, offset: int, key: str = STATION) -> dict[str, object]:
    return {
        "epoch": 1, "partition": 0, "offset": offset, "record_ts": NOW_MS, "reason": "clock_future", "detail": "",
        "key": key.encode(), "raw": raw, "attempt": 0,
    }  # fmt: skip


def asked(warehouse: Warehouse, runs_max: int = MANY) -> list[Received]:
    return sorted(received(warehouse, STATION, FROM_MS, TO_MS, runs_max))


def test_the_runs_are_those_of_a_naive_account(warehouse: Warehouse, writer: Writer) -> None:
    draw = random.Random(3)
    events = [
        heartbeat(
            seq,
            FROM_MS + draw.randrange(-HOUR_MS, 4 * HOUR_MS),
            source=draw.choice(["gateway", "device"]),
            boot=draw.choice([1, 2]),
        )
        for seq in range(1, 400)
        if draw.random() < 0.9
    ]
    events += draw.sample(events, 50)
    writer.write([Block.of_rows(EVENTS, [archived(event, offset) for offset, event in enumerate(events)])])
    wanted: dict[tuple[str, int, int], set[int]] = {}
    for event in events:
        if FROM_MS <= event.ts_ms < TO_MS:
            who = (event.source, event.boot, event.ts_ms - event.ts_ms % HOUR_MS)
            wanted.setdefault(who, set()).add(event.seq)
    found: dict[tuple[str, int, int], set[int]] = {}
    for run in asked(warehouse):
        here = found.setdefault(run[:3], set())
        assert not here & set(range(run.first - 1, run.last + 2)), "runs meet"
        here |= set(range(run.first, run.last + 1))
    assert found == wanted
    assert len(asked(warehouse, 5)) == 5


def test_gaps_declare_and_rejects_are_read_from_their_bytes(warehouse: Warehouse, writer: Writer) -> None:
    gap = GapDetected(station=STATION, source="gateway", boot=1, seq=9, ts_ms=NOW_MS, first_missing=5, last_missing=9)
    aged = msgspec.structs.replace(gap, seq=20, first_missing=15, last_missing=20)
    other = heartbeat(1, NOW_MS, station="manaus.final.line-1.pack-2")
    rows = [archived(gap, 1), archived(aged, 2, b""), archived(other, 3)]
    unsaid = Heartbeat(station=STATION, boot=4, seq=7, ts_ms=NOW_MS)
    rejects = [
        rejected(encode(heartbeat(30, NOW_MS)), 10),
        rejected(encode(unsaid), 11),
        rejected(encode(heartbeat(31, NOW_MS)), 12, key="manaus.final.line-1.pack-2"),
        rejected(encode(heartbeat(32, TO_MS)), 13),
        rejected(b"\xff no event at all", 14),
        rejected(b'{"ts_ms": %d, "source": "\xff"}' % NOW_MS, 15),
        rejected(b'{"ts_ms": %d, "seq": 3, "boot": "many", "source": "Not One"}' % NOW_MS, 16),
    ]
    writer.write([Block.of_rows(EVENTS, rows), Block.of_rows(REJECTS, rejects)])
    assert asked(warehouse) == [
        Received("device", 4, FROM_MS, "rejected", 7, 7),
        Received("gateway", 1, FROM_MS, "declared", 5, 9),
        Received("gateway", 1, FROM_MS, "declared", 20, 20),
        Received("gateway", 1, FROM_MS, "rejected", 30, 30),
    ]


def test_it_is_read_as_far_as_the_partition_that_is_behind(warehouse: Warehouse, writer: Writer) -> None:
    assert read_until_ms(warehouse) is None
    logs = [(1, 0, 5), (2, 0, 900), (2, 1, 700)]
    rows = [
        {"partition": partition, "epoch": epoch, "offset": 1, "tick_offset": 1, "now_ms": now_ms}
        | {"version": version_of(epoch, 1)}
        for epoch, partition, now_ms in logs
    ]
    writer.write([Block.of_rows(FLOW_PROGRESS, rows)])
    assert read_until_ms(warehouse) == 700
