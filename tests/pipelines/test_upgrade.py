"""A program of this version takes over from one whose saved state it cannot load, in the middle of a day."""

from __future__ import annotations

import gzip
import logging
import pickle
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from saved_state import Dump, halves, send, stored, the_day

from pipelines.runtime.flow import FlowProcess
from pipelines.runtime.recovery import epoch_dir
from pipelines.runtime.system import Runtime, settings_within
from sipe.contracts.tables import PUBLICATIONS, STATION_HEALTH
from sipe.settings import Settings

BEFORE = Path(__file__).with_name("saved_state_1.sqlite3.gz")
NEW_IN_2 = (STATION_HEALTH, PUBLICATIONS)


def flow_of(runtime: Runtime, settings: Settings) -> FlowProcess:
    return FlowProcess(settings_within(settings, runtime.system), settings.data_dir / "flow.log")


def as_the_program_before_left_it(runtime: Runtime, settings: Settings) -> None:
    """Its saved state, and the store without what it did not write."""
    directory = epoch_dir(settings.data_dir, runtime.system.log_epoch)
    for path in directory.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (directory / "part-0.sqlite3").write_bytes(gzip.decompress(BEFORE.read_bytes()))
    for table in NEW_IN_2:
        runtime.store().run(f"TRUNCATE TABLE {table.name}")


def play(directory: Path, *, upgrade: bool) -> tuple[Dump, str]:
    """The tables after the day, and what the flow said."""
    settings = Settings(data_dir=directory, snapshot_interval_ms=1_000)
    first, second = halves(the_day())
    with Runtime(settings, serve=True, flow=False) as runtime, runtime.sender() as sender:
        flow = flow_of(runtime, settings)
        flow.start()
        try:
            send(sender, first)
            runtime.wait_until_stored(sender.ends())
            if upgrade:
                flow.stop()
                as_the_program_before_left_it(runtime, settings)
                flow = flow_of(runtime, settings)
                flow.start()
            send(sender, second)
            runtime.wait_until_stored(sender.ends())
            return stored(runtime.store(), without=NEW_IN_2), (directory / "flow.log").read_text()
        finally:
            flow.stop()


def test_what_was_saved_is_really_of_before(tmp_path: Path) -> None:
    """So that the upgrade proves something: its positions and its folds are not what this program saves."""
    part = tmp_path / "part.sqlite3"
    part.write_bytes(gzip.decompress(BEFORE.read_bytes()))
    with closing(sqlite3.connect(part)) as database:
        snaps = [pickle.loads(value) for (value,) in database.execute("SELECT ser_change FROM snaps") if value]
    positions = [snap for snap in snaps if isinstance(snap, tuple)]
    folds = [pickle.loads(snap)[0] for snap in snaps if isinstance(snap, bytes)]
    assert positions
    assert {len(position) for position in positions} == {2}
    assert folds
    assert not any(hasattr(fold, "health") for fold in folds)
    assert any(fold.stations for fold in folds)


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.timeout(400)
def test_an_upgrade_amid_a_day_gives_the_tables_of_a_day_without_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    calm, said_nothing = play(tmp_path / "calm", upgrade=False)
    upgraded, said = play(tmp_path / "upgraded", upgrade=True)
    assert "is of version 1, this program's is" not in said_nothing
    assert "the state is rebuilt from the archive" in said
    for table, rows in calm.items():
        assert upgraded[table] == rows, table
