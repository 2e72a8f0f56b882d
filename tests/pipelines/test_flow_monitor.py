"""A flow that waits for its store is alive and not ready, and shows how long it waits."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import waiting
from monitor_page import Series, free_ports, metrics, series, verdict

from connectors.kafka.sender import EventSender
from pipelines.runtime.system import Runtime
from sipe.clock import SystemClock
from sipe.contracts.events import Heartbeat
from sipe.settings import Settings

pytestmark = pytest.mark.stack

STATION = "manaus.final.line-1.packing"
ACCEPTED = series("sipe_events_total", outcome="accepted")
BLOCKED = series("sipe_blocked_seconds_total", by="clickhouse")

until = partial(waiting.until, timeout_s=60)


def total(shown: dict[Series, float], metric: str) -> float:
    return sum(value for (name, _), value in shown.items() if name == metric)


class Flow(NamedTuple):
    runtime: Runtime
    port: int

    def send(self, *seqs: int) -> None:
        """Events of now, and a tick after them."""
        with EventSender(self.runtime.system.kafka) as sender:
            for seq in seqs:
                sender.send(Heartbeat(station=STATION, boot=1, seq=seq, ts_ms=SystemClock().now_ms()))
            sender.send_raw(STATION.encode(), b"not an event")
            sender.tick(SystemClock().now_ms())

    def is_ready(self) -> bool:
        return verdict(self.port, "/ready")[0] == 200


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[Flow]:
    port = free_ports()
    settings = replace(Settings(), data_dir=tmp_path, monitor_port=port)
    with Runtime(settings, serve=True) as runtime:
        yield Flow(runtime, port + 1)


def test_what_is_stored_is_counted(flow: Flow) -> None:
    until(flow.is_ready, "the flow should get ready")
    sent_s = time.time()
    flow.send(1, 2, 2)
    until(lambda: total(metrics(flow.port), "sipe_publications_total") == 4, "a tick per partition should be stored")
    shown = metrics(flow.port)
    assert shown[ACCEPTED] == 2
    assert shown[series("sipe_events_total", outcome="duplicate")] == 1
    assert shown[series("sipe_rejects_total", reason="undecodable")] == 1
    assert shown[series("sipe_rows_written_total", table="events")] == 3
    assert shown[series("sipe_insert_seconds_count", table="events")] >= 1
    assert shown[series("sipe_event_latency_seconds_count")] == 2
    assert shown[BLOCKED] > 0
    assert total(shown, "sipe_ticks_total") == 4
    assert total(shown, "sipe_stations") == 1
    [log_s, *_] = [value for (name, _), value in shown.items() if name == "sipe_log_time_seconds"]
    assert sent_s - 1 < log_s < time.time()
    until(lambda: metrics(flow.port)[series("sipe_snapshot_time_seconds")] > sent_s, "a snapshot should follow")


def test_a_frozen_store_makes_the_flow_unready_but_not_dead(flow: Flow) -> None:
    until(flow.is_ready, "the flow should be ready before")
    assert flow.runtime.stack is not None
    store = flow.runtime.stack.pids[-1]
    os.kill(store, signal.SIGSTOP)
    try:
        flow.send(11, 12)
        until(lambda: not flow.is_ready(), "it cannot write, so it is not ready")
        assert any("clickhouse" in reason for reason in verdict(flow.port, "/ready")[1]["reasons"])
        until(lambda: metrics(flow.port).get(BLOCKED, 0) > 3, "back-pressure shows while it lasts")
        assert verdict(flow.port, "/live") == (200, {"ok": True, "reasons": []})
    finally:
        os.kill(store, signal.SIGCONT)
    until(flow.is_ready, "it goes on when the store does")
    until(lambda: metrics(flow.port).get(ACCEPTED, 0) == 2, "nothing was lost over it")
    flow.runtime.check()


@pytest.mark.long
def test_a_flow_that_drains_is_gone_within_its_time(tmp_path: Path) -> None:
    port = free_ports()
    with Runtime(replace(Settings(), data_dir=tmp_path, monitor_port=port), serve=True) as runtime:
        until(lambda: verdict(port + 1, "/live")[0] == 200, "it should be alive")
        assert verdict(port, "/live")[0] == 0, "only `sipe up` itself takes the first port"
        assert runtime.flow is not None
        began_s = time.monotonic()
        runtime.flow.stop()
        assert time.monotonic() - began_s < 10
        assert verdict(port + 1, "/live")[0] == 0
