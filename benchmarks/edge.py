"""What a gateway takes while nothing happens, and how fast it catches up: memory, processor time, events a second.

    python benchmarks/edge.py [--stations 1 8] [--seconds 20] [--events 20000]

For each number of stations a gateway is started as it is installed, in a process of its own, with a scanner behind TCP
at each station and an office over HTTP. Prints its memory and its processor time for so many seconds of rest, signs of
life included; then, with so many late events in its spools, how many of them a second are in Kafka, office, broker and
gateway on this machine's cores together; and the load of the machine. Every event has to arrive; else it exits with 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracles"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "services"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before this folder, where `api` is a benchmark

from gateway_rig import GatewayRig
from shop import LINE
from waiting import until

from edge.agent.post import home_of
from edge.agent.seat import limits_of
from edge.spool import Spool
from sipe.clock import SystemClock
from sipe.contracts.events import Heartbeat

BATCH = 500
SPOOL_BYTES = 500_000_000
LATE_EVENTS_PER_S = 100_000.0
DEADLINE_S = 600.0


def main() -> int:
    """Run; 1 when an event did not arrive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--events", type=int, default=20_000)
    args = parser.parse_args()
    missing = 0
    for count in args.stations:
        with tempfile.TemporaryDirectory() as directory:
            missing += measure(Path(directory), count, args.seconds, args.events)
    print(f"load of the last minute: {os.getloadavg()[0]:.1f}")
    return min(missing, 1)


def measure(directory: Path, count: int, seconds: float, events: int) -> int:
    """One gateway; how many events did not arrive."""
    stations = {f"{LINE}.pack-{number}": {"program": "scan"} for number in range(1, count + 1)}
    with GatewayRig(directory, stations, late_events_per_s=LATE_EVENTS_PER_S) as rig:
        rig.start()
        began_cpu_s = rig.cpu_s
        time.sleep(seconds)  # rest is what is measured
        share = (rig.cpu_s - began_cpu_s) / seconds
        print(f"{count} stations at rest: {rig.rss_bytes / 1e6:.0f} MB, {share:.1%} of a core", flush=True)
        rig.terminate()
        for station in stations:
            fill(home_of(directory / "gateway", station), station, events // count)
        before = len(rig.topic.look())
        began_s = time.monotonic()
        rig.start()
        until(lambda: rig.status().get("waiting_bytes", 1) == 0, "all is sent", DEADLINE_S)
        took_s = time.monotonic() - began_s
        sent = sum(b'"bench"' in seen.value for seen in rig.topic.look()[before:])
        wanted = events // count * count
        print(f"{count} stations, {sent} late events: {sent / took_s:,.0f} a second, start included", flush=True)
    return wanted - sent


def fill(home: Path, station: str, events: int) -> None:
    """Events of before, as an outage leaves them."""
    now_ms = SystemClock().now_ms()
    with Spool(home / "spool", limits_of(SPOOL_BYTES)) as spool:
        for first in range(1, events + 1, BATCH):
            spool.append(
                [
                    Heartbeat(station=station, source="bench", boot=1, seq=seq, ts_ms=now_ms - events + seq)
                    for seq in range(first, min(first + BATCH, events + 1))
                ]
            )


if __name__ == "__main__":
    sys.exit(main())
