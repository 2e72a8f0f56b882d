"""Power goes at any moment: what was acknowledged is there, whatever the disk has made of the rest."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from disk_record import DiskRecord, Step, Told, on_disk
from fault_record import record
from ledger import Balance
from spool_events import STATIONS, beat, contents, declared, decoded, identity, unit
from sqlite_files import can_be_watched

from edge.spool import Spool, SpoolLimits
from sipe.contracts.events import GapDetected, StationEvent

CUTS = 5_000 if os.environ.get("SIPE_PROVE") else 120
VERSION_1 = Path(__file__).with_name("stores") / "version-1"
LIMITS = SpoolLimits(bytes_max=200_000, telemetry_bytes_max=8_000, reserve_bytes=0, segment_bytes_max=4_000)

pytestmark = pytest.mark.skipif(not can_be_watched(), reason="SQLite is built into this Python: nobody sees it write")


def recorded(directory: Path, work: Callable[[DiskRecord], None]) -> list[Step]:
    disk = DiskRecord(directory)
    with disk.recording():
        work(disk)
    assert on_disk(disk.steps).items() >= files(directory).items(), "something was done that nobody saw"
    return disk.steps


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "lock"}


def days(directory: Path) -> Callable[[DiskRecord], None]:
    """Several starts, several segments, telemetry that is pushed out, and a broker that is now and then there."""

    def work(disk: DiskRecord) -> None:
        chance = Random(3)
        for _ in range(3):
            with Spool(directory, LIMITS) as spool:
                boot, _ = spool.next_identity(STATIONS[0], "gateway")
                disk.tell(("boot", boot))
                for seq in range(1, 40):
                    group = [
                        (unit if chance.random() < 0.4 else beat)(5 * seq + n, boot=boot, station=station)
                        for n in range(chance.randint(1, 5))
                        for station in STATIONS
                    ]
                    disk.tell(("appending", group))
                    spool.append(group)
                    disk.tell(("acknowledged", group))
                    if chance.random() < 0.3:
                        sent = spool.take(chance.randint(1, 20))
                        disk.tell(("delivered", decoded(sent)))
                        spool.delivered(position for position, _, _ in sent)

    return work


def check(directory: Path, told: list[tuple[str, list[StationEvent]]], boots: list[int]) -> None:
    by_kind: dict[str, dict[object, StationEvent]] = {"appending": {}, "acknowledged": {}, "delivered": {}}
    for kind, events in told:
        by_kind[kind] |= {identity(event): event for event in events if not isinstance(event, GapDetected)}
    delivered_gaps = declared(event for kind, events in told if kind == "delivered" for event in events)
    with Spool(directory, LIMITS) as spool:
        found = contents(spool)
        there = {identity(event): event for event in found if not isinstance(event, GapDetected)}
        lost = by_kind["acknowledged"].keys() - there.keys() - by_kind["delivered"].keys() - delivered_gaps
        assert not lost - declared(found), "acknowledged, and gone"
        assert all(by_kind["appending"][who] == event for who, event in there.items()), "nobody sent this"
        for station in STATIONS:
            order = [(event.boot, event.seq) for event in found if event.station == station]
            assert order == sorted(order)
        assert spool.status.damaged_files == spool.status.damaged_rows == 0, "a power cut is no damage"
        assert all(spool.boot > boot for boot in boots)
        assert spool.append([unit(1, boot=spool.boot), beat(1, boot=spool.boot, station=STATIONS[1])]) == 2


def test_whenever_power_goes_what_was_acknowledged_is_there(tmp_path: Path, memory: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    steps = recorded(source, days(source))
    for cut in range(CUTS):
        chance = Random(cut)
        before = steps[: chance.randrange(len(steps))]
        told = [step.what for step in before if isinstance(step, Told)]
        boots = [boot for kind, boot in told if kind == "boot"]
        directory = memory / str(cut)
        lay(directory, on_disk(before, chance if cut % 4 else None))
        try:
            check(directory, [entry for entry in told if entry[0] != "boot"], boots)
        except BaseException as error:
            error.add_note(f"cut {cut}, after {len(before)} of {len(steps)} steps")
            raise
        shutil.rmtree(directory)
    record("spool-power-cut", Balance(), met=CUTS, runs=CUTS)


def test_whenever_power_goes_while_version_1_is_carried_over_all_of_it_is_there(tmp_path: Path, memory: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(VERSION_1, source)
    (source / "waiting.jsonl").unlink()
    steps = recorded(source, lambda disk: Spool(source).close())
    begun = next(number for number, step in enumerate(steps) if type(step).__name__ == "NamesSynced") + 1
    waiting = [json.loads(line) for line in (VERSION_1 / "waiting.jsonl").read_text().splitlines()]
    for cut in range(begun, len(steps) + 1):
        for seed in (None, *range(CUTS // 40)):
            directory = memory / f"{cut}-{seed}"
            lay(directory, on_disk(steps[:cut], None if seed is None else Random(seed)))
            with Spool(directory) as spool:
                assert [json.loads(value) for _, _, value in spool.take()] == waiting, (cut, seed)
                assert spool.set_aside == 0
            shutil.rmtree(directory)


def lay(directory: Path, content: dict[str, bytes]) -> None:
    directory.mkdir()
    for name, written in content.items():
        (directory / name).write_bytes(written)
