"""What producers do wrong: doubled and shuffled events, wrong clocks, poison, other versions of the schema."""

from __future__ import annotations

import json
import random

import msgspec
import pytest
from fault_record import record
from fault_system import FaultSystem, NewSystem, a_day, chunks, make_topic

from models.twin.day import Day
from sipe.clock import SystemClock
from sipe.contracts.codec import encode
from sipe.contracts.events import StationEvent
from sipe.contracts.script import Tick
from sipe.contracts.topics import STATION_EVENTS_DLQ_TOPIC

HOUR_MS = 3_600_000
YEAR_MS = 366 * 24 * HOUR_MS
TIMES = 10

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.needs("kafka"), pytest.mark.timeout(300)]


def outcomes(system: FaultSystem, outcome: str) -> int:
    query = "SELECT count() AS n FROM events FINAL WHERE outcome = %(outcome)s"
    return int(system.store.rows(query, {"outcome": outcome})[0]["n"])


def rejects(system: FaultSystem) -> dict[str, int]:
    rows = system.store.rows("SELECT reason, count() AS n FROM rejects FINAL GROUP BY reason")
    return {row["reason"]: row["n"] for row in rows}


def test_everything_ten_times_and_shuffled_counts_once(system: FaultSystem) -> None:
    day, rng = a_day(41, scale=0.02), random.Random(41)
    for chunk in chunks(day, 3):
        events = [item.event for item in chunk if not isinstance(item, Tick)] * TIMES
        rng.shuffle(events)
        with system.sending() as sender:
            for event in events:
                sender.event(event)
            sender.tick(max(item.now_ms for item in chunk if isinstance(item, Tick)))
        system.catch_up()
    balance = system.close_the_books(day.now_ms)
    record("duplicates", balance, met=outcomes(system, "duplicate"))


def wrong_clock(system: FaultSystem, day: Day, by_ms: int) -> int:
    """Play a day in which, from its middle on, the clock of one device is wrong; returns how many events it told."""
    station = day.plant.stations[-1].id
    middle_ms = (day.from_ms + day.to_ms) // 2
    told = 0
    for chunk in chunks(day, 3):
        with system.sending() as sender:
            for item in chunk:
                if isinstance(item, Tick):
                    sender.tick(item.now_ms)
                    continue
                event = item.event
                if event.station == station and event.source == "device" and event.ts_ms > middle_ms:
                    told += 1
                    event = msgspec.structs.replace(event, ts_ms=event.ts_ms + by_ms)
                sender.event(event)
        system.catch_up()
    return told


def test_a_clock_that_is_a_year_ahead_harms_no_other_station(system: FaultSystem) -> None:
    day = a_day(42)
    told = wrong_clock(system, day, SystemClock().now_ms() - day.from_ms + YEAR_MS)
    balance = system.close_the_books(day.now_ms)
    assert rejects(system).get("clock_future", 0) > 0
    assert 0 < told <= balance.dead_lettered
    record("clock-ahead", balance, met=told)


def test_a_clock_that_is_an_hour_behind_is_late_and_not_lost(system: FaultSystem) -> None:
    day = a_day(43)
    told = wrong_clock(system, day, -HOUR_MS)
    balance = system.close_the_books(day.now_ms)
    assert balance.dead_lettered == 0
    record("clock-behind", balance, met=told)


def poison(station: str, seq: int) -> dict[bytes, str]:
    """Messages under a station's key that are no events of it, each with the reason for which it is rejected."""
    beat = b'{"type":"heartbeat","station":"%s","boot":1,"seq":%d,"ts_ms":%d}'
    key = station.encode()
    return {
        b"not json %d" % seq: "undecodable",
        b'{"type":"heartbeat","n":%d,"note":"\xff\xfe"}' % seq: "undecodable",
        b'{"type":"heartbeat","n":%d}' % seq: "schema",
        b'{"type":"abduction","station":"%s","boot":1,"seq":%d,"ts_ms":1}' % (key, seq): "unknown_type",
        beat % (b"another.plant.or.line", seq, 1): "key_mismatch",
        beat % (key, seq, SystemClock().now_ms() + HOUR_MS): "clock_future",
    }


def test_poison_among_good_events_is_kept_and_skews_nothing(system: FaultSystem) -> None:
    day = a_day(44)
    strangers = [f"stranger.area.line.{number}" for number in range(5)]
    sent = 0
    for number, chunk in enumerate(chunks(day, 3)):
        with system.sending() as sender:
            sender.play(chunk[: len(chunk) // 2])
            for station in strangers:
                for value in poison(station, 1 + number):
                    sender.raw(station.encode(), value)
                    sent += 1
            sender.play(chunk[len(chunk) // 2 :])
        system.catch_up()
    balance = system.close_the_books(day.now_ms)
    assert set(poison("x", 1).values()) <= rejects(system).keys()
    assert balance.dead_lettered == sent
    record("poison", balance, met=sent)


def test_a_bad_deploy_stops_the_flow_until_a_person_lets_it_go_on(new_system: NewSystem) -> None:
    """Most senders of a partition send nothing but rejects: not they are broken, but what was deployed, or the flow."""
    day = a_day(47)
    first, second = chunks(day, 2)
    deployed = [f"deployed.area.line.{number}" for number in range(40)]
    system = new_system()
    system.flow = system.another_flow(crashes_max=1)
    system.flow.start()
    system.play(first)
    system.catch_up()
    with system.sending() as sender:
        for number in range(30):
            for station in deployed:
                sender.raw(station.encode(), b'{"type":"heartbeat","station":"%s","n":%d}' % (station.encode(), number))
        sender.play(second)
    alarm = system.alarm_of(system.flow, started=True)
    assert "SIPE_STOP_ON_POISON=0" in alarm
    assert any(system.stored().get(number, 0) < end for number, end in system.ends.items()), "it did not stop"
    system.flow = system.another_flow(stop_on_poison=False)
    system.flow.start()
    recovery_s = system.catch_up()
    balance = system.close_the_books(day.now_ms)
    assert balance.dead_lettered >= 30 * len(deployed)
    record("all-poison", balance, met=1, recovery_s=[recovery_s])


def test_producers_of_two_versions_of_the_schema_are_served(system: FaultSystem) -> None:
    """A newer producer sends fields that nobody here knows, and a type that nobody knows: the first are read over."""
    day = a_day(45)
    newer = day.plant.stations[0].id
    v2 = unknown = 0
    for chunk in chunks(day, 3):
        with system.sending() as sender:
            value = b'{"type":"mood_changed","station":"%s","boot":9,"seq":%d,"ts_ms":1}' % (newer.encode(), v2 + 1)
            sender.raw(newer.encode(), value)
            unknown += 1
            for item in chunk:
                if isinstance(item, Tick):
                    sender.tick(item.now_ms)
                elif item.event.station == newer:
                    sender.encoded(item.event, of_version_2(item.event))
                    v2 += 1
                else:
                    sender.event(item.event)
        system.catch_up()
    balance = system.close_the_books(day.now_ms)
    assert rejects(system) == {"unknown_type": unknown}
    record("schema-versions", balance, met=v2)


def of_version_2(event: StationEvent) -> bytes:
    fields = json.loads(encode(event))
    return json.dumps(fields | {"schema": 2, "mood": {"level": 3}, "tags": ["a", "b"]}).encode()


def test_while_dead_letters_cannot_be_written_nothing_goes_on_and_nothing_is_dropped(system: FaultSystem) -> None:
    day = a_day(46)
    first, second = chunks(day, 2)
    system.play(first)
    system.catch_up()
    system.kafka.delete_topic(STATION_EVENTS_DLQ_TOPIC.name)
    with system.sending() as sender:
        for number in range(4):
            for value in poison(f"stranger.area.line.{number}", number + 1):
                sender.raw(f"stranger.area.line.{number}".encode(), value)
        sender.play(second)
    waiting = system.until_logged("dead letters wait")
    assert not system.caught_up()
    assert rejects(system) == {}, "the store counts rejects that have no letter"
    make_topic(system.kafka, STATION_EVENTS_DLQ_TOPIC)
    recovery_s = system.catch_up()
    balance = system.close_the_books(day.now_ms)
    record("dlq-not-writable", balance, met=waiting, recovery_s=[recovery_s])
