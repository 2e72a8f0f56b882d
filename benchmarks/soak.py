"""Whether the flow stays as it is: memory, open files and saved state while simulated days go through it.

    python benchmarks/soak.py [--minutes 10] [--speed 1440] [--json]

Plays day after day of a small plant, at `--speed` times real time, into the named servers or an embedded stack, samples
the flow's process, and fits a line through what was sampled after the first 40 % of the time. That is when the days
have passed that the fold looks back, so from then on it forgets as much as it learns. A number is flat when the line
rises over its whole length by no more than 5 % of the median, or by what one sample may differ from the next: 8 MiB
of memory, 3 files, 0.25 MiB on disk. Prints a verdict, and exits with 1 when something grows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from connectors.files.plant import read_plant
from models.plant import Plant
from models.twin import DAY_START_MS, simulate
from models.twin.link import Send
from pipelines.runtime.system import Runtime
from sipe.contracts.script import Tick
from sipe.settings import load

PLANT = Path(__file__).resolve().parents[1] / "examples" / "plant.toml"
STATIONS, SCALE = 5, 0.05
DAY_MS, TICK_MS = 86_400_000, 120_000
BOOTS_A_DAY = 10
"""A simulated day uses boots below this number; each day has its own, so that no event comes twice."""
SAMPLE_S = 2.0
WARM_UP = 0.4
MIB = 1 << 20
SPARKS = "▁▂▃▄▅▆▇█"
SPARK_COUNT = 20


@dataclass(frozen=True)
class Measure:
    """What is sampled: its name, its unit in samples, and how far one sample may differ from the next."""

    name: str
    unit: int
    tolerance: float
    share: float = 0.05


MEASURES = (
    Measure("memory, MiB", MIB, 8 * MIB),
    Measure("open files", 1, 3),
    Measure("saved state, MiB", MIB, MIB / 4),
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The line through the samples of one measure."""

    measure: Measure
    samples: list[float]
    rise: float
    """Over the whole line, in the measure's own unit."""

    @property
    def allowed(self) -> float:
        """The rise up to which it is flat."""
        return max(self.measure.share * statistics.median(self.samples), self.measure.tolerance)

    @property
    def flat(self) -> bool:
        """Whether it does not grow."""
        return self.rise <= self.allowed


def verdicts(times_s: list[float], rows: list[tuple[float, ...]]) -> list[Verdict]:
    """A line through each measure's samples after the warm-up."""
    begin = next(i for i, time_s in enumerate(times_s) if time_s >= WARM_UP * times_s[-1])
    length_s = times_s[-1] - times_s[begin]
    found = []
    for measure, samples in zip(MEASURES, zip(*rows, strict=True), strict=True):
        slope = statistics.linear_regression(times_s[begin:], samples[begin:]).slope
        found.append(Verdict(measure=measure, samples=list(samples[begin:]), rise=slope * length_s))
    return found


def sample(pid: int, recovery_dir: Path) -> tuple[float, ...]:
    """Resident memory and open files of a process, and the size of what it has saved."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    files = len(os.listdir(f"/proc/{pid}/fd"))
    saved = sum(path.stat().st_size for path in recovery_dir.rglob("*") if path.is_file())
    return float(pages * os.sysconf("SC_PAGE_SIZE")), float(files), float(saved)


def days(plant: Plant) -> Iterator[Send | Tick]:
    """The script of one day after the other, each with boots of its own."""
    number = 0
    while True:
        day = simulate(plant, seed=number, scale=SCALE, day_start_ms=DAY_START_MS + number * DAY_MS)
        for item in day.script(TICK_MS):
            if isinstance(item, Tick):
                yield item
            else:
                boot = item.event.boot + number * BOOTS_A_DAY
                yield item._replace(event=msgspec.structs.replace(item.event, boot=boot))
        number += 1


def play(runtime: Runtime, plant: Plant, seconds: float, speed: float) -> tuple[int, int]:
    """Send at the speed asked for until the time is over and all is stored; returns messages and simulated hours."""
    began, sent, now_ms = time.monotonic(), 0, DAY_START_MS
    with runtime.sender() as sender:
        for item in days(plant):
            at_ms = item.now_ms if isinstance(item, Tick) else item.at_ms
            now_ms = max(now_ms, at_ms)
            due_s = (now_ms - DAY_START_MS) / 1000 / speed
            time.sleep(max(0.0, due_s - (time.monotonic() - began)))  # at the speed asked for
            if time.monotonic() - began > seconds:
                break
            if isinstance(item, Tick):
                sender.tick(item.now_ms)
            else:
                sender.send(item.event)
                sent += 1
        sender.tick(now_ms)
        ends = sender.ends()
    runtime.wait_until_stored(ends)
    return sent, round((now_ms - DAY_START_MS) / 3_600_000)


def soak(seconds: float, speed: float, directory: Path) -> tuple[int, int, list[float], list[tuple[float, ...]]]:
    """Play and sample; returns messages, simulated hours, and the samples with their times."""
    times_s: list[float] = []
    rows: list[tuple[float, ...]] = []
    done = threading.Event()
    plant = read_plant(PLANT)
    plant = msgspec.structs.replace(plant, stations=plant.stations[-STATIONS:])
    with Runtime(replace(load(), data_dir=directory), serve=True) as runtime:
        assert runtime.flow is not None  # noqa: S101  served by us
        pid, began = runtime.flow.pid, time.monotonic()

        def watch() -> None:
            while not done.wait(SAMPLE_S):
                rows.append(sample(pid, directory / "recovery"))
                times_s.append(time.monotonic() - began)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            sent, hours = play(runtime, plant, seconds, speed)
        finally:
            done.set()
            watcher.join()
        if runtime.flow.pid != pid:
            sys.exit("the flow was started again meanwhile: nothing was measured")
        stored = runtime.store().rows("SELECT count() AS n FROM events FINAL")[0]["n"]
        if stored != sent:
            sys.exit(f"{sent} messages were sent and {stored} are stored: nothing was measured")
    return sent, hours, times_s, rows


def sparkline(samples: list[float]) -> str:
    """The samples as one line of bars, from nothing to the greatest."""
    step = max(1, -(-len(samples) // SPARK_COUNT))
    means = [statistics.mean(samples[i : i + step]) for i in range(0, len(samples), step)]
    return "".join(SPARKS[min(len(SPARKS) - 1, int(mean / (max(means) or 1) * len(SPARKS)))] for mean in means)


def main() -> int:
    """Measure, print, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--speed", type=float, default=1440.0, help="simulated time over real time (default: 1440)")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sipe-soak-") as directory:
        sent, hours, times_s, rows = soak(args.minutes * 60, args.speed, Path(directory))
    found = verdicts(times_s, rows)
    if args.json:
        report = {
            each.measure.name: {
                "first": each.samples[0] / each.measure.unit,
                "last": each.samples[-1] / each.measure.unit,
                "max": max(each.samples) / each.measure.unit,
                "rise": each.rise / each.measure.unit,
                "allowed": each.allowed / each.measure.unit,
                "flat": each.flat,
            }
            for each in found
        }
        print(json.dumps({"messages": sent, "simulated_hours": hours, "seconds": round(times_s[-1]), **report}))
    else:
        console = Console()
        table = Table("of the flow", "median", "max", "rise", "allowed", "flat", "course")
        for each in found:
            numbers = [statistics.median(each.samples), max(each.samples), each.rise, each.allowed]
            words = [f"{number / each.measure.unit:.1f}" for number in numbers]
            table.add_row(each.measure.name, *words, "yes" if each.flat else "NO", sparkline(each.samples))
        console.print(f"{sent:,} messages of {hours} simulated hours in {times_s[-1]:.0f} s, {len(rows)} samples")
        console.print(table)
    return 0 if all(each.flat for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
