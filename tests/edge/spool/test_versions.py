"""Stores of every version: an older one is carried over whole, a newer one is refused and left as it is."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from spool_events import STATIONS, Identity, beat, contents, declared, decoded, identity, unit

from edge.spool import Spool, SpoolLimits
from edge.spool.directory import MARK, checksum_of
from edge.spool.segment_file import VERSION
from sipe.contracts.events import GapDetected, StationEvent
from sipe.errors import SipeError

STORE = Path(__file__).with_name("stores") / "version-1"
"""As the spool of version 1 left it when it was killed, most of it in its log only."""
WAITING = [json.loads(line) for line in (STORE / "waiting.jsonl").read_text().splitlines()]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    directory = tmp_path / "spool"
    directory.mkdir()
    for name in ("boot", "spool.sqlite3", "spool.sqlite3-wal"):
        shutil.copy(STORE / name, directory)
    return directory


def values(spool: Spool) -> list[object]:
    found = [json.loads(value) for _, _, value in spool.take(1_000)]
    spool.give_back()
    return found


def test_a_store_of_version_1_is_carried_over_whole(old: Path) -> None:
    boot = int((old / "boot").read_text())
    for start in (1, 2):
        with Spool(old) as spool:
            assert values(spool) == WAITING
            assert spool.boot == boot + start
            assert (spool.set_aside, spool.status.damaged_rows) == (0, 0)
            assert spool.status.traceability_bytes == spool.waiting_bytes


def test_what_version_1_had_taken_is_known(old: Path) -> None:
    newest = {event["station"]: event for event in WAITING if event.get("source", "device") == "device"}
    with Spool(old) as spool:
        events = [beat(event["seq"], boot=event["boot"], station=station) for station, event in newest.items()]
        assert spool.append(events) == 0
        assert spool.append([unit(event.seq, boot=event.boot, station=event.station) for event in events]) == 0
        later = [beat(event.seq + 1, boot=event.boot, station=event.station) for event in events]
        assert spool.append(later) == len(later)
        assert contents(spool)[-len(later) :] == later


def test_what_comes_after_version_1_is_delivered_after_it_and_the_file_goes(old: Path) -> None:
    with Spool(old) as spool:
        spool.append([unit(1, boot=99), beat(2, boot=99)])
        found = spool.take(1_000)
        assert decoded(found)[-2:] == [unit(1, boot=99), beat(2, boot=99)]
        assert len(found) == len(WAITING) + 2
        spool.delivered(position for position, _, _ in found)
        assert spool.waiting_bytes == 0
        assert not (old / "traceability-0000000000.sqlite3").exists()


def test_telemetry_that_version_1_took_is_not_dropped(old: Path) -> None:
    """It stands among what is kept."""
    small = SpoolLimits(bytes_max=20_000, telemetry_bytes_max=2_000, reserve_bytes=0, segment_bytes_max=1_000)
    with Spool(old, small) as spool:
        for seq in range(1, 100):
            spool.append([beat(seq, boot=9)])
        assert values(spool)[: len(WAITING)] == WAITING


def test_a_row_of_version_1_that_is_no_event_is_set_aside_and_declared(old: Path) -> None:
    with closing(sqlite3.connect(old / "spool.sqlite3", isolation_level=None)) as db:
        (position, station, boot, seq) = db.execute(
            "SELECT position, station, boot, seq FROM waiting WHERE first_missing = 0 ORDER BY position LIMIT 1"
        ).fetchone()
        db.execute("UPDATE waiting SET value = x'7b' WHERE position = ?", (position,))
    with Spool(old) as spool:
        assert Identity(station, "device", boot, seq) in declared(contents(spool))
        assert spool.status.damaged_rows == 1


@pytest.mark.parametrize("damage", ["not a database", "empty", "header", "page", "cut"])
def test_a_damaged_store_of_version_1_keeps_nobody_from_working(old: Path, damage: str) -> None:
    path = old / "spool.sqlite3"
    content = bytearray(path.read_bytes())
    if damage == "not a database":
        content = bytearray(b"hello" * 1_000)
    elif damage == "empty":
        content = bytearray()
        (old / "spool.sqlite3-wal").unlink()
    elif damage == "header":
        content[:100] = bytes(100)
    elif damage == "page":
        content[4096:8192] = b"\xff" * 4096
        (old / "spool.sqlite3-wal").unlink()
    else:
        del content[random.Random(1).randrange(4096, len(content)) :]
        (old / "spool.sqlite3-wal").unlink()
    path.write_bytes(content)
    with Spool(old) as spool:
        assert spool.append([unit(1, boot=99)]) == 1
        assert contents(spool)[-1] == unit(1, boot=99)
        assert spool.boot == 2, "numbers are never used again"
        assert spool.set_aside == 1


def newer(directory: Path) -> Path:
    """A store that says that a later version wrote it."""
    Spool(directory).close()
    with closing(sqlite3.connect(directory / MARK, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {checksum_of(VERSION + 1)}")
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    return directory


def test_a_newer_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    directory = newer(tmp_path / "spool")
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    for _ in range(2):
        with pytest.raises(SipeError, match="was written by a newer gateway: run that version, or a newer one"):
            Spool(directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_version_1_refuses_what_this_version_writes(tmp_path: Path) -> None:
    """It reads `user_version` of this file before anything else, and refuses what is above its own."""
    Spool(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / MARK)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert VERSION > 1


def test_a_store_of_version_1_beside_one_of_this_version_is_refused(old: Path) -> None:
    """As when a gateway is taken back to version 1, makes a new file, and is brought up again."""
    Spool(old).close()
    shutil.copy(STORE / "spool.sqlite3", old)
    with pytest.raises(SipeError, match="of an older gateway too: move the latter away"):
        Spool(old)


def test_what_this_version_writes_is_what_its_store_holds(tmp_path: Path) -> None:
    """The store of this version among the fixtures is read by this and all later versions."""
    kept = STORE.with_name(f"version-{VERSION}")
    directory = tmp_path / "spool"
    shutil.copytree(kept, directory)
    waiting = [json.loads(line) for line in (directory / "waiting.jsonl").read_text().splitlines()]
    with Spool(directory) as spool:
        assert values(spool) == waiting
        assert spool.boot == 3
        events: list[StationEvent] = [event for event in contents(spool) if not isinstance(event, GapDetected)]
        assert spool.append(events) == 0
        assert spool.append([unit(1, boot=3), beat(1, boot=3, station=STATIONS[1])]) == 2
        assert {identity(event) for event in events} < {identity(event) for event in contents(spool)}
