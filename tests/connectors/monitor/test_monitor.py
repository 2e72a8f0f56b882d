"""Metrics, liveness and readiness: what is declared is shown, and odd requests touch nothing."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from monitor_page import series, series_of
from prometheus_client.parser import text_string_to_metric_families

from connectors.monitor.process import ProcessMonitor
from connectors.monitor.server import CONNECTIONS_MAX, REQUEST_BYTES_MAX, REQUEST_TIMEOUT_S, MonitorServer
from connectors.monitor.vitals import ANSWER_S, BLOCKED_S, START_S, Vitals
from sipe.errors import SipeError
from sipe.metrics import BLOCKED_S_MAX, BLOCKED_SECONDS, METRICS, RECORDS_READ, REJECTS, TURN_S, Metric


@pytest.fixture
def monitor() -> ProcessMonitor:
    return ProcessMonitor("test")


@pytest.fixture
def server(monitor: ProcessMonitor) -> Iterator[MonitorServer]:
    with MonitorServer(monitor, "127.0.0.1", 0) as serving:
        yield serving


def ask(server: MonitorServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def raw(server: MonitorServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_every_declared_metric_is_shown_and_nothing_else(server: MonitorServer, monitor: ProcessMonitor) -> None:
    tell: dict[str, Any] = {"counter": monitor.count, "gauge": monitor.set, "histogram": monitor.observe}
    for metric in METRICS:
        tell[metric.kind](metric, 1.0, **dict.fromkeys(metric.labels, "x"))
    status, page = ask(server, "/metrics")
    assert status == 200
    families = list(text_string_to_metric_families(page.decode()))
    shown = {(f.name + "_total" if f.type == "counter" else f.name, f.type, f.documentation) for f in families}
    assert shown == {(metric.name, metric.kind, metric.help) for metric in METRICS}
    assert all(family.samples for family in families)
    labels_of = {sample.name: set(sample.labels) - {"le"} for family in families for sample in family.samples}
    for metric in METRICS:
        assert labels_of[metric.name + "_bucket" * (metric.kind == "histogram")] == set(metric.labels)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_the_conventions_of_prometheus(metric: Metric) -> None:
    assert metric.name.startswith("sipe_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert metric.help.endswith(".")
    assert metric.buckets == tuple(sorted(metric.buckets))


def test_names_are_given_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_two_processes_in_one_do_not_share_a_registry(monitor: ProcessMonitor) -> None:
    monitor.count(REJECTS, 3, reason="schema")
    assert series_of(monitor.page())[series("sipe_rejects_total", reason="schema")] == 3
    assert not [name for name, _ in series_of(ProcessMonitor("other").page()) if name == REJECTS.name]


def test_threads_add_up(monitor: ProcessMonitor) -> None:
    def work() -> None:
        for _ in range(1_000):
            monitor.count(RECORDS_READ, partition=1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert series_of(monitor.page())[series(RECORDS_READ.name, partition="1")] == 4_000


def test_live_and_ready_answer_with_their_reasons(server: MonitorServer, monitor: ProcessMonitor) -> None:
    assert ask(server, "/live")[0] == 200
    status, body = ask(server, "/ready")
    assert (status, json.loads(body)) == (503, {"ok": False, "reasons": ["no work is assigned yet"]})
    monitor.assigned("partition 1")
    monitor.turned()
    assert json.loads(ask(server, "/ready")[1]) == {"ok": True, "reasons": []}
    monitor.vitals.drain()
    assert json.loads(ask(server, "/ready")[1])["reasons"] == ["it drains"]
    assert ask(server, "/live")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_only_get_and_head(server: MonitorServer, method: str) -> None:
    assert ask(server, "/metrics", method)[0] == 405


def test_head_is_get_without_the_body(server: MonitorServer) -> None:
    assert ask(server, "/live", "HEAD") == (200, b"")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics?x=1", "/../etc/passwd", "/debug", "//metrics"])
def test_no_other_path(server: MonitorServer, path: str) -> None:
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"GET /metrics SMTP/1.1\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 2 * REQUEST_BYTES_MAX, b"431"),
    ],
)
def test_odd_requests_end_in_an_error(server: MonitorServer, request_: bytes, status: bytes) -> None:
    assert raw(server, request_).startswith(b"HTTP/1.1 " + status)
    assert ask(server, "/live")[0] == 200


def test_who_says_nothing_is_shown_the_door_and_nobody_waits_for_him(server: MonitorServer) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(CONNECTIONS_MAX)]
    try:
        with pytest.raises((http.client.HTTPException, OSError)):
            ask(server, "/live")  # all places are taken
        for connection in idle:
            connection.settimeout(REQUEST_TIMEOUT_S * 4)
            assert connection.recv(1) == b""
        assert ask(server, "/live")[0] == 200
    finally:
        for connection in idle:
            connection.close()


def test_who_never_reads_the_answer_is_let_go(monkeypatch: pytest.MonkeyPatch, monitor: ProcessMonitor) -> None:
    page_bytes = 64 * 1024 * 1024  # more than any socket takes
    monkeypatch.setattr("connectors.monitor.server.REQUEST_TIMEOUT_S", 0.2)
    monkeypatch.setattr(monitor, "page", lambda: bytes(page_bytes))
    gone = threading.Event()
    monkeypatch.setattr("asyncio.StreamReaderProtocol.connection_lost", lambda *_: gone.set())
    with (
        MonitorServer(monitor, "127.0.0.1", 0) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection,
    ):
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert gone.wait(20), "the server holds the page until somebody reads it"


@pytest.mark.parametrize("port", [65_536, 10**9])
def test_a_port_that_is_none_is_one_line(monitor: ProcessMonitor, port: int) -> None:
    with pytest.raises(SipeError, match=rf"cannot listen on 127\.0\.0\.1:{port} .*SIPE_MONITOR_PORT"):
        MonitorServer(monitor, "127.0.0.1", port).start()


def test_a_taken_port_is_one_line(server: MonitorServer, monitor: ProcessMonitor) -> None:
    with pytest.raises(SipeError, match=rf"cannot listen on 127\.0\.0\.1:{server.port} .*SIPE_MONITOR_PORT"):
        MonitorServer(monitor, "127.0.0.1", server.port).start()


class TestVitals:
    def setup_method(self) -> None:
        self.now_s = 1_000.0
        self.vitals = Vitals(monotonic_s=lambda: self.now_s)
        self.waited: dict[str, float] = {}

    def count(self, server: str, seconds: float) -> None:
        self.waited[server] = self.waited.get(server, 0.0) + seconds

    def test_a_process_that_never_begins_is_stuck(self) -> None:
        self.now_s += START_S
        assert self.vitals.stuck() == []
        self.now_s += 3
        assert self.vitals.stuck() == ["start is 3 s overdue"]

    def test_a_loop_that_stands_still_is_stuck_until_it_turns(self) -> None:
        self.vitals.turned()
        self.now_s += TURN_S + 2
        assert self.vitals.stuck() == ["MainThread is 2 s overdue"]
        self.vitals.turned()
        assert self.vitals.stuck() == []

    def test_one_stuck_thread_is_enough(self) -> None:
        other = threading.Thread(target=self.vitals.turned, name="worker-2")
        other.start()
        other.join()
        self.now_s += TURN_S + 1
        self.vitals.turned()
        assert self.vitals.stuck() == ["worker-2 is 1 s overdue"]

    def test_a_longer_step_may_take_as_long_as_it_said(self) -> None:
        self.vitals.turned(within_s=500)
        self.now_s += 499
        assert self.vitals.stuck() == []

    def test_who_waits_for_a_server_is_alive_and_not_ready_and_the_wait_counts_while_it_lasts(self) -> None:
        self.vitals.assigned("partition 0")
        with self.vitals.blocked_by("clickhouse", self.count):
            self.now_s += BLOCKED_S
            assert self.vitals.missing() == []
            self.now_s += BLOCKED_S_MAX - BLOCKED_S - 1
            assert self.vitals.stuck() == []
            assert self.vitals.missing() == [f"blocked by clickhouse for {BLOCKED_S_MAX - 1:.0f} s"]
            self.vitals.settle(self.count)
            assert self.waited == {"clickhouse": BLOCKED_S_MAX - 1}
            self.now_s += 1
        assert self.waited == {"clickhouse": BLOCKED_S_MAX}, "no second counts twice"
        assert self.vitals.missing() == []

    def test_a_server_is_asked_only_when_it_has_not_answered_lately(self) -> None:
        asked = []

        def probe() -> None:
            asked.append(self.now_s)
            if len(asked) > 1:
                raise SipeError("gone")

        self.vitals.assigned("partition 0")
        self.vitals.turned(within_s=10_000)
        self.vitals.needs("clickhouse", probe)
        self.vitals.answered("clickhouse")
        assert self.vitals.missing() == []
        assert asked == []
        self.now_s += ANSWER_S
        assert self.vitals.missing() == []
        assert len(asked) == 1
        self.now_s += ANSWER_S
        assert self.vitals.missing() == ["clickhouse does not answer: gone"]


def test_the_seconds_of_a_wait_that_lasts_are_on_the_page(monitor: ProcessMonitor) -> None:
    waited = series(BLOCKED_SECONDS.name, by="clickhouse")
    with monitor.blocked_by("clickhouse"):
        first = series_of(monitor.page())[waited]
        assert series_of(monitor.page())[waited] > first
