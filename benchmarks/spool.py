"""How fast the gateway's spool takes events in, what that costs the card, and how soon it is open again.

    python benchmarks/spool.py [--directory DIR] [--events 4000] [--rounds 3] [--day-bytes 16000000]

Appends one event at a time, from one thread and from several, and a hundred at a time, on the disk of DIR: events per
second of the clock, the median over the rounds and the spread (max - min) / median. Syncs and bytes are counted once
more where SQLite asks for them, and told per 1,000,000 events. Then it fills a week of segments, opens them again, and
takes the first 500 events. What is not there at the end, or there twice, is an error: then nothing more is printed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracles"))  # who watches SQLite write
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlite_files import OK, can_be_watched, watched

from edge.spool import Spool, SpoolLimits
from sipe.contracts.events import CycleCompleted, Heartbeat, StationEvent

MILLION = 1_000_000
DAY_MS = 86_400_000
DAYS = 7


class Variant(NamedTuple):
    """How events are appended."""

    name: str
    threads: int
    at_once: int


VARIANTS = (
    Variant("one event a commit, 1 thread", 1, 1),
    Variant("group commit, 8 threads", 8, 1),
    Variant("group commit, 32 threads", 32, 1),
    Variant("100 events a call, 1 thread", 1, 100),
)


class Counted:
    """What SQLite writes and syncs."""

    def __init__(self) -> None:
        self.syncs = 0
        self.bytes = 0

    def opened(self, file: int, path: str, flags: int) -> int:
        """Not counted."""
        return OK

    def closed(self, file: int) -> None:
        """Not counted."""

    def written(self, file: int, offset: int, content: bytes) -> int:
        """Counted."""
        self.bytes += len(content)
        return OK

    def truncated(self, file: int, size_bytes: int) -> int:
        """Not counted."""
        return OK

    def synced(self, file: int) -> int:
        """Counted."""
        self.syncs += 1
        return OK

    def deleted(self, path: str) -> int:
        """Not counted."""
        return OK


def result(station: str, seq: int) -> CycleCompleted:
    """A unit's result, about 200 bytes."""
    return CycleCompleted(
        station=station, boot=1, seq=seq, ts_ms=1_790_000_000_000 + seq, order="PO-4711", product="E31-3x5A",
        step="final", qty=1, result="good", cycle_ms=41_250, serial=f"WA{seq:08}",
    )  # fmt: skip


def heartbeat(station: str, seq: int) -> Heartbeat:
    """A sign of life, about 90 bytes."""
    return Heartbeat(station=station, boot=1, seq=seq, ts_ms=1_790_000_000_000 + seq)


def append(directory: Path, variant: Variant, events: int) -> float:
    """Append so many events; how long it took, in s. Exits with 1 unless all are there."""
    each = events // variant.threads // variant.at_once

    def work(thread: int) -> None:
        station = f"plant.final.line-1.station-{thread}"
        for number in range(each):
            first = number * variant.at_once + 1
            spool.append([result(station, seq) for seq in range(first, first + variant.at_once)])

    with Spool(directory) as spool, ThreadPoolExecutor(variant.threads) as pool:
        began = time.perf_counter()
        list(pool.map(work, range(variant.threads)))
        took_s = time.perf_counter() - began
        if len(spool.take(2 * events)) != each * variant.threads * variant.at_once:
            sys.exit(f"{variant.name}: not all is there: nothing was measured")
    return took_s


@contextmanager
def own_directory(parent: Path | None) -> Iterator[Path]:
    """A new directory on the disk that is measured."""
    with tempfile.TemporaryDirectory(dir=parent) as directory:
        yield Path(directory) / "spool"


def week(directory: Path, day_bytes: int) -> int:
    """A segment of each class for each day, full of what nobody could send; returns how many events that are."""
    now_ms, seq = 0, 0
    limits = SpoolLimits(
        bytes_max=20 * day_bytes + 64_000_000, telemetry_bytes_max=10 * day_bytes, segment_bytes_max=day_bytes
    )
    with Spool(directory, limits, monotonic_ms=lambda: now_ms) as spool:
        for _ in range(DAYS):
            for make in (result, heartbeat):
                full = spool.waiting_bytes + day_bytes - 500_000
                while spool.waiting_bytes < full:
                    group: list[StationEvent] = [make("plant.final.line-1.station-1", seq + n) for n in range(1, 1_001)]
                    seq += spool.append(group)
            now_ms += DAY_MS
    return seq


def opening(directory: Path) -> tuple[float, float]:
    """(until it is open, until the first 500 are taken), in s."""
    began = time.perf_counter()
    with Spool(directory) as spool:
        open_s = time.perf_counter() - began
        if len(spool.take(500)) != 500:
            sys.exit("not all is there: nothing was measured")
        return open_s, time.perf_counter() - began


def said(times: list[float], per: Callable[[float], float]) -> str:
    """The median of something per second, and its spread."""
    median = statistics.median(times)
    return f"{per(median):9,.0f} events/s  spread {(max(times) - min(times)) / median:4.0%}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--events", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--day-bytes", type=int, default=16_000_000)
    args = parser.parse_args()
    print(f"{args.events:,} events a round, load {os.getloadavg()[0]:.1f}")
    for variant in VARIANTS:
        times = []
        for _ in range(args.rounds):
            with own_directory(args.directory) as directory:
                times.append(append(directory, variant, args.events))
        counted = Counted()
        with own_directory(args.directory) as directory, watched(counted) if can_be_watched() else nullcontext():
            append(directory, variant, args.events)
        share = MILLION / args.events
        print(
            f"{variant.name:30} {said(times, lambda s: args.events / s)}"
            f"  syncs {counted.syncs * share:11,.0f}  GB {counted.bytes * share / 1e9:6.2f}  of 1,000,000 events"
        )
    with own_directory(args.directory) as directory:
        events = week(directory, args.day_bytes)
        size_bytes = sum(path.stat().st_size for path in directory.iterdir())
        files = len(list(directory.glob("t*.sqlite3")))
        opened = [opening(directory) for _ in range(args.rounds)]
    open_s, first_s = (statistics.median(times) for times in zip(*opened, strict=True))
    print(
        f"a week: {events:,} events, {files} segments, {size_bytes / 1e6:,.0f} MB: open after {open_s:.2f} s, "
        f"the first 500 events after {first_s:.2f} s, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
