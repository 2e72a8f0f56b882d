"""Days without the office: what was kept is caught up with, and what happens meanwhile does not wait behind it."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_record import record
from gateway_rig import GatewayRig
from ledger import Balance
from shop import LINE
from waiting import until

from edge.agent.post import home_of
from edge.agent.seat import limits_of
from edge.spool import Spool
from sipe.clock import SystemClock
from sipe.contracts.events import CycleCompleted, Heartbeat, StationEvent

HOURS = 72 if os.environ.get("SIPE_PROVE") else 6
STATIONS = (f"{LINE}.pack-1", f"{LINE}.pack-2")
BEAT_MS, CYCLE_MS = 10_000, 40_000
BEFORE = "before"
"""The source of what happened while the office was away."""
LATE_EVENTS_PER_S = 500.0
SPOOL_BYTES = 500_000_000
SPEED_MIN = 20
"""Times real time."""
LIVE_MAX_MS = 2_000
GROUP = 500
DEADLINE_S = 900.0

Identity = tuple[str, int]
"""(station, seq)."""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GatewayRig]:
    stations = {station: {"program": "scan", "heartbeat_ms": 1_000} for station in STATIONS}
    with GatewayRig(tmp_path, stations, late_events_per_s=LATE_EVENTS_PER_S) as rig:
        yield rig


@pytest.mark.fault
@pytest.mark.timeout(DEADLINE_S + 300)
def test_days_of_events_are_caught_up_with_and_what_is_new_is_fresh(rig: GatewayRig) -> None:
    late = {identity for station in STATIONS for identity in fill(rig.directory / "gateway", station)}
    began_s = time.monotonic()
    rig.start()
    until(lambda: rig.status().get("waiting_bytes", 1) == 0, "all is sent", DEADLINE_S)
    drained_s = time.monotonic() - began_s
    assert rig.terminate() == 0

    seen = [(one.ts_ms, json.loads(one.value)) for one in rig.topic.look()]
    came: Counter[Identity] = Counter((event["station"], event["seq"]) for _, event in seen if is_late(event))
    assert came.keys() == late
    live_ms = [ts_ms - event["ts_ms"] for ts_ms, event in seen if not is_late(event)]
    assert len(live_ms) > drained_s / 2, "hardly anything happened meanwhile"
    p99_ms = statistics.quantiles(live_ms, n=100)[98]
    print(f"{len(late):,} events of {HOURS} h in {drained_s:.0f} s; p99 of {len(live_ms)} live events {p99_ms:.0f} ms")  # noqa: T201  shown when it fails
    assert HOURS * 3_600 / drained_s >= SPEED_MIN
    assert p99_ms < LIVE_MAX_MS
    twice = [str(identity) for identity, times in came.items() if times > 1]
    record("office-away", Balance(doubled=twice).close(), met=len(late), recovery_s=[drained_s])


def is_late(event: dict[str, object]) -> bool:
    return event["source"] == BEFORE


def fill(gateway: Path, station: str) -> list[Identity]:
    """What a station's spool holds when the office was away for so long: signs of life, and units."""
    until_ms = SystemClock().now_ms()
    times_ms = range(until_ms - HOURS * 3_600_000, until_ms, BEAT_MS)
    events: list[StationEvent] = []
    for ts_ms in times_ms:
        events.append(Heartbeat(station=station, source=BEFORE, boot=1, seq=len(events) + 1, ts_ms=ts_ms))
        if (ts_ms - times_ms.start) % CYCLE_MS == 0:
            events.append(cycle(station, len(events) + 1, ts_ms))
    with Spool(home_of(gateway, station) / "spool", limits_of(SPOOL_BYTES)) as spool:
        for first in range(0, len(events), GROUP):
            spool.append(events[first : first + GROUP])
    return [(station, event.seq) for event in events]


def cycle(station: str, seq: int, ts_ms: int) -> CycleCompleted:
    return CycleCompleted(
        station=station, source=BEFORE, boot=1, seq=seq, ts_ms=ts_ms, order="OP-1", product="MTR-200", step="packing",
        qty=1, result="good", cycle_ms=CYCLE_MS, serial=f"WB{seq:06}",
    )  # fmt: skip
