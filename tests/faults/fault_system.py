"""What a fault test works with: a real Kafka, a store and a flow of its own, and a ledger of all that is sent."""

from __future__ import annotations

import os
import secrets
import signal
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import pytest
import waiting
from kafka_cluster import KafkaCluster
from ledger import Balance, DeadLetter, Ledger, check
from server_process import free_port

from connectors.clickhouse import migrate
from connectors.clickhouse.client import Address, Warehouse
from connectors.embedded.kept import CRASHES_MAX
from connectors.embedded.process import ChildServer
from connectors.files.plant import read_plant
from connectors.kafka.address import KafkaAddress
from connectors.kafka.letter_reader import read_letters
from connectors.kafka.sender import EventSender
from models.twin.day import Day, simulate
from models.twin.link import Send
from pipelines.runtime.flow import FlowProcess
from pipelines.runtime.progress import stored_offsets
from sipe.contracts.events import StationEvent
from sipe.contracts.script import Tick
from sipe.contracts.topics import TOPICS, Topic
from sipe.errors import SipeError
from sipe.settings import Settings

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"
ROLES = ("aoi", "reflow", "assembly", "calibration", "packing")
TICK_MS = 120_000
DEADLINE_S = 120.0
INSERT_FAILED = "an insert failed and will be tried again"
"""What the flow logs at each attempt to write that failed."""
TERMINATED_WITHIN_S = 10.0
"""What supervisors wait before they kill."""
until = partial(waiting.until, timeout_s=DEADLINE_S)


def a_day(seed: int, *, hours: float = 2, scale: float = 0.05) -> Day:
    """A small day of some stations of the example plant: about a thousand events."""
    plant = read_plant(PLANT)
    stations = tuple(station for station in plant.stations if station.role in ROLES)
    return simulate(msgspec.structs.replace(plant, stations=stations), seed=seed, hours=hours, scale=scale)


class Store:
    """An embedded store on a port that it keeps, so that it can go away and come back."""

    def __init__(self, directory: Path) -> None:
        password = secrets.token_urlsafe(16)
        self.address = Address(host="127.0.0.1", port=free_port(), database="sipe", user="sipe", password=password)
        words = ("--path", str(directory / "data"), "--port", str(self.address.port))
        self._server = ChildServer(
            "connectors.embedded.clickhouse",
            *words,
            log_path=directory / "store.log",
            environ={"SIPE_EMBEDDED_PASSWORD": password},
        )

    def start(self) -> None:
        """Start it, or start it again."""
        self._server.start()

    def stop(self) -> None:
        """Stop it in order."""
        self._server.stop()

    def kill(self) -> None:
        """Kill -9."""
        os.kill(self._server.pid, signal.SIGKILL)
        self._server.stop()


class Sender:
    """Sends to the flow's topic, and writes everything into the ledger first."""

    def __init__(self, sender: EventSender, ledger: Ledger) -> None:
        self._sender = sender
        self._ledger = ledger
        self.ends = sender.ends

    def event(self, event: StationEvent) -> None:
        """Send an event of a station."""
        self.noted(event)
        self._sender.send(event)

    def noted(self, event: StationEvent) -> None:
        """Write an event into the ledger that goes another way."""
        self._ledger.event(event)

    def encoded(self, event: StationEvent, value: bytes) -> None:
        """Send an event as bytes of one's own."""
        self._ledger.event(event, value)
        self._sender.send_raw(event.station.encode(), value)

    def raw(self, key: bytes | None, value: bytes) -> None:
        """Send what is no event."""
        self._ledger.raw(value)
        self._sender.send_raw(key, value)

    def tick(self, now_ms: int) -> None:
        """Move the time on, in every partition."""
        self._sender.tick(now_ms)

    def play(self, items: Iterable[Send | Tick]) -> None:
        """Send a part of a day's script."""
        for item in items:
            if isinstance(item, Tick):
                self.tick(item.now_ms)
            else:
                self.event(item.event)


class FaultSystem:
    """Topics made anew on `kafka`, a database of its own on `store`, and a flow that the test starts and kills."""

    def __init__(self, kafka: KafkaCluster, store: Store, directory: Path, settings: Settings | None = None) -> None:
        self.kafka = kafka
        self.breakable_store = store
        self.address = replace(store.address, database=f"fault_{secrets.token_hex(4)}")
        self.settings = replace(
            settings or Settings(snapshot_interval_ms=1_000),
            kafka_url=kafka.bootstrap,
            clickhouse_url=url_of(self.address),
            data_dir=directory / "data",
        )
        self.log_path = directory / "flow.log"
        """What the flows say on stderr; not on the disk that a test fills."""
        self.ledger = Ledger()
        self.ends: dict[int, int] = {}
        self.flow = self.another_flow()
        make_topics(kafka)
        migrate.apply(self.address)
        self.store = Warehouse(self.address)

    @property
    def kafka_address(self) -> KafkaAddress:
        """The address that clients go to."""
        return KafkaAddress.parse(self.settings)

    @property
    def recovery_dir(self) -> Path:
        """Where the flow saves its state."""
        return self.settings.data_dir / "recovery"

    @property
    def log(self) -> str:
        """What the flows have said on stderr."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def until_logged(self, words: str) -> int:
        """Wait until a flow has said these words; returns how often."""
        until(lambda: words in self.log, f"{words!r} in the log of the flow\n{self.log[-2000:]}")
        return self.log.count(words)

    def another_flow(self, *, crashes_max: int = CRASHES_MAX, **changes: object) -> FlowProcess:
        """A flow with the system's settings, some of them changed; not started yet."""
        settings = replace(self.settings, **changes)  # type: ignore[arg-type]  # names of settings
        return FlowProcess(settings, self.log_path, crashes_max=crashes_max)

    def alarm_of(self, flow: FlowProcess, *, started: bool = False) -> str:
        """Start a flow that will stop by itself; returns what it said. It has to be one that does not come back."""
        with pytest.raises(SipeError) as alarm:
            self._run_to_its_end(flow, started)
        return str(alarm.value)

    def _run_to_its_end(self, flow: FlowProcess, started: bool) -> None:
        try:
            if not started:
                flow.start()
            until(lambda: flow.check() is not None, "the flow stops")  # type: ignore[func-returns-value]  # it raises in the end
        finally:
            flow.stop()

    def start(self) -> None:
        """Start a flow, the first or one in the place of a dead one."""
        self.flow = self.another_flow()
        self.flow.start()

    def kill(self) -> None:
        """Kill -9 the flow."""
        os.kill(self.flow.pid, signal.SIGKILL)
        self.flow.stop()

    def terminate(self, timeout_s: float = TERMINATED_WITHIN_S) -> float:
        """SIGTERM the flow and wait for its end; returns how long it took, in s."""
        process = self.flow._server._process
        assert process is not None
        began = time.monotonic()
        process.terminate()
        process.wait(timeout_s)
        took_s = time.monotonic() - began
        self.flow.stop()
        return took_s

    def stop(self) -> None:
        """Drain the flow, and drop what was made for it."""
        self.flow.stop()
        self.store.close()

    @contextmanager
    def sending(self) -> Iterator[Sender]:
        """A sender; when it is done, `ends` says how far the log goes."""
        with EventSender(self.kafka_address) as sender:
            yield Sender(sender, self.ledger)
            self.ends |= sender.ends()

    def play(self, items: Sequence[Send | Tick]) -> None:
        """Send a part of a day."""
        with self.sending() as sender:
            sender.play(items)

    def stored(self) -> dict[int, int]:
        """How far the store is."""
        return stored_offsets(self.store, self.settings.log_epoch)

    def has_moved_on(self, stored: dict[int, int]) -> Callable[[], bool]:
        """Asks whether the store is elsewhere than it was."""
        return lambda: self.stored() != stored

    def caught_up(self) -> bool:
        """Whether everything sent is stored; the last of each partition has to be a tick."""
        self.flow.check()  # brings a crashed flow back, or raises what it said
        try:
            stored = self.stored()
        except SipeError:
            return False
        return all(stored.get(partition, 0) >= end for partition, end in self.ends.items())

    def catch_up(self, timeout_s: float = DEADLINE_S) -> float:
        """Wait until everything sent is stored; returns how long it took, in s."""
        return until(self.caught_up, f"the store is to reach {self.ends}", timeout_s=timeout_s)

    def close_the_books(self, now_ms: int) -> Balance:
        """The ledger closes over the store, and each reject has its dead letter."""
        balance = check(self.store, self.ledger, now_ms)
        rejects = self.store.rows("SELECT epoch, partition, offset, lower(hex(raw)) AS raw FROM rejects FINAL")
        kept = {DeadLetter(row["raw"], (row["epoch"], row["partition"], row["offset"])) for row in rejects}
        letters = {
            DeadLetter(letter.value.hex(), (letter.headers.epoch, letter.headers.partition, letter.headers.offset))
            for _, _, letter in read_letters(self.kafka_address)
            if letter is not None
        }
        assert letters == kept, "the dead letters' topic and the rejects differ"
        return balance

    def inserted_rows(self) -> int:
        """How many rows the server was sent since it started, repeated ones included."""
        query = "SELECT sum(value) AS n FROM system.events WHERE event = 'InsertedRows'"
        return int(self.store.rows(query)[0]["n"])

    def snapshots(self) -> int:
        """How many snapshots the flow has saved."""
        count = 0
        for path in self.recovery_dir.rglob("*.sqlite3"):
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
                count += db.execute("SELECT count(*) FROM snaps").fetchone()[0]
            db.close()
        return count


NewSystem = Callable[..., FaultSystem]


def make_topics(kafka: KafkaCluster) -> None:
    """The contract's topics, new and empty."""
    known = kafka.admin().list_topics(timeout=30.0).topics
    for topic in TOPICS:
        if topic.name in known:
            kafka.delete_topic(topic.name)
        make_topic(kafka, topic)


def make_topic(kafka: KafkaCluster, topic: Topic) -> None:
    """One topic as the contract says."""
    kafka.create_topic(topic.name, topic.partitions, topic.settings(len(kafka.nodes)))


def url_of(address: Address) -> str:
    """The setting that names an address."""
    return f"clickhouse://{address.user}:{address.password}@{address.host}:{address.port}/{address.database}"


def chunks(day: Day, count: int) -> list[list[Send | Tick]]:
    """A day's script in so many parts of about the same length, each with a tick as its last item."""
    script = list(day.script(TICK_MS))
    ticks = [i for i, item in enumerate(script) if isinstance(item, Tick)]
    borders = sorted({ticks[(i + 1) * (len(ticks) - 1) // count] for i in range(count)} | {len(script) - 1})
    begins = [0, *(border + 1 for border in borders[:-1])]
    return [script[begin : border + 1] for begin, border in zip(begins, borders, strict=True)]
