"""The disk is full at any write: nothing is taken, that is said, and when there is room again all goes on."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from spool_events import STATIONS, beat, contents, declared, decoded, identity, is_kept, unit
from sqlite_files import OK, OPEN_CREATE, can_be_watched, watched

from edge.spool import NotTaken, Spool, SpoolLimits
from sipe.contracts.events import GapDetected, StationEvent
from sipe.errors import SipeError

TRIES = 1_500 if os.environ.get("SIPE_PROVE") else 60
SMALL = SpoolLimits(bytes_max=60_000, telemetry_bytes_max=6_000, reserve_bytes=0, segment_bytes_max=3_000)


class FullDisk:
    """A disk that takes no more from a certain write on, until there is room again."""

    def __init__(self, full_at: int) -> None:
        self.writes = 0
        self._full_at = full_at
        self._has_room_again = False

    @property
    def is_full(self) -> bool:
        return self.writes >= self._full_at and not self._has_room_again

    def make_room(self) -> None:
        self._has_room_again = self.writes >= self._full_at

    def _unless_full(self, refusal: int) -> int:
        refused = refusal if self.is_full else OK
        self.writes += 1
        return refused

    def opened(self, file: int, path: str, flags: int) -> int:
        return self._unless_full(sqlite3.SQLITE_CANTOPEN) if flags & OPEN_CREATE and is_new(path) else OK

    def closed(self, file: int) -> None:
        pass

    def written(self, file: int, offset: int, content: bytes) -> int:
        return self._unless_full(sqlite3.SQLITE_FULL)

    def truncated(self, file: int, size_bytes: int) -> int:
        return OK

    def synced(self, file: int) -> int:
        return self._unless_full(sqlite3.SQLITE_IOERR_FSYNC)

    def deleted(self, path: str) -> int:
        return OK

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Of SQLite, and of what we write ourselves."""
        really_fsync, really_rename = os.fsync, os.rename

        def refuse_if_full() -> None:
            if self._unless_full(-1) != OK:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def fsync(handle: int) -> None:
            refuse_if_full()
            really_fsync(handle)

        def rename(source: Any, target: Any) -> None:
            refuse_if_full()
            really_rename(source, target)

        with patch("os.fsync", fsync), patch("os.rename", rename), watched(self):
            yield


def is_new(path: str) -> bool:
    """SQLite makes a file before it tells us."""
    return os.stat(path).st_size == 0


class Devices:
    """Two devices that keep what the gateway does not take, and send it again before anything else."""

    def __init__(self, directory: Path, disk: FullDisk) -> None:
        self._directory = directory
        self._disk = disk
        self._chance = Random(11)
        self._seq = 0
        self._held: list[StationEvent] = []
        self.sent: list[StationEvent] = []
        self.delivered: list[StationEvent] = []
        self.refusals = 0
        self.spool: Spool | None = None

    def run(self, rounds: int) -> None:
        for number in range(rounds):
            if self.spool is None:
                self._start()
            self._make()
            self._send()
            if number % 3 == 0 and self.spool is not None:
                self._deliver(self.spool)
            if number % 20 == 19 and self.spool is not None:
                self.spool.close()
                self.spool = None
            if self.refusals >= 4:
                self._disk.make_room()

    def settle(self) -> Spool:
        self._disk.make_room()
        if self.spool is None:
            self._start()
        assert self.spool is not None
        self._send()
        assert not self._held, "there is room"
        return self.spool

    def _start(self) -> None:
        try:
            self.spool = Spool(self._directory, SMALL)
        except SipeError:
            assert self._disk.is_full
            self.refusals += 1

    def _make(self) -> None:
        self._seq += 1
        for station in STATIONS:
            made = (unit if self._chance.random() < 0.3 else beat)(self._seq, station=station)
            self._held.append(made)
            self.sent.append(made)

    def _send(self) -> None:
        if self.spool is None:
            return
        try:
            self.spool.append(self._held)
        except NotTaken:
            assert self._disk.is_full
            assert self.spool.status.is_full
            self.refusals += 1
        else:
            assert not self.spool.status.is_full
            self._held = []

    def _deliver(self, spool: Spool) -> None:
        try:
            waiting = spool.take(10)
            self.delivered += decoded(waiting)
            spool.delivered(position for position, _, _ in waiting)
        except SipeError:
            assert self._disk.is_full
            self.refusals += 1
            spool.give_back()


@pytest.mark.skipif(not can_be_watched(), reason="SQLite is built into this Python: nobody can refuse it a write")
def test_at_whatever_write_the_disk_is_full_nothing_is_lost_and_all_goes_on(memory: Path) -> None:
    calm = FullDisk(1 << 62)
    with calm.in_place():
        devices = Devices(memory / "calm", calm)
        devices.run(50)
        devices.settle().close()
    assert devices.refusals == 0
    assert calm.writes > 500
    sites = Random(2).sample(range(calm.writes), min(TRIES, calm.writes))
    refusals = 0
    for site in sites:
        try:
            refusals += full_at(site, memory / str(site))
        except BaseException as error:
            error.add_note(f"the disk was full at write {site}")
            raise
        shutil.rmtree(memory / str(site))
    assert refusals > len(sites)


def full_at(site: int, directory: Path) -> int:
    disk = FullDisk(site)
    with disk.in_place():
        devices = Devices(directory, disk)
        devices.run(50)
        devices.settle().close()
    with Spool(directory, SMALL) as spool:
        found = contents(spool)
        assert spool.status.damaged_files == spool.status.damaged_rows == 0, "a full disk is no damage"
    there = [event for event in (*devices.delivered, *found) if not isinstance(event, GapDetected)]
    missing = {identity(event) for event in devices.sent} - {identity(event) for event in there}
    assert missing <= declared([*devices.delivered, *found])
    assert not any(is_kept(event) for event in devices.sent if identity(event) in missing)
    for station in STATIONS:
        order = [event.seq for event in found if event.station == station]
        assert order == sorted(set(order))
    return devices.refusals


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(path)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own needs the root user, and mount")
    yield path
    subprocess.run(["umount", str(path)], check=True)  # noqa: S607  our own path


ON_SMALL_DISK = SpoolLimits(
    bytes_max=50_000_000, telemetry_bytes_max=40_000_000, reserve_bytes=200_000, segment_bytes_max=100_000
)
"""More than there is: it is the disk that is full."""


def test_on_a_real_disk_telemetry_makes_room_and_traceability_has_the_reserve(small_disk: Path) -> None:
    with Spool(small_disk, ON_SMALL_DISK) as spool:
        sent = [beat(seq) for seq in range(1, 8_001)]
        for first in range(0, len(sent), 50):
            assert spool.append(sent[first : first + 50]) == 50, "telemetry is not refused"
        assert spool.status.dropped > 0
        assert spool.append([unit(seq) for seq in range(9_001, 9_101)]) == 100
        found = contents(spool)
    there = {identity(event) for event in found if not isinstance(event, GapDetected)}
    assert {identity(event) for event in sent} - there == declared(found)


def test_on_a_real_disk_traceability_is_refused_and_taken_when_there_is_room_again(small_disk: Path) -> None:
    taken = []
    with Spool(small_disk, ON_SMALL_DISK) as spool:
        with pytest.raises(NotTaken, match=r"took nothing: .*; is the disk full\?"):  # noqa: PT012  some appends fit
            for seq in range(1, 100_000, 20):
                group = [unit(number) for number in range(seq, seq + 20)]
                spool.append(group)
                taken += group
        assert spool.status.is_full
        assert len(taken) > 500
        assert contents(spool) == taken, "none of those that were refused"
    with Spool(small_disk, ON_SMALL_DISK) as spool:  # it starts on a full disk, too
        assert contents(spool) == taken
        while waiting := spool.take():
            spool.delivered(position for position, _, _ in waiting)
        assert spool.append(group) == 20
        assert spool.append([unit(200_000), beat(200_000)]) == 2
        assert not spool.status.is_full


def fill(path: Path) -> None:
    """Take all that is left of a disk."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_disk_that_others_fill_is_refused_and_recovered_from(small_disk: Path) -> None:
    others = small_disk / "others"
    with Spool(small_disk, ON_SMALL_DISK) as spool:
        assert spool.append([unit(1), beat(2)]) == 2
        fill(others)
        with pytest.raises(NotTaken):
            spool.append([unit(seq) for seq in range(3, 100)])
        assert [event.seq for event in contents(spool)][:1] == [1]
        others.unlink()
        assert spool.append([unit(seq) for seq in range(3, 100)]) == 97
        found = contents(spool)
        assert [event for event in found if is_kept(event) and not isinstance(event, GapDetected)] == [
            unit(1), *(unit(seq) for seq in range(3, 100)),
        ]  # fmt: skip
