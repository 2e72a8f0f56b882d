from __future__ import annotations

import threading
import time

import pytest

from connectors.kafka import ticker
from connectors.kafka.address import KafkaAddress
from connectors.kafka.sender import EventSender
from connectors.kafka.source import StationEventSource
from sipe.clock import ManualClock, SystemClock
from sipe.contracts.codec import decode
from sipe.contracts.events import ClockAdvanced
from sipe.contracts.topics import STATION_EVENTS_TOPIC

DEADLINE_S = 20.0
NOON_MS = 1_700_000_000_000

pytestmark = pytest.mark.stack


def ticks(address: KafkaAddress, end: int) -> list[int]:
    """The times that the first `end` records of partition 1 tell, as soon as they are there."""
    reader = StationEventSource(address, STATION_EVENTS_TOPIC.name, epoch=1).build_part("in", "1", None)
    times: list[int] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(times) < end:
        assert time.monotonic() < deadline
        for _, batch in reader.next_batch():
            for record in batch.records:
                event = decode(record.value)
                assert isinstance(event, ClockAdvanced)
                times.append(event.now_ms)
    reader.close()
    return times


def test_it_ticks_at_every_whole_second_until_stopped(address: KafkaAddress) -> None:
    stop = threading.Event()
    with EventSender(address) as sender:
        thread = threading.Thread(target=ticker.run, args=(sender, SystemClock(), stop))
        thread.start()
        times = ticks(address, 3)
        arrival_ms = time.time() * 1000
        stop.set()
        thread.join(1.0)
    assert not thread.is_alive()
    assert [now_ms - times[0] for now_ms in times[:3]] == [0, 1_000, 2_000]
    assert times[0] % 1_000 == 0
    assert 0 <= arrival_ms - times[2] < 1_000


def test_time_stands_still_while_the_clock_is_set_back(address: KafkaAddress) -> None:
    clock, stop = ManualClock(NOON_MS + 900), threading.Event()  # it always wants the next tick in 100 ms
    with EventSender(address) as sender:
        thread = threading.Thread(target=ticker.run, args=(sender, clock, stop))
        thread.start()
        assert set(ticks(address, 2)) == {NOON_MS}
        clock.advance(-3_600_000)
        assert set(ticks(address, 5)) == {NOON_MS}
        clock.set(NOON_MS + 5_900)
        ticks(address, 8)
        stop.set()
        thread.join(1.0)
        times = ticks(address, sender.ends()[1])
    assert times == sorted(times)
    assert set(times) == {NOON_MS, NOON_MS + 5_000}
