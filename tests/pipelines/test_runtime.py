"""The runtime: what is safe from the embedded broker, a flow that comes back, and waits that end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
import waiting

from connectors.embedded.broker import __name__ as BROKER
from connectors.embedded.kept import PAUSE_MAX_S, environ
from connectors.embedded.lock import alive
from connectors.embedded.process import ChildServer
from connectors.kafka.address import KafkaAddress
from connectors.kafka.sender import EventSender
from pipelines.runtime.flow import FlowProcess
from pipelines.runtime.progress import READ_EVERY_S, DelayedProgress
from pipelines.runtime.system import Runtime, find
from sipe.contracts.events import IntervalReported
from sipe.contracts.topics import STATION_EVENTS_TOPIC
from sipe.errors import SipeError, UsageError
from sipe.settings import Settings, load

DEADLINE_S = 30.0
START_MS = 1_772_445_600_000
MINUTE_MS = 60_000

OWNER = """
import json, sys, time
from pathlib import Path
from pipelines.runtime.system import Runtime
from sipe.settings import Settings
with Runtime(Settings(data_dir=Path(sys.argv[1]))) as runtime:
    print(json.dumps({"flow": runtime.flow.pid}), flush=True)
    time.sleep(60)
"""

until = partial(waiting.until, timeout_s=DEADLINE_S)


class TestDelayedProgress:
    DELAY_S = 2.5

    def setup_method(self) -> None:
        self.now_s = 100.0
        self.stored = {0: 10}
        self.reads = 0

    def read(self) -> Mapping[int, int]:
        self.reads += 1
        return dict(self.stored)

    def delayed(self) -> DelayedProgress:
        return DelayedProgress(self.read, self.DELAY_S, monotonic_s=lambda: self.now_s)

    def test_it_begins_with_what_was_stored_before(self) -> None:
        progress = self.delayed()
        self.stored = {0: 99}
        assert progress() == {0: 10}

    def test_a_reading_counts_once_it_is_old_enough(self) -> None:
        progress = self.delayed()
        self.now_s, self.stored = 101.0, {0: 50}
        assert progress() == {0: 10}
        self.now_s, self.stored = 102.0, {0: 60, 1: 7}
        assert progress() == {0: 10}
        self.now_s = 103.4
        assert progress() == {0: 10}, "the reading of 101.0 is 2.4 s old"
        self.now_s = 103.5
        assert progress() == {0: 50}
        self.now_s = 104.5
        assert progress() == {0: 60, 1: 7}

    def test_after_a_pause_a_new_reading_does_not_count_at_once(self) -> None:
        progress = self.delayed()
        self.now_s, self.stored = 500.0, {0: 80}
        assert progress() == {0: 10}
        self.now_s = 502.5
        assert progress() == {0: 80}

    def test_it_asks_the_store_no_more_often_than_it_has_to(self) -> None:
        progress = self.delayed()
        for _ in range(100):
            progress()
        assert self.reads == 1
        self.now_s += 2 * READ_EVERY_S
        progress()
        assert self.reads == 2


def test_a_child_loads_the_very_settings_of_its_parent() -> None:
    settings = Settings(
        kafka_url="k:1", clickhouse_url="clickhouse://u:p@h:1/d", data_dir=Path("/d"), log_epoch=7, workers=2
    )
    assert load(environ(settings)) == settings
    assert load(environ(Settings())) == Settings()


class TestFind:
    def test_named_servers_come_first(self, tmp_path: Path) -> None:
        url = "clickhouse://u:secret@h:9/d"
        system = find(Settings(kafka_url="k:1", clickhouse_url=url, log_epoch=3, data_dir=tmp_path))
        assert system is not None
        assert (system.kafka.bootstrap, system.log_epoch, system.embedded) == ("k:1", 3, False)
        assert "secret" not in f"{system!r} {system.store}"

    def test_nothing_is_found_where_nothing_runs(self, tmp_path: Path) -> None:
        assert find(Settings(data_dir=tmp_path)) is None

    @pytest.mark.parametrize("settings", [Settings(kafka_url="k:1"), Settings(clickhouse_url="clickhouse://h/d")])
    def test_one_named_server_is_a_mistake(self, settings: Settings) -> None:
        with pytest.raises(UsageError, match="is not set: name both servers, or neither"):
            find(settings)


def test_a_flow_that_cannot_begin_says_why_in_one_line(tmp_path: Path) -> None:
    flow = FlowProcess(Settings(kafka_url="k:1", clickhouse_url="http://h", data_dir=tmp_path), tmp_path / "flow.log")
    with pytest.raises(SipeError, match=r"^the flow stopped: ClickHouse URL: .* \(log: .*flow\.log\)$"):
        flow.start()


@pytest.mark.long
@pytest.mark.stack
def test_a_flow_that_crashes_again_and_again_is_given_up_with_its_own_words(tmp_path: Path) -> None:
    topic = f"{STATION_EVENTS_TOPIC.name}:1"
    now_s = 0.0
    with ChildServer(BROKER, topic, log_path=tmp_path / "broker.log") as broker:
        bootstrap = broker.ready["bootstrap"]
        with EventSender(KafkaAddress(bootstrap)) as sender:
            sender.tick(START_MS)  # the flow reads it, asks the store for its past, and fails
        settings = Settings(kafka_url=bootstrap, clickhouse_url="clickhouse://u:p@127.0.0.1:1/sipe", data_dir=tmp_path)
        flow = FlowProcess(settings, tmp_path / "flow.log", crashes_max=2, monotonic_s=lambda: now_s)
        flow.start()
        pids = set()

        def give_up() -> None:
            nonlocal now_s
            deadline = time.monotonic() + DEADLINE_S
            while time.monotonic() < deadline:
                flow.check()
                try:
                    pids.add(flow.pid)
                except SipeError:  # it pauses
                    now_s += PAUSE_MAX_S
                time.sleep(0.02)

        words = r"^the flow stopped 2 times in a row: ClickHouse at 127\.0\.0\.1:1/sipe does not answer"
        with pytest.raises(SipeError, match=words):
            give_up()
        assert len(pids) == 2


@pytest.mark.stack
def test_a_flow_and_its_servers_die_with_a_killed_owner(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        flow: int = json.loads(owner.stdout.readline())["flow"]
        assert alive(flow)
        owner.kill()
    until(lambda: not alive(flow), "the flow should be gone")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with Runtime(Settings(data_dir=tmp_path_factory.mktemp("runtime"))) as runtime:
        yield runtime


def intervals(station: str, count: int) -> Iterator[IntervalReported]:
    for seq in range(1, count + 1):
        to_ms = START_MS + seq * MINUTE_MS
        yield IntervalReported(
            station=station, source="log", boot=1, seq=seq, ts_ms=to_ms, from_ts_ms=to_ms - MINUTE_MS,
            state="executing", good=1,
        )  # fmt: skip


def good_of(runtime: Runtime, station: str) -> int:
    rows = runtime.store().rows("SELECT good FROM kpi_by_station WHERE station = %(station)s", {"station": station})
    good: int = rows[0]["good"]
    return good


@pytest.mark.stack
class TestRuntime:
    def test_what_is_sent_is_stored_when_the_wait_ends(self, runtime: Runtime) -> None:
        reports = []
        with runtime.sender() as sender:
            for event in intervals("site.area.line.first", 100):
                sender.send(event)
            sender.tick(START_MS + 200 * MINUTE_MS)
            ends = sender.ends()
        runtime.wait_until_stored(ends, report=lambda done, total: reports.append((done, total)))
        assert good_of(runtime, "site.area.line.first") == 100
        assert reports[-1] == (sum(ends.values()), sum(ends.values()))
        assert runtime.progress() == ends

    def test_a_killed_flow_comes_back_and_nothing_is_lost(self, runtime: Runtime) -> None:
        assert runtime.flow is not None
        killed = runtime.flow.pid
        with runtime.sender() as sender:
            for event in intervals("site.area.line.second", 50):
                sender.send(event)
            sender.flush()
            os.kill(killed, signal.SIGKILL)
            for event in intervals("site.area.line.third", 50):
                sender.send(event)
            sender.tick(START_MS + 300 * MINUTE_MS)
            ends = sender.ends()
        runtime.wait_until_stored(ends, stall_timeout_s=DEADLINE_S)
        assert runtime.flow.pid != killed
        assert [good_of(runtime, f"site.area.line.{name}") for name in ("second", "third")] == [50, 50]

    def test_others_find_it_and_start_nothing(self, runtime: Runtime) -> None:
        with Runtime(Settings(data_dir=runtime.data_dir)) as other:
            assert other.system == runtime.system
            assert other.flow is None
        runtime.check()

    def test_a_wait_in_vain_names_the_partition_and_how_far_it_is(self, runtime: Runtime) -> None:
        stored = runtime.progress().get(1, 0)
        with pytest.raises(SipeError, match=rf"\[1\] is stored up to offset {stored} of {stored + 5} and nothing"):
            runtime.wait_until_stored({1: stored + 5}, stall_timeout_s=0.3)


@pytest.mark.stack
def test_progress_is_that_of_this_log_alone(tmp_path: Path) -> None:
    insert = "INSERT INTO flow_progress SELECT %(partition)s, %(epoch)s, %(offset)s, 0, 0, 1"
    with Runtime(Settings(data_dir=tmp_path), flow=False) as runtime:
        assert runtime.progress() == {}
        for partition, epoch, offset in ((0, 1, 5), (0, 1, 9), (1, 1, 7), (0, 2, 3), (2, 2, 4)):
            runtime.store().run(insert, {"partition": partition, "epoch": epoch, "offset": offset})
        assert runtime.system.log_epoch == 1
        assert runtime.progress() == {0: 9, 1: 7}
