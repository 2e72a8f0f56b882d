"""Whatever the bytes of its files are, the spool opens, delivers what is whole, counts the rest, and takes more in."""

from __future__ import annotations

import logging
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fault_record import record
from hypothesis import given
from hypothesis import strategies as st
from spool_events import STATIONS, Identity, beat, contents, declared, identity, unit

from edge.spool import Spool, SpoolLimits
from edge.spool.directory import MARK
from edge.spool.quarantine import FILES_MAX
from sipe.contracts.codec import decode
from sipe.contracts.events import GapDetected, StationEvent

READY_S = 5.0
SMALL = SpoolLimits(bytes_max=1_000_000, telemetry_bytes_max=500_000, reserve_bytes=0, segment_bytes_max=4_000)
SENT: list[StationEvent] = [
    (unit if seq % 2 else beat)(seq, station=station) for seq in range(1, 40) for station in STATIONS
]
PAGE_BYTES = 4_096

Damage = Callable[[bytearray, random.Random], bytes | bytearray]


def flip_bits(content: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice([1, 10, 500])):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content


def overwrite_a_page(content: bytearray, chance: random.Random) -> bytearray:
    start = PAGE_BYTES * chance.randrange(len(content) // PAGE_BYTES)
    content[start : start + PAGE_BYTES] = chance.choice([bytes(PAGE_BYTES), b"\xff" * PAGE_BYTES])
    return content


def change_the_version(content: bytearray, chance: random.Random) -> bytearray:
    content[60:64] = chance.choice([0, 3, 7, 2**31 - 1]).to_bytes(4, "big")  # `user_version` of SQLite's header
    return content


DAMAGES: dict[str, Damage] = {
    "bits": flip_bits,
    "page": overwrite_a_page,
    "version": change_the_version,
    "truncated": lambda content, chance: content[: chance.randrange(len(content))],
    "empty": lambda content, chance: b"",
    "text": lambda content, chance: b"hello" * 1_000,
    "too long": lambda content, chance: content + chance.randbytes(PAGE_BYTES * 2),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spool of several segments, in which everything waits."""
    directory = tmp_path_factory.mktemp("filled")
    with Spool(directory, SMALL) as spool:
        for event in SENT:
            spool.append([event])
        assert spool.status.segments >= 6
        assert spool.next_identity(STATIONS[0], "gateway") == (1, 1)
    return directory


def held_by(path: Path) -> set[Identity]:
    """The events in a file that is whole."""
    if path.name == MARK:
        return set()
    with closing(sqlite3.connect(path)) as db:
        events = [decode(value) for (value,) in db.execute("SELECT value FROM waiting")]
        return {identity(event) for event in events if isinstance(event, StationEvent)}


def segments_of(directory: Path) -> list[Path]:
    return sorted(directory.glob("t*.sqlite3"))


@given(st.sampled_from(sorted(DAMAGES)), st.integers(0, 100), st.randoms(use_true_random=False))
def test_a_damaged_file_costs_what_is_in_it_and_nothing_else(
    filled: Path, tmp_path_factory: pytest.TempPathFactory, kind: str, which: int, chance: random.Random
) -> None:
    directory = tmp_path_factory.mktemp("damaged") / "spool"
    shutil.copytree(filled, directory)
    paths = sorted(directory.glob("*.sqlite3"))
    path = paths[which % len(paths)]
    at_stake = held_by(path)
    path.write_bytes(DAMAGES[kind](bytearray(path.read_bytes()), chance))
    began_s = time.monotonic()
    with Spool(directory, SMALL) as spool:
        assert time.monotonic() - began_s < READY_S
        found = contents(spool)
        whole = [event for event in found if not isinstance(event, GapDetected)]
        sent = {identity(event): event for event in SENT}
        assert all(event == sent[identity(event)] for event in whole), "what comes out is what went in"
        there = {identity(event) for event in whole}
        assert sent.keys() - at_stake <= there
        assert declared(found) <= at_stake
        status = spool.status
        if sent.keys() - there - declared(found):
            assert status.damaged_files + status.damaged_rows > 0, "lost without a word"
        for station in STATIONS:
            order = [event.seq for event in found if event.station == station]
            assert order == sorted(set(order))
        again = len(spool._store.classes_of_new(SENT, {}))
        assert again <= len(at_stake), "what others hold is known"
        assert spool.append([unit(100), beat(101)]) == 2
    with Spool(directory, SMALL) as spool:
        assert contents(spool)[-2:] == [unit(100), beat(101)]
        assert spool.boot == 2, "numbers are never used again"
    shutil.rmtree(directory)
    record("spool-damaged", met=1)


def test_what_is_damaged_is_renamed_counted_and_told(
    filled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    path = segments_of(tmp_path)[0]
    path.write_bytes(b"hello")
    with caplog.at_level(logging.ERROR), Spool(tmp_path, SMALL) as spool:
        contents(spool)
        assert spool.set_aside == spool.status.damaged_files == 1
    aside = path.with_name(path.name.replace(".sqlite3", ".damaged.sqlite3"))
    assert aside.read_bytes() == b"hello"
    (told,) = caplog.records
    assert (told.message, told.path) == ("a file of the spool is set aside", str(aside))  # type: ignore[attr-defined]
    with Spool(tmp_path, SMALL) as spool:
        assert spool.set_aside == 1
        aside.unlink()  # somebody is done with it
        assert spool.set_aside == 0


@pytest.mark.parametrize("pattern", [MARK, "boot", "boot.copy", "lock", "traceability*2.sqlite3", "telemetry*", "*"])
def test_a_file_that_is_gone_keeps_nobody_from_working(filled: Path, tmp_path: Path, pattern: str) -> None:
    """Nobody knows here what was in it; the store sees it by the numbers that are missing."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    at_stake: set[Identity] = set()
    for path in tmp_path.glob(pattern):
        at_stake |= held_by(path) if path.suffix == ".sqlite3" else set()
        path.unlink()
    began_s = time.monotonic()
    with Spool(tmp_path, SMALL) as spool:
        assert time.monotonic() - began_s < READY_S
        assert {identity(event) for event in contents(spool)} == {identity(event) for event in SENT} - at_stake
        assert spool.append([unit(100), beat(101)]) == 2
        assert spool.boot == (1 if pattern == "*" else 2)


@pytest.mark.parametrize("damage", ["?", "", "1\n2", "\u0661", "999999999999999999999x"])
def test_a_count_of_starts_that_is_damaged_is_known_by_its_copy_or_by_what_was_taken(
    tmp_path: Path, damage: str
) -> None:
    with Spool(tmp_path) as spool:
        boot, seq = spool.next_identity(STATIONS[0], "device")
        spool.append([unit(seq, boot=boot)])
    for count, names in enumerate([["boot"], ["boot.copy"], ["boot", "boot.copy"]], start=2):
        for name in names:
            (tmp_path / name).write_text(damage)
        with Spool(tmp_path) as spool:
            boot, seq = spool.next_identity(STATIONS[0], "device")
            assert boot == count
            assert spool.append([unit(seq, boot=boot)]) == 1


def test_a_card_that_dies_slowly_does_not_fill_itself_with_damaged_files(tmp_path: Path) -> None:
    for start in range(1, FILES_MAX + 3):
        with Spool(tmp_path) as spool:
            assert spool.append([unit(start), beat(start)]) == 2
        for path in segments_of(tmp_path):
            if "damaged" not in path.name:
                path.write_bytes(b"damage %d" % start)
    with Spool(tmp_path) as spool:
        assert spool.set_aside == FILES_MAX
        assert all(path.read_bytes() != b"damage 1" for path in segments_of(tmp_path))
        assert spool.append([unit(99)]) == 1


def test_numbers_of_segments_set_aside_are_not_used_again(tmp_path: Path) -> None:
    for start in range(1, 4):
        with Spool(tmp_path) as spool:
            assert spool.append([unit(start), beat(start)]) == 2
        for path in segments_of(tmp_path):
            if "damaged" not in path.name:
                path.write_bytes(b"damage %d" % start)
    with Spool(tmp_path) as spool:
        assert spool.set_aside == 6
        spool.append([unit(9)])
        (waiting,) = spool.take()
        assert waiting.position >> 32 == 4
    names = [f"traceability-000000000{n}.damaged.sqlite3" for n in (1, 2, 3)]
    assert [(tmp_path / name).read_bytes() for name in names] == [b"damage 1", b"damage 2", b"damage 3"]


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(statement)


@pytest.mark.parametrize("column", ["value", "value_crc"])
def test_a_row_whose_value_is_wrong_is_set_aside_and_declared(
    tmp_path: Path, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Spool(tmp_path) as spool:
        spool.append([unit(1), unit(2), unit(3)])
    (path,) = tmp_path.glob("traceability*.sqlite3")
    wrong = {
        "value": "value = CAST(replace(CAST(value AS TEXT), 'good', 'evil') AS BLOB)",
        "value_crc": "value_crc = 7",
    }
    change(path, f"UPDATE waiting SET {wrong[column]} WHERE seq = 2")  # noqa: S608
    gap = GapDetected(station=STATIONS[0], boot=1, seq=2, ts_ms=2_000, source="device", first_missing=2, last_missing=2)
    for _ in range(2):
        with caplog.at_level(logging.ERROR), Spool(tmp_path) as spool:
            assert contents(spool) == [unit(1), gap, unit(3)]
    assert [record.message for record in caplog.records] == ["rows of the spool are set aside"]
    with Spool(tmp_path) as spool:
        spool.delivered(position for position, _, _ in spool.take())
        for seq in range(4, 8):
            spool._store.go_on(0)
            spool.append([unit(seq)])
        assert spool.status.damaged_files == 1, "what is in it is kept for somebody to look at"
        assert [event.seq for event in contents(spool)] == [4, 5, 6, 7]
        assert spool.append([unit(2)]) == 0


@pytest.mark.parametrize("wrong", ["seq = 7", "station = 'a.b.c.d'", "ts_ms = 0", "boot = NULL", "station = x'ff00'"])
def test_a_row_whose_identity_is_wrong_is_set_aside_and_counted(tmp_path: Path, wrong: str) -> None:
    with Spool(tmp_path) as spool:
        spool.append([unit(1), unit(2), unit(3)])
    (path,) = tmp_path.glob("traceability*.sqlite3")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'waiting'")
    change(path, f"UPDATE waiting SET {wrong} WHERE seq = 2")  # noqa: S608
    with Spool(tmp_path) as spool:
        assert contents(spool) == [unit(1), unit(3)]
        assert spool.status.damaged_rows == 1


def test_a_row_at_another_position_is_not_believed(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.append([unit(1), unit(2)])
    (path,) = tmp_path.glob("traceability*.sqlite3")
    change(path, "UPDATE waiting SET position = position + 100 WHERE seq = 1")
    with Spool(tmp_path) as spool:
        assert contents(spool) == [unit(2)]
        assert spool.status.damaged_rows == 1


@pytest.mark.parametrize("high", [2**33 + 4, 2**62, 2**63 - 1])
def test_a_position_that_cannot_be_is_not_gone_on_from(tmp_path: Path, high: int) -> None:
    with Spool(tmp_path) as spool:
        spool.append([unit(1), unit(2)])
    (path,) = tmp_path.glob("traceability*.sqlite3")
    change(path, f"UPDATE waiting SET position = {high} WHERE seq = 2")  # noqa: S608
    change(path, "UPDATE heads SET crc = 0")
    for start in (2, 3):
        with Spool(tmp_path) as spool:
            assert spool.append([unit(1, boot=start)]) == 1
            assert contents(spool)[-1] == unit(1, boot=start)


@pytest.mark.parametrize("ms", [2**62, -(2**62)])
def test_a_time_that_is_damaged_makes_nothing_old(tmp_path: Path, ms: int) -> None:
    with Spool(tmp_path) as spool:
        spool.append([beat(seq) for seq in range(1, 20)])
    (path,) = tmp_path.glob("telemetry*.sqlite3")
    change(path, f"UPDATE waiting SET appended_ms = {ms} WHERE seq = 19")  # noqa: S608
    with Spool(tmp_path) as spool:
        spool.append([beat(20)])
        spool.trim()
        assert [event.seq for event in contents(spool)] == [*range(1, 19), 20]
        assert (spool.status.dropped, spool.status.damaged_rows) == (0, 1)


def test_a_damaged_row_that_is_pushed_out_is_counted(tmp_path: Path) -> None:
    small = SpoolLimits(bytes_max=50_000, telemetry_bytes_max=2_000, reserve_bytes=0, segment_bytes_max=1_000)
    with Spool(tmp_path, small) as spool:
        spool.append([beat(1), beat(2), beat(3)])
    (path,) = tmp_path.glob("telemetry*.sqlite3")
    change(path, "UPDATE waiting SET seq = 77 WHERE seq = 2")
    with Spool(tmp_path, small) as spool:
        for seq in range(4, 40):
            spool.append([beat(seq)])
        assert spool.status.damaged_rows == 1
        assert isinstance(contents(spool)[0], GapDetected)


def test_a_damaged_gap_is_declared_from_its_identity(tmp_path: Path) -> None:
    small = SpoolLimits(bytes_max=50_000, telemetry_bytes_max=2_000, reserve_bytes=0, segment_bytes_max=1_000)
    with Spool(tmp_path, small) as spool:
        for seq in range(1, 60):
            spool.append([beat(seq)])
        before = contents(spool)
    for path in tmp_path.glob("traceability*.sqlite3"):
        change(path, "UPDATE waiting SET value = x'00' WHERE first_missing > 0")
    with Spool(tmp_path, small) as spool:
        assert contents(spool) == before
        assert spool.status.damaged_rows == 1


def test_a_damaged_head_does_not_refuse_what_was_never_taken(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.append([unit(1), beat(2)])
    for path in segments_of(tmp_path):
        change(path, "UPDATE heads SET seq = 1000")
    with Spool(tmp_path) as spool:
        assert spool.append([unit(3), beat(4)]) == 2


def test_what_was_taken_last_is_known_when_the_current_segment_of_its_class_is_lost(tmp_path: Path) -> None:
    with Spool(tmp_path, SMALL) as spool:
        for seq in range(1, 30):
            spool.append([unit(seq), beat(seq, station=STATIONS[1])])
            spool.delivered(position for position, _, _ in spool.take())
        spool._store.go_on(0)
        spool.append([unit(30)])
    (lost,) = tmp_path.glob("traceability*")
    assert len(segments_of(tmp_path)) == 2, "there is nothing older to learn it from"
    lost.write_bytes(b"")
    with Spool(tmp_path, SMALL) as spool:
        assert spool._store.classes_of_new([unit(seq) for seq in range(1, 30)], {}) == []
        assert spool._store.classes_of_new([unit(30)], {}) == ["traceability"], "but for what was only there"
        assert spool.append([beat(29, station=STATIONS[1])]) == 0
        assert spool.append([unit(31)]) == 1


def test_a_segment_that_is_damaged_while_the_spool_is_open_stops_nobody(tmp_path: Path) -> None:
    with Spool(tmp_path, SMALL) as spool:
        for event in SENT:
            spool.append([event])
        sealed, *_, current = sorted(tmp_path.glob("traceability*.sqlite3"))
        sealed.write_bytes(b"\xff" * 9_000)
        found = contents(spool)
        assert 0 < len(found) < len(SENT)
        newest = spool._store.kept.newest
        assert newest is not None
        assert newest.path == current
        newest.tidy()
        newest._db().execute("PRAGMA shrink_memory")
        current.write_bytes(current.read_bytes()[:PAGE_BYTES] + b"\xff" * (current.stat().st_size - PAGE_BYTES))
        assert spool.append([unit(100), beat(101)]) == 2
        assert contents(spool)[-2:] == [unit(100), beat(101)]
        assert spool.status.damaged_files == 2


def test_a_segment_that_somebody_deleted_stops_nobody(tmp_path: Path) -> None:
    with Spool(tmp_path, SMALL) as spool:
        for event in SENT:
            spool.append([event])
        sorted(tmp_path.glob("telemetry*.sqlite3"))[1].unlink()
        found = contents(spool)
        assert 0 < len(found) < len(SENT)
        assert spool.append([unit(100)]) == 1


def test_logs_that_are_damaged_cost_what_is_in_them(tmp_path: Path) -> None:
    """What a checksum of SQLite's log refuses is as if it had never been written; nothing else may come of it."""
    chance = random.Random(5)
    source = tmp_path / "source"
    with Spool(source, SMALL) as spool:
        for event in SENT[:20]:
            spool.append([event])
        for run in range(20):
            copy = tmp_path / str(run)
            shutil.copytree(source, copy)
            for path in copy.glob("*-wal"):
                path.write_bytes(flip_bits(bytearray(path.read_bytes()), chance))
            with Spool(copy, SMALL) as damaged:
                sent = {identity(event): event for event in SENT}
                assert all(event == sent[identity(event)] for event in contents(damaged))
                assert damaged.append([unit(100)]) == 1
