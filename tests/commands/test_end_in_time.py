"""Commands that run until they are told to end do so in time, even when a server has fallen silent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import waiting
from command_line import environment
from monitor_page import free_ports, metrics, series, verdict

from connectors.clickhouse import migrate
from connectors.clickhouse.client import Address
from connectors.embedded.process import ChildServer
from sipe.contracts.topics import TOPICS
from sipe.metrics import TICKS_SENT

pytestmark = [pytest.mark.stack, pytest.mark.long]

STOP_MAX_S = 10.0
DEADLINE_S = 60.0
PASSWORD = "for-one-start"  # noqa: S105 - of a server of the test's own


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ChildServer]:
    topics = [f"{topic.name}:{topic.partitions}" for topic in TOPICS]
    with ChildServer("connectors.embedded.broker", *topics, log_path=tmp_path / "broker.log") as child:
        yield child
        os.kill(child.pid, signal.SIGCONT)


@contextmanager
def running(command: str, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "sipe.cli", command]
    environ = environment() | environ
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


until = partial(waiting.until, timeout_s=DEADLINE_S)


def test_the_ticker_ends_while_no_tick_is_acknowledged(broker: ChildServer) -> None:
    port = free_ports()
    with running("ticker", {"SIPE_KAFKA_URL": broker.ready["bootstrap"], "SIPE_MONITOR_PORT": str(port)}) as ticker:
        assert ticker.stderr is not None
        assert ticker.stderr.readline().startswith("ticking at")
        os.kill(broker.pid, signal.SIGSTOP)
        sent = metrics(port).get(series(TICKS_SENT.name), 0.0)
        until(lambda: metrics(port)[series(TICKS_SENT.name)] > sent + 1, "it ticks")
        ticker.terminate()
        assert ticker.wait(STOP_MAX_S) == 1
        assert "a server did not answer" in ticker.stderr.read()


def test_up_ends_while_the_store_says_nothing(broker: ChildServer, tmp_path: Path) -> None:
    environ, log_path = {"SIPE_EMBEDDED_PASSWORD": PASSWORD}, tmp_path / "store.log"
    words = ("--path", str(tmp_path / "store"))
    with ChildServer("connectors.embedded.clickhouse", *words, log_path=log_path, environ=environ) as store:
        url = f"clickhouse://sipe:{PASSWORD}@127.0.0.1:{store.ready['port']}/sipe"
        migrate.apply(Address.parse(url))
        port = free_ports()
        settings = {
            "SIPE_KAFKA_URL": broker.ready["bootstrap"],
            "SIPE_CLICKHOUSE_URL": url,
            "SIPE_DATA_DIR": str(tmp_path / "data"),
            "SIPE_MONITOR_PORT": str(port),
            "SIPE_REFOLD_AFTER_MS": "100",  # so often it looks for what is marked
        }
        with running("up", settings) as up:
            assert up.stdout is not None
            assert up.stdout.readline().startswith("Kafka")
            os.kill(store.pid, signal.SIGSTOP)
            try:
                until(lambda: "clickhouse does not answer" in str(verdict(port, "/ready")), "the store is missed")
                up.terminate()
                assert up.wait(STOP_MAX_S) == 1
            finally:
                os.kill(store.pid, signal.SIGCONT)
            assert up.stderr is not None
            assert "a server did not answer" in up.stderr.read()
