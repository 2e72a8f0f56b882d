"""How fast an exported audit trail is verified, and how fast entries are sealed onto one.

    python benchmarks/audit.py [--entries 1000000] [--rounds 3]

The trail is written to a file first and read from it, as `sipe audit verify` does. Prints the median over the rounds,
the spread (max - min) / median, and the load of the machine; per second of the clock, and per second that the process
had a core. A round that finds something wrong, or that misses an entry that was edited, prints nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from models.audit import GENESIS, Entry, Finding, Who, line, seal, verify

WHO = Who("2041", "quality,engineer", "3f2b8c1de4a94b6f")


def entry(seq: int) -> Entry:
    """An entry as the store writes them: a decision about a sheet."""
    place = {"at": "release", "round": 1, "status": "submitted"}
    return Entry(
        seq=seq,
        at_ms=1_790_000_000_000 + seq,
        who=WHO,
        action="sheet_approve",
        on=f"TS-{seq % 997}/1",
        reason="checked against the drawing",
        before=place,
        after={**place, "status": "approved"},
    )


def write(path: Path, entries: int) -> tuple[dict[int, str], float]:
    """A trail in a file, its anchors (one of a thousand entries, and the newest), and how long sealing took, in s."""
    anchors, before, seconds = {}, GENESIS, 0.0
    with path.open("wb") as file:
        for seq in range(1, entries + 1):
            made = entry(seq)
            began = time.perf_counter()
            sealed = seal(before, made)
            seconds += time.perf_counter() - began
            before = sealed.seal
            file.write(line(sealed) + b"\n")
            if seq % 1_000 == 0 or seq == entries:
                anchors[seq] = before
    return anchors, seconds


def check(path: Path, anchors: dict[int, str]) -> None:
    """Exit with 1 unless an edited entry is found."""
    lines = path.read_bytes().splitlines()
    lines[len(lines) // 2] = lines[len(lines) // 2].replace(b"approve", b"dispose", 1)
    at = len(lines) // 2 + 1
    if list(verify(lines, anchors)) != [Finding("edited", at, at)]:
        sys.exit("an edited entry was not found: nothing was measured")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "trail.jsonl"
        check(path, write(path, 1_000)[0])
        anchors, sealing_s = write(path, args.entries)
        times, cores = [], []
        for _ in range(args.rounds):
            began, core_began = time.perf_counter(), time.process_time()
            with path.open("rb") as file:
                if found := list(verify(file, anchors)):
                    sys.exit(f"{found[0]}: nothing was measured")
            times.append(time.perf_counter() - began)
            cores.append(time.process_time() - core_began)
        size_bytes = path.stat().st_size
    median = statistics.median(times)
    print(f"{args.entries:,} entries, {size_bytes / args.entries:.0f} bytes each, load {os.getloadavg()[0]:.1f}")
    print(f"seal    {args.entries / sealing_s:10,.0f} entries/s")
    print(f"verify  {args.entries / median:10,.0f} entries/s  spread {(max(times) - min(times)) / median:4.0%}")
    print(f"        {args.entries / statistics.median(cores):10,.0f} entries/s of a core")


if __name__ == "__main__":
    main()
