"""What a gateway takes while nothing happens and while eight lines never rest, and how fast it catches up.

    python benchmarks/edge.py [--stations 1 8] [--seconds 20] [--events 20000] [--lines 8]

For each number of stations a gateway is started as it is installed, in a process of its own, with a scanner behind TCP
at each station and an office over HTTP. Prints its memory and its processor time for so many seconds of rest, signs of
life included; then, with so many late events in its spools, how many of them a second are in Kafka, office, broker and
gateway on this machine's cores together; and the load of the machine. Every event has to arrive; else it exits with 1.
Before that, so many played meters say packets over TCP without a pause, at the pace of 2400 Bd, character by character;
a process with a channel and a decoder for each says what share of a core that takes. How fast a spool takes events in,
and what it writes and syncs, is measured by `benchmarks/spool.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracles"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "services"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before this folder, where `api` is a benchmark

from gateway_rig import GatewayRig
from shop import LINE
from waiting import until

from edge.agent.post import home_of
from edge.agent.seat import limits_of
from edge.channels import tcp
from edge.channels.byte_channel import ByteChannel
from edge.channels.settings import Line, TcpSettings
from edge.protocols.pima import PimaDecoder, encode_packet, item_of_value
from edge.protocols.quantities import QUANTITIES
from edge.protocols.records import Frame
from edge.sim.bus import Bus, Talker
from edge.sim.characters import BITS
from edge.sim.emitters import Emitter
from edge.sim.playing import loop_ms, played
from edge.sim.ports import TcpPort
from edge.spool import Spool
from sipe.clock import SystemClock
from sipe.contracts.events import Heartbeat

BATCH = 500
SPOOL_BYTES = 500_000_000
LATE_EVENTS_PER_S = 100_000.0
DEADLINE_S = 600.0
RATE_BD = 2_400
WARM_UP_S = 2.0


class Heard(NamedTuple):
    """What a process with channels and decoders took, and took in."""

    cpu_s: float
    bytes: int
    packets: int


def main() -> int:
    """Run; 1 when an event did not arrive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--lines", type=int, default=8)
    args = parser.parse_args()
    missing = asyncio.run(measure_lines(args.lines, args.seconds))
    for count in args.stations:
        with tempfile.TemporaryDirectory() as directory:
            missing += measure(Path(directory), count, args.seconds, args.events)
    print(f"load of the last minute: {os.getloadavg()[0]:.1f}")
    return min(missing, 1)


async def measure_lines(lines: int, seconds: float) -> int:
    """Lines that never rest; 1 when less was understood than was said."""
    packet = encode_packet("0103050709", item_of_value(QUANTITIES[0], 123_456))
    packet_ms = 1_000 * BITS * len(packet) / RATE_BD
    ports = [TcpPort() for _ in range(lines)]
    async with AsyncExitStack() as stack:
        for port in ports:
            talker = Talker(Emitter((number * packet_ms, packet) for number in itertools.count()), RATE_BD)
            await stack.enter_async_context(played(Bus([talker], loop_ms()), port))
        pool = stack.enter_context(ProcessPoolExecutor(1, multiprocessing.get_context("spawn")))
        numbers = [port.port for port in ports]
        heard = await asyncio.get_running_loop().run_in_executor(pool, hear_lines, numbers, seconds)
    wanted = lines * seconds * 1_000 / packet_ms
    print(
        f"{lines} lines at {RATE_BD} Bd without a pause: {heard.cpu_s / seconds:.1%} of a core, "
        f"{heard.bytes / seconds:,.0f} bytes and {heard.packets / seconds:,.0f} packets a second",
        flush=True,
    )
    return int(heard.packets < 0.95 * wanted)


def hear_lines(ports: list[int], seconds: float) -> Heard:
    """Channels and decoders at these ports, in this process; what they took once all were connected."""
    return asyncio.run(_hear_lines(ports, seconds))


async def _hear_lines(ports: list[int], seconds: float) -> Heard:
    heard_bytes = packets = 0

    async def hear(channel: ByteChannel) -> None:
        nonlocal heard_bytes, packets
        decoder = PimaDecoder()
        async for chunk in channel:
            heard_bytes += len(chunk.data)
            packets += sum(isinstance(found, Frame) for found in decoder.feed(chunk.data))

    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        tasks = []
        for port in ports:
            settings = TcpSettings(name=f"line-{port}", host="127.0.0.1", port=port, line=Line(rate_bd=RATE_BD))
            channel = ByteChannel(settings, partial(tcp.connect, settings), settings.line)
            tasks.append(group.create_task(hear(await stack.enter_async_context(channel))))
        await asyncio.sleep(WARM_UP_S)
        before = Heard(time.process_time(), heard_bytes, packets)
        await asyncio.sleep(seconds)
        after = Heard(time.process_time(), heard_bytes, packets)
        for task in tasks:
            task.cancel()
    return Heard(after.cpu_s - before.cpu_s, after.bytes - before.bytes, after.packets - before.packets)


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
