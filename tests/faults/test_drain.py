"""A flow that is told to end does so in time, even where it waits for an answer that does not come."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fault_proxy import FaultProxy
from fault_record import record
from fault_system import FaultSystem, NewSystem, a_day, chunks, until, url_of

from connectors.clickhouse.client import SEND_RECEIVE_TIMEOUT_S
from connectors.embedded.kept import environ
from connectors.kafka.source import BATCH_RECORDS_MAX
from pipelines.facts import UNDRAINED
from pipelines.runtime.flow import ERROR_PREFIX

STOP_MAX_S = 10.0
DRAINED = 0
BACKLOG = 8 * BATCH_RECORDS_MAX
"""Repeats of one event, so several batches of one partition."""

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.needs("kafka")]


class Flow:
    """A flow that nobody brings back: what it says, and how it ends."""

    def __init__(self, process: subprocess.Popen[bytes], system: FaultSystem) -> None:
        self._process = process
        self._system = system
        self._said_before = len(system.log)

    @property
    def said(self) -> str:
        """What it has said since it began."""
        return self._system.log[self._said_before :]

    def stop(self, *numbers: signal.Signals) -> int:
        """Tell it to end; returns the exit code once it has, in time."""
        assert self._process.poll() is None, f"it had ended by itself: {self.said[-2000:]}"
        began = time.monotonic()
        for number in numbers or (signal.SIGTERM,):
            self._process.send_signal(number)
        code = self._process.wait(STOP_MAX_S)
        assert time.monotonic() - began < STOP_MAX_S
        return code


@contextmanager
def flow_of(system: FaultSystem, **changes: Any) -> Iterator[Flow]:
    system.log_path.parent.mkdir(parents=True, exist_ok=True)
    settings = {**environ(system.settings), **{f"SIPE_{name.upper()}": value for name, value in changes.items()}}
    with system.log_path.open("ab") as log:
        command = [sys.executable, "-m", "pipelines.facts"]
        with subprocess.Popen(command, env=os.environ | settings, stderr=log) as process:
            try:
                yield Flow(process, system)
            finally:
                process.kill()


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


@pytest.fixture
def system(new_system: NewSystem) -> FaultSystem:
    """A system whose flow is not started."""
    return new_system()


@pytest.mark.timeout(400)
def test_it_ends_in_time_whatever_it_waits_for(system: FaultSystem) -> None:
    """While it starts and while it works, against servers that take connections and say nothing."""
    day = a_day(61)
    first, second, third = chunks(day, 3)
    host, _, port = str(system.settings.kafka_url).partition(",")[0].rpartition(":")
    with FaultProxy(host, int(port)) as broker:
        broker.blackhole()
        with flow_of(system, kafka_url=f"{host}:{broker.port}") as flow:
            until(lambda: broker.connections > 0, "a connection to the broker")
            assert flow.stop() != DRAINED
            assert last_line(flow.said).startswith(ERROR_PREFIX)
    with FaultProxy(system.address.host, system.address.port) as store:
        by_proxy = url_of(system.address).replace(f":{system.address.port}/", f":{store.port}/")
        store.blackhole()
        with flow_of(system, clickhouse_url=by_proxy) as flow:
            until(lambda: store.connections > 0, "a connection to the store")
            assert flow.stop() != DRAINED
            assert last_line(flow.said).startswith(ERROR_PREFIX)
        store.heal()
        with flow_of(system, clickhouse_url=by_proxy) as flow:
            system.play(first)
            system.catch_up()
            store.blackhole()
            held = store.held
            system.play(second)
            until(lambda: store.held > held, "a query without an answer")
            assert SEND_RECEIVE_TIMEOUT_S > STOP_MAX_S, "it would have given up by itself"
            assert flow.stop() != DRAINED
            assert last_line(flow.said) == UNDRAINED.strip()
    with flow_of(system) as flow:
        system.play(third)
        system.catch_up()
        assert flow.stop() == DRAINED
    record("flow-drained", system.close_the_books(day.now_ms), met=4, runs=4)


@pytest.mark.timeout(400)
def test_it_drains_what_it_has_read_and_no_more(system: FaultSystem) -> None:
    day = a_day(62)
    first, second = chunks(day, 2)
    with flow_of(system) as flow:
        system.play(first)
        system.catch_up()
        assert flow.stop(signal.SIGTERM, signal.SIGTERM) == DRAINED, "twice is once"
    stored = system.stored()
    with system.sending() as sender:
        for _ in range(BACKLOG):
            sender.event(day.sends[0].event)
        sender.play(second)
    with flow_of(system) as flow:
        until(lambda: system.stored() != stored, "progress")
        assert flow.stop(signal.SIGINT) == DRAINED
    assert not system.caught_up(), "the backlog was over before the stop"
    with flow_of(system) as flow:
        system.catch_up()
        assert flow.stop() == DRAINED
    record("flow-drained", system.close_the_books(day.now_ms), met=3, runs=3)
