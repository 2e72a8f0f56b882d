"""Makes tests/pipelines/saved_state_1.sqlite3.gz: what the program of f766b18 saved amid a day.

    git worktree add /tmp/before f766b18
    PYTHONPATH=/tmp/before .venv/bin/python tests/oracles/saved_state.py tests/pipelines/saved_state_1.sqlite3.gz

That program wrote states of version 1, before they had a version. The test of the upgrade plays the same day.
"""

from __future__ import annotations

import gzip
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from connectors.files.plant import read_plant
from models.twin.day import Day, simulate
from models.twin.link import Send
from pipelines.runtime.system import Runtime
from sipe.contracts.script import Tick
from sipe.settings import Settings

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"
TICK_MS = 600_000


def the_day() -> Day:
    """The day that was cut."""
    return simulate(read_plant(PLANT), seed=17, hours=3, scale=0.02)


def halves(day: Day) -> tuple[list[Send | Tick], list[Send | Tick]]:
    """Its script up to a tick in the middle, and what comes after."""
    script = list(day.script(TICK_MS))
    ticks = [at for at, item in enumerate(script) if isinstance(item, Tick)]
    border = ticks[len(ticks) // 2] + 1
    return script[:border], script[border:]


def main(target: Path) -> None:
    """Play the first half, and keep what was saved."""
    with tempfile.TemporaryDirectory() as directory:
        with Runtime(replace(Settings(), data_dir=Path(directory)), serve=True) as runtime, runtime.sender() as sender:
            for item in halves(the_day())[0]:
                if isinstance(item, Tick):
                    sender.tick(item.now_ms)
                else:
                    sender.send(item.event)
            runtime.wait_until_stored(sender.ends())
        [part] = Path(directory).rglob("part-0.sqlite3")
        with closing(sqlite3.connect(part)) as database:
            database.execute("VACUUM")
        target.write_bytes(gzip.compress(part.read_bytes(), mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
