"""How fast one process takes batches of events in: expand, check, produce to Kafka, and hear that Kafka has them.

    python benchmarks/ingest.py [--broker kafka|embedded] [--rounds 5] [--scale 0.3] [--threads 4] [--cores 1]

Each round sends the events of a simulated factory day once per variant, the variants in random order and under boots of
their own, so that nothing is known. The process is held to its cores after the broker, a process of its own, has
started. Prints, per variant, events per second of the clock and of processor time of all threads of this process, the
median and the spread (max - min) / median, and the load of the machine; then what each stage takes by itself. Decoding
alone is measured in each round, too: where it takes longer from one minute to the next, it is the machine that is
slower. Every event has to be answered as accepted and the topic has to grow by as many; else it exits with 1.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zstandard
from confluent_kafka import Consumer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "services"))  # the real Kafka of the tests
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before this folder, where `api` is a benchmark

from kafka_cluster import KafkaCluster
from station_topics import new_station_events

from connectors.embedded.process import ChildServer
from connectors.files.plant import read_plant
from connectors.ingest.batch import Valid, read
from connectors.ingest.coding import Limits, decoded
from connectors.ingest.intake import Intake
from connectors.ingest.known import Known
from connectors.ingest.rate import Rates
from connectors.kafka.address import KafkaAddress
from connectors.kafka.cluster import watermarks
from connectors.kafka.config import LOGGER, consumer_config
from models.twin import simulate
from sipe.contracts.codec import decode, encode
from sipe.contracts.events import StationEvent
from sipe.contracts.topics import STATION_EVENTS_TOPIC

PLANT = Path(__file__).resolve().parents[1] / "examples" / "plant.toml"
LIMITS = Limits()
BOOTS_A_PASS = 100
TOPIC = STATION_EVENTS_TOPIC


@dataclass(frozen=True)
class Variant:
    """How the events come."""

    coding: str
    events: int

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.coding}, {self.events} a batch"


VARIANTS = (
    Variant("gzip", 1_000),
    Variant("gzip", 5_000),
    Variant("zstd", 1_000),
    Variant("zstd", 5_000),
    Variant("identity", 5_000),
)
PACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": lambda body: gzip.compress(body, 6),
    "zstd": zstandard.ZstdCompressor(level=3).compress,
}


def bodies(events: list[StationEvent], variant: Variant, number: int) -> list[bytes]:
    """The events as bodies of requests, under boots that no other pass uses."""
    lines = [encode(msgspec.structs.replace(event, boot=event.boot + number * BOOTS_A_PASS)) for event in events]
    starts = range(0, len(lines), variant.events)
    return [PACK[variant.coding](b"\n".join(lines[start : start + variant.events]) + b"\n") for start in starts]


def run(intake: Intake, variant: Variant, requests: list[bytes], threads: int) -> tuple[float, float, int]:
    """Seconds of the clock, seconds of processor time, and events accepted."""

    def take(body: bytes) -> int:
        answer = intake.take(body, variant.coding, "gateway", lambda station: True)
        return sum(last - first + 1 for first, last in answer.accepted)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(abs, range(threads)))  # its threads are there
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        accepted = sum(pool.map(take, requests))
        return time.perf_counter() - began_s, time.process_time() - began_cpu_s, accepted


def decoding(events: list[StationEvent]) -> float:
    """Processor seconds that the codec alone takes."""
    lines = [encode(event) for event in events]
    began_s = time.process_time()
    for line in lines:
        decode(line)
    return time.process_time() - began_s


def stages(requests: list[bytes], coding: str) -> dict[str, float]:
    """Processor seconds of each stage that is no I/O, for all requests."""
    known = Known()
    seconds = dict.fromkeys(("expand", "check", "known"), 0.0)
    for body in requests:
        times = [time.process_time()]
        text = decoded(body, coding, LIMITS)
        times.append(time.process_time())
        lines = read(text, lambda station: True, LIMITS)
        times.append(time.process_time())
        valid = [line for line in lines if isinstance(line, Valid)]
        known.which(valid)
        known.acknowledged(valid)
        times.append(time.process_time())
        for stage, began, ended in zip(seconds, times, times[1:], strict=False):
            seconds[stage] += ended - began
    return seconds


@contextmanager
def broker(kind: str) -> Iterator[KafkaAddress]:
    """A broker in a process of its own, with the topic."""
    with tempfile.TemporaryDirectory() as directory:
        if kind == "embedded":
            topic = f"{TOPIC.name}:{TOPIC.partitions}"
            with ChildServer("connectors.embedded.broker", topic, log_path=Path(directory) / "broker.log") as server:
                yield KafkaAddress(server.ready["bootstrap"])
            return
        with KafkaCluster(Path(directory)) as cluster:
            yield new_station_events(cluster, TOPIC.partitions)


def stored(address: KafkaAddress) -> int:
    """How many records the topic has got."""
    consumer = Consumer(consumer_config(address), logger=LOGGER)
    ends = [watermarks(consumer, address, TOPIC.name, partition)[1] for partition in range(TOPIC.partitions)]
    consumer.close()
    return sum(ends)


def report(rows: dict[Variant, list[tuple[float, float]]], events: int) -> None:
    """Print the rates."""
    print(f"{'':24} {'events/s':>9} {'spread':>6}   {'events/cpu-s':>12} {'spread':>6}")
    for variant, times in rows.items():
        cells = []
        for column in zip(*times, strict=True):
            median = statistics.median(column)
            cells.append((events / median, (max(column) - min(column)) / median))
        (rate, spread), (cpu_rate, cpu_spread) = cells
        print(f"{variant.name:24} {rate:9,.0f} {spread:6.0%}   {cpu_rate:12,.0f} {cpu_spread:6.0%}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker", choices=("kafka", "embedded"), default="kafka")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=0.3)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--cores", type=int, default=1)
    args = parser.parse_args()
    sent = simulate(read_plant(PLANT), seed=7, scale=args.scale).events
    # The day has events that come twice; the second one could be known already.
    events = list({(event.station, event.source, event.boot, event.seq): event for event in sent}.values())
    rows: dict[Variant, list[tuple[float, float]]] = {variant: [] for variant in VARIANTS}
    alone_s: list[float] = []
    shuffled, passes = random.SystemRandom(), 0
    with broker(args.broker) as address:
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: args.cores]))
        intake = Intake(address, rates=Rates(1e9, 1e9))
        for number in range(args.rounds + 1):
            alone_s.append(decoding(events))
            for variant in shuffled.sample(VARIANTS, len(VARIANTS)):
                before, passes = stored(address), passes + 1
                elapsed_s, cpu_s, accepted = run(intake, variant, bodies(events, variant, passes), args.threads)
                if (accepted, stored(address) - before) != (len(events), len(events)):
                    sys.exit(f"{accepted} of {len(events)} were accepted and {stored(address) - before} stored")
                if number:  # the first round warms the broker up
                    rows[variant].append((elapsed_s, cpu_s))
        intake.close()
    load = os.getloadavg()[0]
    print(f"{len(events)} events, {args.broker}, {args.threads} threads on {args.cores} core(s), load {load:.1f}")
    report(rows, len(events))
    alone_us = [seconds / len(events) * 1e6 for seconds in alone_s]
    print(f"decoding alone, by round: {', '.join(f'{us:.1f}' for us in alone_us)} us of processor time an event")
    for stage, seconds in stages(bodies(events, VARIANTS[0], 0), VARIANTS[0].coding).items():
        print(f"{stage:8} ({VARIANTS[0].name}) {seconds / len(events) * 1e6:5.2f} us of processor time an event")


if __name__ == "__main__":
    main()
