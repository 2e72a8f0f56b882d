from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import waiting

from connectors.kafka.address import KafkaAddress
from connectors.kafka.sender import EventSender
from sipe.contracts.topics import STATION_EVENTS_TOPIC

FLOW = Path(__file__).with_name("resumable_flow.py")
DEADLINE_S = 30.0

pytestmark = pytest.mark.stack

Journal = list[tuple[int, int]]
wait_until = partial(waiting.until, timeout_s=DEADLINE_S)


@contextmanager
def running_flow(address: KafkaAddress, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [str(address), STATION_EVENTS_TOPIC.name, str(tmp_path / "recovery"), str(tmp_path / "journal")]
    with subprocess.Popen([sys.executable, str(FLOW), *arguments]) as flow:
        try:
            yield flow
        finally:
            flow.kill()


def journal(tmp_path: Path) -> Journal:
    """The complete lines; a killed writer may leave half a line, which the next one continues."""
    path = tmp_path / "journal"
    if not path.exists():
        return []
    lines = path.read_text().rpartition("\n")[0].splitlines()
    return [(int(partition), int(offset)) for partition, offset in (line.split() for line in lines)]


def has_written(tmp_path: Path, lines: int) -> Callable[[], bool]:
    """Asks whether so many lines are there."""
    return lambda: len(journal(tmp_path)) >= lines


class SteadySender(threading.Thread):
    """Ticks every millisecond at most, so that a kill always meets a flow at work."""

    def __init__(self, address: KafkaAddress) -> None:
        super().__init__()
        self._sender = EventSender(address)
        self._stop_asked = threading.Event()
        self.ticks = 0

    def run(self) -> None:
        while not self._stop_asked.wait(0.001):
            self._sender.tick(self.ticks)
            self.ticks += 1

    def ends(self) -> dict[int, int]:
        """Stop; what is in the log then."""
        self._stop_asked.set()
        self.join(DEADLINE_S)
        return self._sender.ends()


@pytest.mark.long
def test_a_killed_flow_goes_on_at_its_snapshot_and_loses_nothing(address: KafkaAddress, tmp_path: Path) -> None:
    starts: list[Journal] = []
    sender = SteadySender(address)
    sender.start()

    def read_live() -> bool:
        """The flow has caught up with at least 300 ms of what was sent since `live_from`: six snapshots."""
        return all(max((o for p, o in journal(tmp_path) if p == part), default=0) > live_from + 300 for part in (0, 1))

    for _ in range(3):
        before = len(journal(tmp_path))
        with running_flow(address, tmp_path) as flow:
            wait_until(has_written(tmp_path, before + 1), "it goes on")
            live_from = sender.ticks
            wait_until(read_live, "it has caught up")
            flow.kill()
        starts.append(journal(tmp_path)[before:])
    ends = sender.ends()

    before = len(journal(tmp_path))
    with running_flow(address, tmp_path) as flow:
        wait_until(
            lambda: {(partition, end - 1) for partition, end in ends.items()} <= set(journal(tmp_path)),
            "it has read all",
        )
        flow.terminate()
        assert flow.wait(DEADLINE_S) == 0
    starts.append(journal(tmp_path)[before:])

    everything = journal(tmp_path)
    assert set(everything) == {(partition, offset) for partition, end in ends.items() for offset in range(end)}
    assert len(everything) > len(set(everything)), "a kill should have made the flow repeat some work"
    for start in starts[1:]:
        assert min(offset for _, offset in start) > 0, "the flow should have gone on, not begun anew"
    for start in starts:
        for partition in ends:
            offsets = [offset for number, offset in start if number == partition]
            assert offsets == list(range(offsets[0], offsets[-1] + 1)), "each run reads without gap or repeat"


@pytest.mark.long
def test_a_terminated_flow_saves_its_position_and_repeats_nothing(address: KafkaAddress, tmp_path: Path) -> None:
    for number in range(1, 4):
        with EventSender(address) as sender:
            for now_ms in range(100):
                sender.tick(now_ms)
        with running_flow(address, tmp_path) as flow:
            wait_until(has_written(tmp_path, 200 * number), "it has read all that was sent")
            flow.terminate()
            assert flow.wait(DEADLINE_S) == 0
    assert sorted(journal(tmp_path)) == [(partition, offset) for partition in range(2) for offset in range(300)]
