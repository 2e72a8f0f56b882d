"""Several threads use one spool: what they append shares commits, and each hears of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import pytest
from spool_events import STATIONS, Identity, contents, decoded, identity, unit

from edge.spool import NotTaken, Spool, SpoolLimits
from edge.spool.group_commit import Call, GroupCommit
from sipe.contracts.events import GapDetected, StationEvent
from sipe.errors import SipeError

SMALL = SpoolLimits(bytes_max=2_000_000, telemetry_bytes_max=500_000, reserve_bytes=0, segment_bytes_max=8_000)


def station_of(thread: int) -> str:
    return f"{STATIONS[0]}-{thread}"


def test_all_that_several_threads_append_is_delivered_once_and_in_the_order_of_each(tmp_path: Path) -> None:
    threads, rounds = 8, 40
    delivered: list[StationEvent] = []
    left = threading.Semaphore(0)

    def append(thread: int) -> int:
        groups = ([unit(2 * n, station=station_of(thread)), unit(2 * n + 1, station=station_of(thread))]
                  for n in range(1, rounds + 1))  # fmt: skip
        new = sum(spool.append(group) for group in groups)
        left.release()
        return new

    def deliver() -> None:
        finished = 0
        while True:
            finished += left.acquire(blocking=False)
            waiting = spool.take(25)
            if not waiting and finished == threads:
                return
            delivered.extend(decoded(waiting))
            spool.delivered(position for position, _, _ in waiting)

    with Spool(tmp_path, SMALL) as spool, ThreadPoolExecutor(threads + 1) as pool:
        delivering = pool.submit(deliver)
        assert list(pool.map(append, range(threads))) == [2 * rounds] * threads
        delivering.result()
        assert spool.waiting_bytes == 0
    for station, events in groupby(sorted(delivered, key=lambda event: event.station), key=lambda event: event.station):
        assert [event.seq for event in events] == list(range(2, 2 * rounds + 2)), station
    assert len(delivered) == 2 * rounds * threads


def test_numbers_are_given_once_whoever_asks(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool, ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: spool.next_identity(STATIONS[0], "gateway"), range(400)))
    assert sorted(given) == [(1, seq) for seq in range(1, 401)]


def test_who_has_no_room_is_refused_alone(tmp_path: Path) -> None:
    """Whatever shares a commit with it."""
    little = SpoolLimits(bytes_max=20_000, telemetry_bytes_max=5_000, reserve_bytes=0, segment_bytes_max=5_000)
    with Spool(tmp_path, little) as spool, ThreadPoolExecutor(5) as pool:
        too_much = pool.submit(spool.append, [unit(seq, station=station_of(9)) for seq in range(1, 500)])
        others = [pool.submit(spool.append, [unit(1, station=station_of(thread))]) for thread in range(4)]
        assert [other.result() for other in others] == [1] * 4
        with pytest.raises(NotTaken, match="is full"):
            too_much.result()
        assert {identity(event) for event in contents(spool)} == {
            Identity(station_of(thread), "device", 1, 1) for thread in range(4)
        }


class Disk:
    """Commits when it is told to, and remembers what shared one."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.failure: Exception | None = None

    def commit(self, calls: Sequence[Call]) -> None:
        self.groups.append([event.seq for call in calls for event in call.events])
        self.begun.release()
        assert self.may.acquire(timeout=60)
        if self.failure is not None:
            raise self.failure
        for call in calls:
            call.new = len(call.events)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = threading.Event()
    for _ in range(6_000):
        if holds():
            return
        deadline.wait(0.01)
    raise AssertionError("it took more than a minute")


def test_what_comes_while_a_commit_waits_for_the_disk_is_one_commit() -> None:
    disk = Disk()
    group = GroupCommit(disk.commit, wait_ms=60_000, events_max=5)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(group.append, [unit(1)])
        assert disk.begun.acquire(timeout=60), "who is alone does not wait for others"
        others = []
        for seq in range(2, 7):
            others.append(pool.submit(group.append, [unit(seq)]))
            wait_until(lambda: len(group._calls) == len(others))
        assert not first.done(), "it is not on the disk"
        disk.may.release(2)
        assert [call.result(timeout=60) for call in (first, *others)] == [1] * 6
    assert disk.groups == [[1], [2, 3, 4, 5, 6]]


def test_a_commit_waits_for_as_many_as_the_last_one_had(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    disk.may.release(100)
    group = GroupCommit(disk.commit, wait_ms=60_000, events_max=100)
    monkeypatch.setattr(group, "_expected", 3)
    with ThreadPoolExecutor(3) as pool:
        calls = []
        for seq in range(1, 4):
            assert not disk.groups
            calls.append(pool.submit(group.append, [unit(seq)]))
            wait_until(lambda: bool(disk.groups) or len(group._calls) == len(calls))
        assert [call.result(timeout=60) for call in calls] == [1] * 3
    assert disk.groups == [[1, 2, 3]]


def test_a_commit_waits_for_others_only_so_long_and_for_so_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    disk.may.release(100)
    for wait_ms, events_max in ((50, 100), (60_000, 1)):
        group = GroupCommit(disk.commit, wait_ms=wait_ms, events_max=events_max)
        monkeypatch.setattr(group, "_expected", 3)
        assert group.append([unit(1)]) == 1


def test_a_commit_that_is_broken_off_is_an_error_for_all_that_wait_for_it() -> None:
    disk = Disk()
    group = GroupCommit(disk.commit, wait_ms=60_000, events_max=2)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(group.append, [unit(1)])
        assert disk.begun.acquire(timeout=60)
        others = [pool.submit(group.append, [unit(seq)]) for seq in (2, 3)]
        wait_until(lambda: len(group._calls) == 2)
        disk.may.release()
        assert first.result(timeout=60) == 1
        disk.failure = RuntimeError("by accident")
        disk.may.release()
        errors = [type(call.exception(timeout=60)) for call in others]
        assert sorted(error.__name__ for error in errors) == ["RuntimeError", "SipeError"]
        disk.failure = None
        disk.may.release()
        assert group.append([unit(4), unit(5)]) == 2, "the next one is not held up"


def test_a_spool_that_is_closed_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([unit(1)])
    spool.close()
    spool.close()
    for use in (lambda: spool.append([unit(2)]), spool.take, spool.give_back, lambda: spool.delivered([1])):
        with pytest.raises(SipeError, match="is closed"):
            use()
    with Spool(tmp_path) as again:
        assert not any(isinstance(event, GapDetected) for event in contents(again))
