"""Kill -9 at random moments: the same tables to the byte, history included, though work was repeated."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stored import assert_store_is

from connectors.clickhouse.client import Warehouse
from connectors.files.plant import read_plant
from connectors.kafka.sender import EventSender
from models.twin.day import Day, simulate
from pipelines.runtime.flow import FlowProcess
from pipelines.runtime.system import Runtime
from sipe.contracts.script import Tick
from sipe.contracts.tables import TABLES
from sipe.settings import Settings

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"
KILLS = 5
PLAY_S = 30.0
OVERDUE_STEP_S = 0.02
"""On a slow machine the flow is not back yet when the next kill is due: the day slows down until it is."""

Dump = dict[str, list[tuple[Any, ...]]]
Kill = Callable[[], bool]


@pytest.fixture(scope="module")
def day() -> Day:
    return simulate(read_plant(PLANT), seed=7, scale=0.05)


def dump(store: Warehouse) -> Dump:
    """Every row of every table, but for the record's time, which the broker's clock gave, and what is made of it."""
    found: Dump = {}
    for table in TABLES:
        names = [name for name in table.column_names if name != "record_ts" and "skew" not in name]
        columns = ", ".join(f"`{name}`" for name in names)
        rows = store.rows(f"SELECT {columns} FROM {table.name} FINAL ORDER BY ALL")  # noqa: S608  declared names
        found[table.name] = [tuple(row.values()) for row in rows]
    return found


def inserted_rows(store: Warehouse) -> int:
    """How many rows the store was sent since it started, repeated ones included."""
    return int(store.rows("SELECT sum(value) AS n FROM system.events WHERE event = 'InsertedRows'")[0]["n"])


def flow_of(runtime: Runtime, settings: Settings, tmp_path: Path) -> FlowProcess:
    system = runtime.system
    named = replace(
        settings, kafka_url=system.kafka.bootstrap, clickhouse_url=system.clickhouse_url, log_epoch=system.log_epoch
    )
    return FlowProcess(named, tmp_path / "flow.log")


def play(day: Day, sender: EventSender, over_s: float, moments: list[float], kill: Kill) -> None:
    """Send the day evenly over some seconds, and kill at the given moments, or as soon after them as it can be done."""
    script = list(day.script())
    began = time.monotonic()
    for i, item in enumerate(script):
        if isinstance(item, Tick):
            sender.tick(item.now_ms)
        else:
            sender.send(item.event)
        due_s = over_s * i / len(script)
        if moments and moments[0] <= due_s:
            if kill():
                moments.pop(0)
            else:
                time.sleep(OVERDUE_STEP_S)
        ahead_s = due_s - (time.monotonic() - began)
        if ahead_s > 0.01:
            time.sleep(ahead_s)


def run(day: Day, settings: Settings, directory: Path, *, over_s: float, moments: list[float]) -> tuple[Dump, int, int]:
    """The tables after a day, how many rows they were sent, and how often the flow was killed."""
    kills = 0
    with Runtime(replace(settings, data_dir=directory), serve=True, flow=False) as runtime:
        flow = flow_of(runtime, replace(settings, data_dir=directory), directory)
        flow.start()
        stored = runtime.progress()

        def kill() -> bool:
            """Strike, unless the flow has stored nothing since it started: a kill while it starts proves nothing."""
            nonlocal flow, kills, stored
            moved = runtime.progress()
            if moved == stored:
                return False
            stored = moved
            os.kill(flow.pid, signal.SIGKILL)
            flow.stop()
            flow = flow_of(runtime, replace(settings, data_dir=directory), directory)
            flow.start()
            kills += 1
            return True

        try:
            with runtime.sender() as sender:
                play(day, sender, over_s, moments, kill)
                ends = sender.ends()
            runtime.wait_until_stored(ends)
            store = runtime.store()
            assert_store_is(store, day)
            return dump(store), inserted_rows(store), kills
        finally:
            flow.stop()


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.timeout(300)
def test_killed_five_times_the_flow_writes_the_same_tables(day: Day, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed of the moments: {seed}")  # noqa: T201  shown when the test fails
    moments = sorted(random.Random(seed).uniform(1.0, 0.7 * PLAY_S) for _ in range(KILLS))
    settings = Settings(snapshot_interval_ms=3_000)
    calm, calm_rows, _ = run(day, settings, tmp_path / "calm", over_s=0.0, moments=[])
    killed, killed_rows, kills = run(
        day, replace(settings, workers=2), tmp_path / "killed", over_s=PLAY_S, moments=moments
    )
    assert kills == KILLS
    # A flow that is killed before its first snapshot is rebuilt where the store ends, and repeats nothing.
    assert killed_rows >= calm_rows
    for table in TABLES:
        assert killed[table.name] == calm[table.name], table.name
