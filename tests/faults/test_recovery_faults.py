"""What the flow has saved is lost, damaged or cannot be written; and the flow is told to stop, at whatever it is."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from fault_record import record
from fault_system import INSERT_FAILED, FaultSystem, NewSystem, a_day, chunks, make_topic, until
from test_producer_faults import poison

from models.twin.day import Day
from pipelines.runtime.recovery import set_aside
from sipe.contracts.topics import STATION_EVENTS_DLQ_TOPIC, STATION_EVENTS_TOPIC

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.needs("kafka"), pytest.mark.timeout(400)]


def test_a_lost_state_comes_back_from_the_archive_though_the_log_no_longer_has_it(system: FaultSystem) -> None:
    day = a_day(51)
    first, second, third = chunks(day, 3)
    system.play([*first, *second])
    system.catch_up()
    system.kill()
    shutil.rmtree(system.recovery_dir)
    stored = system.stored()
    deleted = [TopicPartition(STATION_EVENTS_TOPIC.name, number, end) for number, end in stored.items()]
    admin = system.kafka.admin()
    for done in admin.delete_records(deleted).values():
        done.result(60.0)
    system.play(third)
    began = time.monotonic()
    system.start()
    system.catch_up()
    recovery_s = time.monotonic() - began
    assert "what the archive holds of this log is the state" in system.log
    record("recovery-lost", system.close_the_books(day.now_ms), met=1, recovery_s=[recovery_s])


def test_a_damaged_state_is_refused_and_rebuilt_when_somebody_says_so(system: FaultSystem) -> None:
    day = a_day(52)
    first, second = chunks(day, 2)
    system.play(first)
    system.catch_up()
    until(lambda: system.snapshots() > 0, "a snapshot")
    system.flow.stop()
    stored = system.stored()
    parts = list(system.recovery_dir.rglob("part-*.sqlite3"))
    for part in parts:
        part.write_bytes(part.read_bytes()[:4096] + bytes(4096) + part.read_bytes()[8192:])
    system.play(second)
    alarm = system.alarm_of(system.another_flow(crashes_max=1))
    assert re.search(r"part-0\.sqlite3 cannot be used .*sipe up --rebuild-state", alarm)
    assert system.stored() == stored, "it went on with a damaged state"
    assert set_aside(system.settings.data_dir, system.settings.log_epoch) is not None  # what --rebuild-state does
    began = time.monotonic()
    system.start()
    system.catch_up()
    recovery_s = time.monotonic() - began
    record("recovery-corrupt", system.close_the_books(day.now_ms), met=len(parts), recovery_s=[recovery_s])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, where the flow saves its state."""
    path = tmp_path / "flow" / "data"
    path.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(path)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own needs the root user, and mount")
    yield path
    subprocess.run(["umount", str(path)], check=True)  # noqa: S607  our own path


def test_on_a_full_disk_the_flow_stops_and_goes_on_when_there_is_room(small_disk: Path, new_system: NewSystem) -> None:
    day = a_day(53)
    first, second, third = chunks(day, 3)
    system = new_system()
    assert system.settings.data_dir == small_disk
    system.flow = system.another_flow(crashes_max=1)
    system.flow.start()
    system.play(first)
    system.catch_up()
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        fill(filler)
    system.play(second)
    alarm = system.alarm_of(system.flow, started=True)
    assert re.search(r"the saved state in .* cannot be used \(.*(full|disk I/O error)", alarm)
    filler.unlink()
    system.play(third)
    began = time.monotonic()
    system.start()
    system.catch_up()
    recovery_s = time.monotonic() - began
    record("recovery-disk-full", system.close_the_books(day.now_ms), met=1, recovery_s=[recovery_s])
    system.stop()


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


def test_told_to_stop_while_it_starts_idles_and_works_the_flow_ends_in_time(system: FaultSystem) -> None:
    day = a_day(54)
    first, second, third = chunks(day, 3)
    system.play(first)
    system.catch_up()
    system.terminate()
    system.start()
    system.terminate()
    system.play(second)
    recovery_s = [again(system, day)]
    stored = system.stored()
    system.play(third)
    until(lambda: system.stored() != stored, "progress")
    system.terminate()
    recovery_s.append(again(system, day))
    record("flow-drained", system.close_the_books(day.now_ms), met=3, runs=3, recovery_s=recovery_s)


def test_told_to_stop_while_a_server_is_away_the_flow_ends_in_time(system: FaultSystem) -> None:
    day = a_day(55)
    first, second, third, fourth = chunks(day, 4)
    system.play(first)
    system.catch_up()

    def store_away() -> None:
        system.breakable_store.stop()
        system.play(second)
        system.until_logged(INSERT_FAILED)

    def letters_away() -> None:
        system.kafka.delete_topic(STATION_EVENTS_DLQ_TOPIC.name)
        with system.sending() as sender:
            for value in poison("stranger.area.line.1", 1):
                sender.raw(b"stranger.area.line.1", value)
            sender.play(third)
        system.until_logged("dead letters wait")

    def broker_away() -> None:
        system.play(fourth)
        system.kafka.freeze()

    faults: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (store_away, system.breakable_store.start),
        (letters_away, lambda: make_topic(system.kafka, STATION_EVENTS_DLQ_TOPIC)),
        (broker_away, system.kafka.thaw),
    ]
    recovery_s = []
    for begin, end in faults:
        try:
            begin()
            system.terminate()
        finally:
            end()
        recovery_s.append(again(system, day))
    balance = system.close_the_books(day.now_ms)
    record("flow-drained", balance, met=len(faults), runs=len(faults), recovery_s=recovery_s)


def again(system: FaultSystem, day: Day) -> float:
    """Start a flow that was stopped; returns how long it took until all is stored, in s."""
    with system.sending() as sender:
        sender.tick(day.from_ms)  # something to store, so that the flow is seen to work
    began = time.monotonic()
    system.start()
    system.catch_up()
    return time.monotonic() - began
