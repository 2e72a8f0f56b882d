"""A gateway whose threads append, killed at any moment: what it acknowledged is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from fault_record import record
from ledger import Balance
from spool_events import STATIONS, contents

from edge.spool import Spool
from sipe.contracts.events import GapDetected

KILLS = 500 if os.environ.get("SIPE_PROVE") else 12
THREADS = 3
GROUP = 5
WRITER = f"""
import sys, threading
from pathlib import Path
from spool_events import STATIONS, beat, unit
from edge.spool import Spool, SpoolLimits

limits = SpoolLimits(bytes_max=50_000_000, telemetry_bytes_max=40_000_000, reserve_bytes=0, segment_bytes_max=20_000)
spool = Spool(Path(sys.argv[1]), limits)
boot = spool.boot
saying = threading.Lock()

def say(line):
    with saying:
        sys.stdout.write(line + "\\n")
        sys.stdout.flush()

def work(thread):
    seq = 0
    while True:
        station, numbers = STATIONS[thread % 2] + str(thread), range(seq + 1, seq + {GROUP + 1})
        group = [(beat if n % 2 else unit)(n, boot=boot, station=station) for n in numbers]
        spool.append(group)
        seq += {GROUP}
        say(f"{{thread}} {{boot}} {{seq}}")
        if thread == 0 and seq % 100 == 0:
            positions = [waiting.position for waiting in spool.take(10)]
            say(f"delivering {{len(positions)}}")
            spool.delivered(positions)

say("open")
for thread in range({THREADS}):
    threading.Thread(target=work, args=(thread,)).start()
"""

Number = tuple[str, int, int]
"""(station, boot, seq)."""


@pytest.mark.slow
@pytest.mark.timeout(120 + 4 * KILLS)
def test_killed_at_any_moment_it_holds_what_it_acknowledged(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed of the moments: {seed}")  # noqa: T201  shown when the test fails
    moments = random.Random(seed)
    acknowledged: set[Number] = set()
    boots: set[int] = set()
    delivering = 0
    for _ in range(KILLS):
        for line in lives_and_dies(tmp_path, moments.randint(1, 30)):
            first, *numbers = line.split()
            if first == "delivering":
                delivering += int(numbers[0])
            else:
                boot, seq = map(int, numbers)
                boots.add(boot)
                station = STATIONS[int(first) % 2] + first
                acknowledged |= {(station, boot, seq - back) for back in range(GROUP)}
    with Spool(tmp_path) as spool:
        found = contents(spool)
        assert spool.status.damaged_files == spool.status.damaged_rows == 0
    assert not any(isinstance(event, GapDetected) for event in found), "there was room"
    left = {(event.station, event.boot, event.seq) for event in found}
    assert len(left) == len(found)
    assert len(acknowledged - left) <= delivering, "but for those that were delivered, all are there"
    assert acknowledged & left
    for _, events in groupby(sorted(found, key=lambda event: event.station), key=lambda event: event.station):
        order = [(event.boot, event.seq) for event in events]
        assert order == sorted(order)
    assert len(boots) == KILLS, "every start counts a boot of its own"
    record("spool-killed", Balance(), met=KILLS, runs=KILLS)


def lives_and_dies(directory: Path, lines: int) -> Iterator[str]:
    """What a gateway says, up to its death after so many lines."""
    path = os.pathsep.join(
        [str(Path(__file__).resolve().parents[3]), str(Path(__file__).resolve().parents[2] / "oracles")]
    )
    words = [sys.executable, "-c", WRITER, str(directory)]
    environ = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        for _ in range(lines):
            yield writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        yield from writer.stdout.read().split("\n")[:-1]  # lines that were complete when it died
