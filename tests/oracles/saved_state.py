"""A day that is cut in two, for tests of what happens in between, and what another program saved there.

This makes tests/pipelines/saved_state_1.sqlite3.gz, as the program of f766b18 saved it:

    git worktree add ../before f766b18
    PYTHONPATH=../before .venv/bin/python tests/oracles/saved_state.py tests/pipelines/saved_state_1.sqlite3.gz

That program wrote states of version 1, before they had a version.
"""

from __future__ import annotations

import gzip
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.clickhouse.client import Warehouse
from connectors.files.plant import read_plant
from connectors.kafka.sender import EventSender
from models.twin.day import Day, simulate
from models.twin.link import Send
from pipelines.runtime.system import Runtime
from sipe.contracts.script import Tick
from sipe.contracts.tables import TABLES, Table
from sipe.settings import Settings

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"
TICK_MS = 600_000

Dump = dict[str, list[tuple[Any, ...]]]


def the_day() -> Day:
    """The day that was cut."""
    return simulate(read_plant(PLANT), seed=17, hours=3, scale=0.02)


def halves(day: Day) -> tuple[list[Send | Tick], list[Send | Tick]]:
    """Its script up to a tick in the middle, and what comes after."""
    script = list(day.script(TICK_MS))
    ticks = [at for at, item in enumerate(script) if isinstance(item, Tick)]
    border = ticks[len(ticks) // 2] + 1
    return script[:border], script[border:]


def send(sender: EventSender, items: Iterable[Send | Tick]) -> None:
    """Send a part of the day."""
    for item in items:
        if isinstance(item, Tick):
            sender.tick(item.now_ms)
        else:
            sender.send(item.event)


def stored(store: Warehouse, *, without: Sequence[Table] = ()) -> Dump:
    """Every row of the tables, but for times that come from the clock of a broker or a store."""
    found: Dump = {}
    for table in TABLES:
        if table not in without:
            names = (name for name in table.column_names if name != "record_ts" and not name.startswith("skew_"))
            columns = ", ".join(f"`{name}`" for name in names)
            rows = store.rows(f"SELECT {columns} FROM {table.name} FINAL ORDER BY ALL")  # noqa: S608  declared names
            found[table.name] = [tuple(row.values()) for row in rows]
    return found


def main(target: Path) -> None:
    """Play the first half, and keep what was saved."""
    with tempfile.TemporaryDirectory() as directory:
        with Runtime(replace(Settings(), data_dir=Path(directory)), serve=True) as runtime, runtime.sender() as sender:
            send(sender, halves(the_day())[0])
            runtime.wait_until_stored(sender.ends())
        [part] = Path(directory).rglob("part-0.sqlite3")
        with closing(sqlite3.connect(part)) as database:
            database.execute("VACUUM")
        target.write_bytes(gzip.compress(part.read_bytes(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
