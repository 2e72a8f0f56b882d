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
from fault_system import FaultSystem, NewSystem, a_day, chunks, until
from test_producer_faults import poison

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


def test_told_to_stop_in_any_phase_the_flow_ends_in_time_and_loses_nothing(system: FaultSystem) -> None:
    day = a_day(54)
    dlq = STATION_EVENTS_DLQ_TOPIC
    parts = iter(chunks(day, 6))
    rests: list[float] = []
    stops: dict[str, float] = {}

    def stopped(phase: str) -> None:
        stops[phase] = system.terminate()

    def again() -> None:
        began = time.monotonic()
        system.start()
        system.catch_up()
        rests.append(time.monotonic() - began)

    def during(phase: str, begin: Callable[[], None], end: Callable[[], None]) -> None:
        begin()
        try:
            stopped(phase)
        finally:
            end()
        again()

    system.play(next(parts))
    system.catch_up()
    stopped("idle")
    system.start()
    stopped("starting")
    system.play(next(parts))
    again()
    stored = system.stored()
    system.play(next(parts))
    until(lambda: system.stored() != stored, "progress")
    stopped("working")
    again()

    def store_away() -> None:
        system.breakable_store.stop()
        system.play(next(parts))
        system.until_logged("next attempt in")

    during("store away", store_away, system.breakable_store.start)

    def letters_away() -> None:
        system.kafka.delete_topic(dlq.name)
        with system.sending() as sender:
            for value in poison("stranger.area.line.1", 1):
                sender.raw(b"stranger.area.line.1", value)
            sender.play(next(parts))
        system.until_logged("dead letters wait")

    during("dead letters away", letters_away, lambda: system.kafka.create_topic(dlq.name, 4, dlq.settings(1)))

    def broker_away() -> None:
        system.play(next(parts))
        system.kafka.freeze()

    during("broker frozen", broker_away, system.kafka.thaw)
    print({phase: round(took_s, 2) for phase, took_s in stops.items()})  # noqa: T201  shown when the test fails
    record("flow-drained", system.close_the_books(day.now_ms), met=len(stops), runs=len(stops), recovery_s=rests)
