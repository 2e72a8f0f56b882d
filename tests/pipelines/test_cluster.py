"""The flow as two processes: the same tables, whatever their number before and after, and whichever of them dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import waiting
from monitor_page import metrics, verdict
from saved_state import Dump, halves, send, stored, the_day
from server_process import free_port

from connectors.embedded.kept import environ
from connectors.embedded.process import ChildServer
from models.twin.link import Send
from pipelines.facts import cluster_of
from pipelines.runtime.flow import AS_CHILD, MODULE
from pipelines.runtime.system import Runtime, settings_within
from sipe.contracts.script import Tick
from sipe.errors import SipeError, UsageError
from sipe.settings import Settings

DEADLINE_S = 120.0
STOPS_WITHIN_S = 10.0

pytestmark = [pytest.mark.stack, pytest.mark.long, pytest.mark.timeout(600)]


Meanwhile = Callable[["Cluster", Settings], "Cluster | None"]


class Cluster:
    """So many processes of one flow."""

    def __init__(self, settings: Settings, processes: int) -> None:
        addresses = ",".join(f"127.0.0.1:{free_port()}" for _ in range(processes)) if processes > 1 else None
        self.settings = [
            replace(settings, flow_addresses=addresses, flow_process=number, monitor_port=free_port())
            for number in range(1, processes + 1)
        ]
        log_path = settings.data_dir / "flow.log"
        self.children = [
            ChildServer(MODULE, AS_CHILD, log_path=log_path, environ=environ(own)) for own in self.settings
        ]

    def start(self) -> Cluster:
        """Start all of them."""
        for child in self.children:
            child.start()
        return self

    def stop(self) -> None:
        """Stop all of them, at once: they drain together."""
        for child in self.children:
            with suppress(SipeError, ProcessLookupError):  # it has ended already
                os.kill(child.pid, signal.SIGTERM)
        for child in self.children:
            child.stop()

    def records_read(self) -> list[float]:
        """By each process, over all partitions; none by one that does not serve its numbers yet."""
        pages = [metrics(own.monitor_port) if verdict(own.monitor_port, "/live")[0] else {} for own in self.settings]
        return [sum(n for (name, _), n in page.items() if name == "sipe_records_read_total") for page in pages]


def playing(directory: Path, parts: Sequence[tuple[int, Sequence[Send | Tick]]], meanwhile: Meanwhile) -> Dump:
    """The tables after the parts of a day, each played into a cluster of so many processes."""
    with Runtime(Settings(data_dir=directory), serve=True, flow=False) as runtime, runtime.sender() as sender:
        settings = settings_within(Settings(data_dir=directory, snapshot_interval_ms=500), runtime.system)
        for processes, items in parts:
            cluster = Cluster(settings, processes).start()
            try:
                send(sender, items)
                cluster = meanwhile(cluster, settings) or cluster
                runtime.wait_until_stored(sender.ends())
                assert min(cluster.records_read()) > 0, "one of them had nothing to do"
            finally:
                cluster.stop()
        return stored(runtime.store())


def a_day_in_parts() -> list[list[Send | Tick]]:
    first, rest = halves(the_day())
    ticks = [at for at, item in enumerate(rest) if isinstance(item, Tick)]
    border = ticks[len(ticks) // 2] + 1
    return [first, rest[:border], rest[border:]]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Dump:
    """The tables after a day in one process."""
    day = [item for part in a_day_in_parts() for item in part]
    return playing(tmp_path_factory.mktemp("calm"), [(1, day)], lambda *_: None)


def test_one_two_and_one_process_again_give_the_same_tables(calm: Dump, tmp_path: Path) -> None:
    parts = list(zip((1, 2, 1), a_day_in_parts(), strict=True))
    scaled = playing(tmp_path, parts, lambda *_: None)
    for table, rows in calm.items():
        assert scaled[table] == rows, table


def test_when_one_of_two_is_killed_the_other_ends_and_both_go_on_together(calm: Dump, tmp_path: Path) -> None:
    ended: list[float] = []

    def kill_the_second(cluster: Cluster, settings: Settings) -> Cluster:
        until(lambda: min(cluster.records_read()) > 0, "both work")
        first, second = cluster.children
        began = time.monotonic()
        os.kill(second.pid, signal.SIGKILL)
        until(lambda: has_ended(first), "it does not go on alone")
        ended.append(time.monotonic() - began)
        cluster.stop()
        return Cluster(settings, 2).start()

    both = playing(tmp_path, [(2, part) for part in a_day_in_parts()], kill_the_second)
    assert len(ended) == 3
    log = (tmp_path / "flow.log").read_text()
    assert log.count("did another process of its cluster end?") == 3
    for table, rows in calm.items():
        assert both[table] == rows, table


def has_ended(child: ChildServer) -> bool:
    try:
        child.check()
    except SipeError:
        return True
    return False


until = partial(waiting.until, timeout_s=DEADLINE_S)


def test_a_process_that_waits_for_the_others_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with Runtime(Settings(data_dir=tmp_path), serve=True, flow=False) as runtime:
        settings = settings_within(Settings(data_dir=tmp_path), runtime.system)
        cluster = Cluster(settings, 2)
        alone = cluster.children[0]
        alone.start()
        try:
            until(lambda: "the flow starts" in (tmp_path / "flow.log").read_text(), "it starts")
            began = time.monotonic()
            os.kill(alone.pid, signal.SIGTERM)
            until(lambda: has_ended(alone), "it ends")
            assert time.monotonic() - began < STOPS_WITHIN_S
        finally:
            cluster.stop()
        assert runtime.progress() == {}


@pytest.mark.parametrize(
    ("addresses", "process", "complaint"),
    [
        (None, 2, "SIPE_FLOW_PROCESS is set and SIPE_FLOW_ADDRESSES is not"),
        ("a:1,a:1", 1, "each once"),
        ("a:1,b", 1, "is not host:port"),
        ("a:1,b:2", 3, "but there are 2 addresses"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(addresses: str | None, process: int, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        cluster_of(Settings(flow_addresses=addresses, flow_process=process))
