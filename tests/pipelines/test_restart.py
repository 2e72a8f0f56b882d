"""The embedded stack killed and started again on its data: a new log, and the state comes back from the archive."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from saved_state import send
from stored import assert_store_is

from connectors.files.plant import read_plant
from models.twin.day import simulate
from pipelines.runtime.system import Runtime
from sipe.contracts.script import Tick
from sipe.settings import Settings

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"


def kill_everything(runtime: Runtime) -> None:
    """As a power cut does: flow, broker and store at once, without a word."""
    assert runtime.flow is not None
    os.kill(runtime.flow.pid, signal.SIGKILL)
    assert runtime.stack is not None
    for pid in runtime.stack.pids:
        os.kill(pid, signal.SIGKILL)
    runtime.stop()


@pytest.mark.stack
@pytest.mark.long
def test_a_stack_killed_twice_goes_on_from_its_archive(tmp_path: Path) -> None:
    day = simulate(read_plant(PLANT), seed=9, scale=0.04)
    script = list(day.script())
    ticks = [i for i, item in enumerate(script) if isinstance(item, Tick)]
    safe, unsafe = [ticks[len(ticks) * n // 9] for n in (2, 5)], [ticks[len(ticks) * n // 9] for n in (3, 6)]
    settings = replace(Settings(), data_dir=tmp_path)
    begin = 0
    for stored_to, sent_to in zip(safe, unsafe, strict=True):
        with Runtime(settings, serve=True) as runtime:
            with runtime.sender() as sender:
                send(sender, script[begin : stored_to + 1])
                runtime.wait_until_stored(sender.ends())
                send(sender, script[stored_to + 1 : sent_to])
            kill_everything(runtime)
        begin = stored_to - 500  # a sender keeps what it does not know to be stored, and some that is
    with Runtime(settings, serve=True) as runtime:
        with runtime.sender() as sender:
            send(sender, script[begin:])
            runtime.wait_until_stored(sender.ends())
        assert_store_is(runtime.store(), day)
        counts = runtime.store().rows("SELECT epoch, countIf(outcome = 'duplicate') AS n FROM events FINAL GROUP BY 1")
        doubled = {row["epoch"]: row["n"] for row in counts}
        assert doubled.keys() == {1, 2, 3}
        assert min(doubled[2], doubled[3]) > 400, "the new logs began with what the archive knew"
