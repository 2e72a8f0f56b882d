"""A fold restored from its archive goes on as if its log had never ended, wherever that was."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain, count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from past_day import as_log
from store_databases import new_database
from stored import assert_store_is

from connectors.clickhouse import migrate
from connectors.clickhouse.archive import restore
from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.writer import Writer
from connectors.files.plant import read_plant
from connectors.kafka.records import Record
from models.fold.rules import DAY_MS, HOUR_MS, MINUTE_MS, FoldConfig
from models.twin.day import simulate
from pipelines.decode import DecodedBatch
from pipelines.fold import FoldLogic
from pipelines.runtime.progress import stored_offsets
from sipe.contracts.codec import Reject, build, encode
from sipe.contracts.events import ClockAdvanced, Event
from sipe.contracts.tables import TABLES

pytestmark = pytest.mark.stack

PLANT = Path(__file__).resolve().parents[3] / "examples" / "plant.toml"
PROVE = "SIPE_PROVE" in os.environ
STATION = "manaus.final.line-1.closing"
T0 = 1_772_445_600_000  # 2026-03-02T10:00:00Z, a Monday
ALWAYS = {"zone": "UTC", "shifts": [{"name": "A", "start": "00:00", "end": "00:00"}]}


WRITTEN_BEFORE_PROGRESS = [table.name for table in TABLES[:-1]]
STOPPED_AFTER = ["events", "minute_facts", "stops", "stations", "refolds", "station_health", "publications"]


class Logs:
    """Logs that begin anew, one after the other, folded into one store."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.writer = Writer(address)
        self.restore = partial(restore, address, FoldConfig())
        self.epoch = 0
        self.begin()

    def close(self) -> None:
        self.writer.close()

    def begin(self) -> None:
        """A new log: what the fold of the last one knew is lost, and so is what it had not written."""
        self.epoch += 1
        self.offset = 0
        self.logic = FoldLogic(None, self.restore)

    def lose_state(self) -> None:
        """The flow starts again on the same log, with nothing saved."""
        with Warehouse(self.address) as store:
            self.offset = stored_offsets(store, self.epoch).get(0, 0)
        self.logic = FoldLogic(None, self.restore)

    def send(self, events: Sequence[Event], *, stopped_after: str | None = None) -> None:
        """One batch; a writer that is stopped after a table has written that table and those before it."""
        records: list[tuple[Record, Event | Reject]] = [
            (Record(self.offset + i, T0, None, encode(event)), event) for i, event in enumerate(events)
        ]
        self.offset += len(records)
        publications, _ = self.logic.on_batch([DecodedBatch(self.epoch, 0, records)])
        names = [table.name for table in TABLES]
        written = names if stopped_after is None else names[: names.index(stopped_after) + 1]
        self.writer.write(block for block in chain.from_iterable(publications) if block.table.name in written)


def play(logs: Logs, script: Sequence[Event], cuts: Iterable[int], random: Random) -> None:
    """Send a script in random batches, beginning a new log at each cut; now and then within the writing of a tick."""
    at = 0
    for cut in [*sorted(cuts), len(script)]:
        while at < cut:
            to = min(cut, at + random.choice([1, 200, 1000]))
            logs.send(script[at:to])
            at = to
        if cut < len(script):
            if random.random() < 0.5:
                tick = next(event for event in script[cut:] if isinstance(event, ClockAdvanced))
                logs.send([tick], stopped_after=random.choice(STOPPED_AFTER))
            logs.begin()


def play_one_log(logs: Logs, script: Sequence[Event], cuts: Iterable[int], random: Random) -> None:
    """Send a script as one log, losing the state at each cut; now and then within the writing of what comes next."""
    for cut in [*sorted(cuts), len(script)]:
        while logs.offset < cut:
            logs.send(script[logs.offset : min(cut, logs.offset + random.choice([1, 200, 1000]))])
        if cut < len(script):
            if random.random() < 0.7:
                to = random.choice([cut + 1, cut + 20, next_tick(script, cut) + 1])
                logs.send(script[cut:to], stopped_after=random.choice(WRITTEN_BEFORE_PROGRESS))
            logs.lose_state()


def next_tick(script: Sequence[Event], at: int) -> int:
    return next((i for i in range(at, len(script)) if isinstance(script[i], ClockAdvanced)), at)


def all_rows(store: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """Every row as the sink wrote it, version and history included."""
    found = {}
    for table in TABLES:
        columns = ", ".join(f"`{name}`" for name in table.column_names)
        found[table.name] = store.rows(f"SELECT {columns} FROM {table.name} FINAL ORDER BY ALL")  # noqa: S608  declared
    return found


def tables(store: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """All that must not depend on where logs end."""
    return {
        name: store.rows(f"SELECT * EXCEPT ({left_out}) FROM {name} FINAL ORDER BY ALL")  # noqa: S608  declared  constants only
        for name, left_out in [
            ("minute_facts", "version, is_deleted"),
            ("stops", "version, is_deleted"),
            ("stations", "version"),
            ("refolds", "version"),
            ("station_health", "version"),
        ]
    }


@pytest.fixture(autouse=True)
def archived_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a cut finds events in the archive of which nothing is published yet."""
    monkeypatch.setattr("pipelines.fold.PENDING_BYTES_MAX", 0)


@pytest.fixture
def other(server: Address) -> Iterator[Address]:
    """A second database, for the same log without a cut."""
    with new_database(server) as own:
        migrate.apply(own)
        yield own


def test_a_day_cut_anywhere_ends_as_its_truth_says(migrated: Address, warehouse: Warehouse) -> None:
    day = simulate(read_plant(PLANT), seed=11, hours=4, scale=0.02)
    script = as_log(day.script(20 * MINUTE_MS))
    random = Random(11)
    ticks = [i for i, event in enumerate(script) if isinstance(event, ClockAdvanced)]
    with closing(Logs(migrated)) as logs:
        play(logs, script, [random.choice(ticks), random.randrange(len(script))], random)
    assert_store_is(warehouse, day)


@pytest.mark.parametrize("seed", [3])
def test_weeks_cut_anywhere_give_the_same_tables_and_counts(migrated: Address, other: Address, seed: int) -> None:
    script = weeks(Random(seed))
    random = Random(seed)
    with closing(Logs(migrated)) as logs:
        play(logs, script, random.sample(range(len(script) // 2, len(script)), 3), random)
    with closing(Logs(other)) as logs:
        logs.send(script)
    with Warehouse(migrated) as cut, Warehouse(other) as whole:
        assert tables(cut) == tables(whole)


@pytest.mark.long
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("seed", range(5_000 if PROVE else 1))
def test_a_log_whose_fold_lost_its_state_anywhere_gives_the_same_rows(
    migrated: Address, other: Address, seed: int, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.fold.PENDING_BYTES_MAX", 0 if at_once else 1_000_000)
    random = Random(seed)
    script = weeks(random)
    with closing(Logs(migrated)) as logs:
        play_one_log(logs, script, random.sample(range(len(script)), 4), random)
    with closing(Logs(other)) as logs:
        logs.send(script)
    with Warehouse(migrated) as cut, Warehouse(other) as whole:
        found, expected = all_rows(cut), all_rows(whole)
    for table in TABLES:
        assert found[table.name] == expected[table.name], table.name


def weeks(random: Random) -> list[Event]:
    """Two weeks of a station: a device with losses, repeats and silences, people who come seldom, plant changes."""
    seqs: dict[str, Iterator[int]] = defaultdict(lambda: count(1))
    found: list[tuple[int, Event]] = []

    def say(source: str, at_ms: int, type_: str, **fields: Any) -> None:
        seq = next(seqs[source]) if random.random() < 0.9 else (next(seqs[source]), next(seqs[source]))[1]
        event = build(
            {"type": type_, "station": STATION, "source": source, "boot": 1, "seq": seq, "ts_ms": at_ms} | fields
        )
        found.extend([(at_ms + random.randrange(HOUR_MS), event)] * random.choice([1, 1, 2]))

    piece = {"order": "po-1", "product": "e31", "step": "close", "qty": 1, "result": "good", "cycle_ms": 900}
    moved = {
        "order": "po-1",
        "product": "e31",
        "step": "close",
        "serial": "s",
        "attempt": 1,
        "by": "lead",
        "reason": "x",
    }
    say("device", T0, "station_born", firmware="1", heartbeat_ms=HOUR_MS, display="Closing")
    say("operator", T0, "cycle_completed", **piece)
    say("operator", T0 + 1, "operator_signed_on", operator="ana", role="tester")
    at_ms, told_by_hand_ms = T0, T0
    while at_ms < T0 + 16 * DAY_MS:
        at_ms += random.choice([HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS]) + random.randrange(HOUR_MS)
        if random.random() < 0.03:
            at_ms += 5 * DAY_MS
        state = random.choice(["executing", "down", "idle"])
        say("device", at_ms, "state_changed", state=state, order=random.choice(["po-1", "po-2"]))
        say("device", at_ms, "cycle_completed", **piece)
        if at_ms - told_by_hand_ms > 4 * DAY_MS:
            told_by_hand_ms = at_ms
            say("operator", at_ms, "cycle_completed", **piece)
        if random.random() < 0.1:
            about_ms, later_ms = at_ms - random.randrange(DAY_MS), at_ms + random.choice([0, 2 * DAY_MS])
            say(
                "api",
                later_ms,
                "unit_reclassified",
                cycle_ts_ms=about_ms,
                result_before="good",
                result="scrap",
                **moved,
            )
            note = {"from_ts_ms": about_ms, "to_ts_ms": at_ms, "stop_version": 1, "by": "lead", "reason": state}
            say("api", later_ms, "stop_classified", **note)
        if random.random() < 0.03:
            say("plant", at_ms, "calendar_assigned", valid_from_ms=at_ms - 20 * DAY_MS, calendar=ALWAYS)
        if random.random() < 0.03:
            say("device", at_ms - 15 * DAY_MS, "heartbeat")
    found += [(at, ClockAdvanced(now_ms=at)) for at in range(T0, at_ms + DAY_MS, HOUR_MS)]
    return [event for _, event in sorted(found, key=lambda arrival: arrival[0])]
