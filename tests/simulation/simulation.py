"""A plant, its gateway, a broker, the flow and a store in one process, on one clock and one seed.

Real: the twin's events, the spool, decoding and guard, the fold step with its saved state, the writer with its
retries. Simulated: the broker, the tables, the processes that die. The same seed gives the same run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from buggify import Buggify
from ledger import Balance, DeadLetter, Found, Ledger, Stored, compare, digest_of, gaps
from simulated_broker import Broker
from simulated_flow import Flow
from simulated_store import Store

from connectors.files.plant import read_plant
from edge.spool import NotTaken, Spool, SpoolLimits
from models.plant import Plant
from models.twin.day import simulate
from models.twin.link import Identity, identity
from models.twin.truth import truth_of
from sipe.clock import ManualClock
from sipe.contracts import tables
from sipe.contracts.codec import decode, encode
from sipe.contracts.events import CalendarAssigned, ClockAdvanced, Heartbeat, StationBorn, StationEvent

PLANT = Path(__file__).resolve().parents[2] / "examples" / "plant.toml"
STATIONS = ("smt.line-1.aoi", "final.line-1.packing", "final.line-1.calibration")
STRANGERS = (b"stranger", b"another-stranger", None)
HOURS, SCALE = 1, 0.05
STEP_MS = 3_000
TICK_MS = 60_000
DEAD_TICKER_MS = 600_000
UPLINK_DOWN_MS = 900_000
YEAR_MS = 366 * 86_400_000
TIGHT = SpoolLimits(bytes_max=12_000, telemetry_bytes_max=4_000, reserve_bytes=2_000, segment_bytes_max=2_000)
TOLD_AT_ONCE = 10
POISON = (b"", b"not json", b'{"type":"heartbeat"}', b'{"type":"abduction"}', b"\xff", b"[]")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run ended with."""

    seed: int
    steps: int
    records: int
    restarts: int
    rows_repeated: int
    balance: Balance
    met: dict[str, int]


def plant_of(seed: int) -> Plant:
    """A few stations of the example plant."""
    plant = read_plant(PLANT)
    chosen = Random(seed).sample(STATIONS, 2)
    return msgspec.structs.replace(plant, stations=tuple(s for s in plant.stations if s.id.endswith(tuple(chosen))))


class World:
    """Everything there is, moved on by `step`."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.seed = seed
        self._random = Random(f"world of {seed}")
        self._day = simulate(plant_of(seed), seed=seed, hours=HOURS, scale=SCALE)
        self.clock = ManualClock(self._day.from_ms - TICK_MS)
        self.buggify = Buggify(seed)
        self.broker = Broker(self.clock, self.buggify)
        self.store = Store(self.clock, self.buggify)
        self.ledger = Ledger()
        self._directory = directory
        self._limits = TIGHT if self.buggify("spool overflows") else SpoolLimits()
        self._spool = self._open_spool()
        self._flow = Flow(self.broker, self.store, self.clock, self.buggify, Random(f"flow of {seed}"))
        unique = {identity(event): event for event in self._day.events}
        self._told = sorted(unique.values(), key=lambda event: (event.ts_ms, event.source, event.boot, event.seq))
        self._gaps: list[StationEvent] = []
        self._noted: set[str] = set()
        self._uplink_down_until_ms = self._ticker_dead_until_ms = 0
        self._ticked_ms = self.clock.now_ms()
        self._strangers = count(1)

    def run(self) -> Result:
        """A day in a storm, then calm until all is in; raises `LedgerError` unless the books close."""
        try:
            return self._run()
        finally:
            self._spool.close()

    def _run(self) -> Result:
        steps = 0
        while self._told:
            self._step()
            steps += 1
        self.buggify.calm_down()
        self.clock.set(max(self.clock.now_ms(), self._day.now_ms))
        self._limits = SpoolLimits()
        while not self._settled():
            self._step()
            steps += 1
        self.broker.tick(encode(ClockAdvanced(now_ms=self.clock.now_ms())))
        while not self._flow.at_end():
            self._flow.step()
        rows_repeated = self.store.inserted - self._hold_against_a_calm_run()
        return Result(
            seed=self.seed,
            steps=steps,
            records=sum(map(len, self.broker.log)),
            restarts=self._flow.restarts,
            rows_repeated=rows_repeated,
            balance=self._close(),
            met=dict(self.buggify.met),
        )

    def _step(self) -> None:
        self.clock.advance(STEP_MS)
        self.broker.step()
        self._tell()
        self._send()
        self._interfere()
        self._tick()
        self._flow.step()

    def _settled(self) -> bool:
        return not self._spool.waiting_bytes and self._flow.at_end() and not self.broker.frozen

    def _tell(self) -> None:
        """The devices tell the gateway what has happened, and again until they hear that it was taken."""
        due = 0
        while due < len(self._told) and self._told[due].ts_ms <= self.clock.now_ms():
            due += 1
        if due == 0:
            return
        for event in self._told[:due]:
            if (digest := digest_of(encode(event))) not in self._noted:
                self._noted.add(digest)
                self.ledger.event(event)
        taken = self._taken_of(self._told[:due])
        if not self.buggify("device hears no acknowledgement"):
            del self._told[:taken]
        if self.buggify("gateway killed"):
            self._spool.close()
            self._spool = self._open_spool()

    def _taken_of(self, told: list[StationEvent]) -> int:
        """How many the spool takes; the devices keep the rest."""
        for first in range(0, len(told), TOLD_AT_ONCE):
            try:
                self._spool.append(told[first : first + TOLD_AT_ONCE])
            except NotTaken:
                return first
        return len(told)

    def _send(self) -> None:
        """The gateway sends what waits; what is not acknowledged waits again."""
        if self.buggify("uplink down"):
            self._uplink_down_until_ms = self.clock.now_ms() + UPLINK_DOWN_MS
        if self.clock.now_ms() < self._uplink_down_until_ms:
            return
        waiting = self._spool.take(200)
        for _, _, value in waiting:
            if (digest := digest_of(value)) not in self._noted:  # the spool itself sends only gaps
                event = decode(value)
                assert isinstance(event, StationEvent)
                self._noted.add(digest)
                self._gaps.append(event)
                self.ledger.event(event)
        acknowledged = self.broker.produce([(station.encode(), value) for _, station, value in waiting])
        self._spool.delivered(position for position, _, _ in waiting[:acknowledged])
        self._spool.give_back()

    def _interfere(self) -> None:
        """Others send too: poison, events from a wrong clock, and old records once more."""
        if self.broker.frozen:
            return
        if self.buggify("poison"):
            for value in self._random.choices(POISON, k=3):
                self.ledger.raw(value)
                self.broker.append(self._random.choice(STRANGERS), value)
        if self.buggify("clock a year ahead"):
            ahead_ms = self.clock.now_ms() + YEAR_MS
            seq = next(self._strangers)
            event = Heartbeat(station=self._day.events[0].station, source="ahead", boot=1, seq=seq, ts_ms=ahead_ms)
            self.ledger.event(event)
            self.broker.append(event.station.encode(), encode(event))
        if self.buggify("duplicates, shuffled"):
            records = [record for record in self._random.choice(self.broker.log)[-300:] if record.key]
            for record in self._random.sample(records, len(records)):
                self.broker.append(record.key, record.value)

    def _tick(self) -> None:
        if self.buggify("ticker dead"):
            self._ticker_dead_until_ms = self.clock.now_ms() + DEAD_TICKER_MS
        now_ms = self.clock.now_ms()
        if self.broker.frozen or now_ms < max(self._ticker_dead_until_ms, self._ticked_ms + TICK_MS):
            return
        self._ticked_ms = now_ms
        self.broker.tick(encode(ClockAdvanced(now_ms=now_ms)))
        if self.buggify("two tickers"):
            self.broker.tick(encode(ClockAdvanced(now_ms=now_ms - self._random.randrange(60_000))))

    def _open_spool(self) -> Spool:
        return Spool(self._directory / "spool", self._limits, monotonic_ms=self.clock.now_ms)

    def _hold_against_a_calm_run(self) -> int:
        """Every table is that of the same log, folded in one go by a flow that nothing happens to; returns its rows."""
        nothing = Buggify(0)
        nothing.calm_down()
        store = Store(self.clock, nothing)
        flow = Flow(self.broker, store, self.clock, nothing, Random(0))
        while not flow.at_end():
            flow.step()
        for table in tables.TABLES:
            compare(table.name, self.store.final(table).values(), store.final(table).values())
        return store.inserted

    def _close(self) -> Balance:
        found = self._found()
        balance = self.ledger.balance(found).close()
        counted = self.ledger.batch(found)
        if _needed(self._day.events) <= _needed(counted):
            truth = truth_of(counted, self.clock.now_ms())
            facts = [
                (row["station"], row["minute"] * 1000, *(row[name] for name in FACT_COLUMNS[2:]))
                for row in self._rows(tables.MINUTE_FACTS)
            ]
            compare("minute_facts", facts, map(tuple, truth.facts))
        return balance

    def _found(self) -> Found:
        stored = [
            Stored(
                (row["station"], row["source"], row["boot"], row["seq"]),
                digest_of(row["raw"]),
                row["outcome"],
                (row["epoch"], row["partition"], row["offset"]),
            )
            for row in self._rows(tables.EVENTS)
        ]
        dead = [
            DeadLetter(digest_of(row["raw"]), (row["epoch"], row["partition"], row["offset"]))
            for row in self._rows(tables.REJECTS)
        ]
        return Found(stored, dead, declared=gaps(self._gaps))

    def _rows(self, table: tables.Table) -> Iterator[dict[str, Any]]:
        return (dict(zip(table.column_names, row, strict=True)) for row in self.store.final(table).values())


def _needed(events: Iterable[StationEvent]) -> set[Identity]:
    """The events without which the twin's truth does not know a day; a gap that took the place of one is none."""
    return {identity(event) for event in events if isinstance(event, StationBorn | CalendarAssigned)}


FACT_COLUMNS = tuple(column.name for column in (*tables.DIMENSIONS, *tables.MEASURES))
