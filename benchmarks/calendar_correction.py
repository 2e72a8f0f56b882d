"""How long a corrected calendar takes to be folded into the past of a whole factory.

    python benchmarks/calendar_correction.py [--stations 200] [--days 30] [--scale 1.0] [--rename]

Fills a store of its own with days of a simulated factory: one day of its stations over and over, told to as many
stations as wanted. Then every station's calendar is corrected from the first day on (a break that was forgotten, a
shift that ended earlier; with `--rename` the shifts' names, which concerns every minute), and what is marked is folded
again. Some stations are then folded again in full: nothing may be different, else nothing is printed.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from connectors.clickhouse import migrate
from connectors.clickhouse.block import Block
from connectors.clickhouse.client import Address, Warehouse
from connectors.clickhouse.cuts import cuts
from connectors.clickhouse.writer import Writer
from connectors.embedded.process import ChildServer
from connectors.files.plant import read_plant
from models.fold.partition import PartitionFold
from models.fold.rules import DAY_MS, HOUR_MS, FoldConfig
from models.twin import simulate
from pipelines.reprocess.job import fold_again
from pipelines.reprocess.pending import asked_for, plan, settle_marks
from pipelines.rows import fact_blocks
from sipe.contracts import events as ev
from sipe.contracts.codec import build, encode
from sipe.contracts.tables import EVENTS, FLOW_PROGRESS, REFOLDS, version_of

PLANT = Path(__file__).resolve().parents[1] / "examples" / "plant.toml"
BEGIN_MS = 1_772_409_600_000  # 2026-03-02T00:00:00Z
REACH_DAYS = 4
"""So many more days are told, and stay the flow's."""
SEQS_PER_DAY = 10_000_000
DEFINITIONS = (ev.CalendarAssigned, ev.StandardTimeSet, ev.CountingAuthoritySet)
CHECKED = 3
PLANNED = {
    "zone": "America/Manaus",
    "shifts": [{"name": "early", "start": "06:00", "end": "14:00"}, {"name": "late", "start": "14:00", "end": "22:00"}],
}
CORRECTED = {
    "zone": "America/Manaus",
    "shifts": [{"name": "early", "start": "06:00", "end": "14:00"}, {"name": "late", "start": "14:00", "end": "21:00"}],
    "breaks": [{"name": "lunch", "start": "11:00", "end": "11:30"}],
}
RENAMED = {
    "zone": "America/Manaus",
    "shifts": [{"name": "A", "start": "06:00", "end": "14:00"}, {"name": "B", "start": "14:00", "end": "22:00"}],
}
TIMES = ("ts_ms", "from_ts_ms", "to_ts_ms", "cycle_ts_ms")


@dataclass(frozen=True)
class Factory:
    """The stations of the plant and one day of each, without definitions but those of `always`."""

    names: list[str]
    day: list[ev.StationEvent]
    always: list[ev.StationEvent]

    def told(self, days: range) -> Iterator[ev.StationEvent]:
        """All events of some days, in order of time within each."""
        for day in days:
            for event in self.day:
                moved = {name: getattr(event, name) + day * DAY_MS for name in TIMES if hasattr(event, name)}
                yield msgspec.structs.replace(event, **moved, seq=event.seq + day * SEQS_PER_DAY)


def factory(scale: float) -> Factory:
    """A day of the example plant, planned by a calendar that knows no weekends."""
    sends = simulate(read_plant(PLANT), seed=7, day_start_ms=BEGIN_MS, hours=24, scale=scale).sends
    known = {(e.station, e.source, e.boot, e.seq): e for e in (send.event for send in sends)}
    day = sorted((e for e in known.values() if BEGIN_MS <= e.ts_ms < BEGIN_MS + DAY_MS), key=lambda e: e.ts_ms)
    names = sorted({event.station for event in day})
    kept = [e for e in known.values() if isinstance(e, ev.StandardTimeSet | ev.CountingAuthoritySet)]
    calendars = [_calendar(name, PLANNED, BEGIN_MS, seq=1) for name in names]
    always = [*calendars, *kept]
    return Factory(names, [event for event in day if not isinstance(event, DEFINITIONS)], always)


def _calendar(name: str, calendar: dict[str, Any], ts_ms: int, seq: int) -> ev.StationEvent:
    given = {"type": "calendar_assigned", "station": name, "source": "corrections", "boot": 1, "seq": seq}
    event = build(given | {"ts_ms": ts_ms, "valid_from_ms": BEGIN_MS, "calendar": calendar})
    assert isinstance(event, ev.StationEvent)  # noqa: S101  it says so
    return event


def fill(store: Warehouse, writer: Writer, made: Factory, stations: int, days: int) -> int:
    """Archive and facts of so many stations and days; returns the offset where the log ends."""
    offsets = count()
    writer.write([_archive(made.always, offsets)])
    for day in range(days + REACH_DAYS):
        writer.write([_archive(list(made.told(range(day, day + 1))), offsets)])
    _fold_two_days(writer, made)
    for days_on in range(1, days + REACH_DAYS - 1):
        scope = {"days": days_on, "from_s": BEGIN_MS // 1000 + 86_400, "to_s": BEGIN_MS // 1000 + 2 * 86_400}
        store.run(_copy("minute_facts", f"{_later('minute')}, {_LATER_SHIFT}", _second_day("minute")), scope)
        moved = f"{_later('from_ts')}, {_later('to_ts')}, {_LATER_SHIFT}"
        store.run(_copy("stops", moved, _second_day("from_ts")), scope)
    for copy in range(1, -(-stations // len(made.names))):
        chosen = {"names": tuple(made.names[: stations - copy * len(made.names)])}
        name = f"concat(station, '-{copy}')"
        raw = f'replaceRegexpOne(raw, \'"station":"([^"]+)"\', \'"station":"\\\\1-{copy}"\') AS raw'
        for table, replaced in (("minute_facts", ""), ("stops", ""), ("events", f", {raw}")):
            store.run(_copy(table, f"{name} AS station{replaced}", "station IN %(names)s"), chosen)
    return next(offsets)


_LATER_SHIFT = """if(shift = '', '',
    concat(toString(toDate(substring(shift, 1, 10)) + %(days)s), substring(shift, 11))) AS shift"""


def _later(column: str) -> str:
    return f"{column} + toIntervalDay(%(days)s) AS {column}"


def _second_day(column: str) -> str:
    return f"toUnixTimestamp({column}) >= %(from_s)s AND toUnixTimestamp({column}) < %(to_s)s"


def _copy(table: str, replaced: str, where: str) -> str:
    """A statement that copies rows of a table with some columns replaced; `where` speaks of the rows as they were."""
    chosen = f"SELECT * FROM {table} WHERE {where}"  # noqa: S608  texts of this file
    return f"INSERT INTO {table} SELECT * REPLACE ({replaced}) FROM ({chosen})"  # noqa: S608  the same


def _archive(events: list[ev.StationEvent], offsets: Iterator[int]) -> Block:
    rows = [
        (
            e.station, e.ts_ms, e.__struct_config__.tag, e.source, e.boot, e.seq, 1, 0, next(offsets), e.ts_ms,
            "accepted", encode(e),
        )
        for e in events
    ]  # fmt: skip
    return Block.of_tuples(EVENTS, rows)


def _fold_two_days(writer: Writer, made: Factory) -> None:
    """The facts of the first day, and of the second, which is like every later one."""
    fold = PartitionFold(FoldConfig())
    for event in made.always:
        fold.apply(event)
    tick_ms = BEGIN_MS
    for event in made.told(range(3)):
        while event.ts_ms >= tick_ms:
            writer.write(fact_blocks(fold.tick(tick_ms), 1))
            tick_ms += HOUR_MS
        fold.apply(event)


def correct(store: Warehouse, writer: Writer, calendar: dict[str, Any], days: int, offset: int) -> None:
    """A calendar for each station, archived, published and marked, as the flow does it."""
    names = [name for (name,) in store.tuples("SELECT DISTINCT station FROM events ORDER BY station")]
    at_ms = BEGIN_MS + (days + REACH_DAYS) * DAY_MS
    offsets = count(offset)
    writer.write([_archive([_calendar(name, calendar, at_ms, seq=2) for name in names], offsets)])
    tick = next(offsets)
    version = version_of(1, tick)
    first_day = BEGIN_MS // DAY_MS
    rows = [(name, first_day + day, 1, version) for name in names for day in range(days)]
    progress = dict(zip(FLOW_PROGRESS.column_names, (0, 1, tick + 1, tick + 1, at_ms, version), strict=True))
    writer.write([Block.of_tuples(REFOLDS, rows), Block.of_rows(FLOW_PROGRESS, [progress])])


def check(address: Address, store: Warehouse) -> int:
    """Exit with 1 when folding some stations in full would change anything; returns how many cells were compared."""
    found = sorted(cuts(store, FoldConfig()).values())
    result = fold_again(address, asked_for(found[:: max(len(found) // CHECKED, 1)], 0, 1 << 41), dry_run=True)
    if result.total("changed") or result.total("stops_changed"):
        sys.exit(f"folded again in full, {result.total('changed')} cells are different: nothing was measured")
    return result.total("compared")


def main() -> None:
    """Fill, correct, measure, check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rename", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sipe-") as directory:
        path, password = Path(directory) / "clickhouse", secrets.token_urlsafe(16)
        environ = {"SIPE_EMBEDDED_PASSWORD": password}
        log_path = Path(directory) / "clickhouse.log"
        server = ChildServer("connectors.embedded.clickhouse", "--path", str(path), log_path=log_path, environ=environ)
        with server as child:
            port = child.ready["port"]
            address = Address(host="127.0.0.1", port=port, database="sipe", user="sipe", password=password)
            migrate.apply(address)
            with Warehouse(address) as store, closing(Writer(address)) as writer:
                measure(address, store, writer, args, child.pid)


def await_merges(store: Warehouse) -> None:
    """Until the server has merged what was filled in at once, which otherwise takes weeks to come."""
    calm = 0
    while calm < 5:
        time.sleep(1)  # between two merges the server may do nothing for a moment
        calm = 0 if store.tuples("SELECT count() FROM system.merges") != [(0,)] else calm + 1


def processor_s(server_pid: int) -> float:
    """Processor time so far: the server's, this process's, and that of the workers that have ended."""
    fields = Path(f"/proc/{server_pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(os.times()[:4])


def measure(address: Address, store: Warehouse, writer: Writer, args: argparse.Namespace, server_pid: int) -> None:
    """One correction, measured."""
    made = factory(args.scale)
    offset = fill(store, writer, made, args.stations, args.days)
    correct(store, writer, RENAMED if args.rename else CORRECTED, args.days, offset)
    ((events, stations),) = store.tuples("SELECT count(), uniq(station) FROM events")
    days = args.days + REACH_DAYS
    print(f"{stations} stations, {days} days, {events:,} events: {events / stations / days:,.0f} per station and day")
    await_merges(store)
    fast = sum(bool(task.corrected) for task in plan(store).tasks)
    used_s, load = processor_s(server_pid), os.getloadavg()[0]
    result = settle_marks(address, processes=args.processes)
    used_s = processor_s(server_pid) - used_s
    compared = check(address, store)
    print(
        f"corrected {len(result.done)} stations ({fast} by their calendar alone) in {result.seconds:.1f} s: "
        f"{result.total('compared'):,} cells compared, {result.total('changed'):,} cells and "
        f"{result.total('stops_changed'):,} stops changed; {used_s:.0f} s of processor time on {os.cpu_count()} cores, "
        f"load before {load:.1f}"
    )
    print(f"{CHECKED} stations folded again in full: {compared:,} cells compared, none different")


if __name__ == "__main__":
    main()
