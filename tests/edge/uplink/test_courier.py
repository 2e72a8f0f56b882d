"""Couriers in virtual time, between a list as outbox and an office that does all that offices and networks do."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.client.problems import NO_PROBLEM_DOCUMENT, Invalid, Unauthenticated, Unreached
from edge.client.shapes.events import Batch, Lines, RejectedLine
from edge.pauses import Pauses
from edge.uplink.breaker import Breaker
from edge.uplink.bucket import Bucket
from edge.uplink.courier import Courier, Pace, Tools
from edge.uplink.letters import Letter
from edge.uplink.tally import Tally
from sipe.errors import SipeError

STATION = "manaus.final.line-1.cal-1"
OWN = "gateway"
"""The source whose boots the gateway itself counts."""
TS_MS = 1_700_000_000_000


class Row(NamedTuple):
    position: int
    source: str
    boot: int
    seq: int
    message: bytes
    ts_ms: int
    first_missing: int = 0


class Time:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_ms(self) -> int:
        return int(1_700_000_000_000 + self.now_s * 1_000)


class Shelf:
    """An outbox in memory: an event's bytes name it."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.boot = 1
        self.seqs: Counter[tuple[str, int]] = Counter()
        self.position = 0
        self.is_full = False

    def add(self, source: str = OWN, boot: int | None = None, mark: str = "") -> bytes:
        boot = boot if boot is not None else self.boot
        self.position += 2
        self.seqs[source, boot] += 1
        seq = self.seqs[source, boot]
        value = f"{mark}{source} {boot} {seq}".encode()
        self.rows[self.position] = Row(self.position, source, boot, seq, value, TS_MS)
        return value

    def read(self, after: int, limit: int) -> list[Row]:
        found = (row for at, row in self.rows.items() if at > after)
        return list(islice(found, limit))

    def boots(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in self.rows.values():
            found[row.source] = max(found.get(row.source, 0), row.boot)
        return found

    def new_boot(self) -> None:
        self.boot += 1

    def delivered(self, positions: Iterable[int]) -> None:
        if self.is_full:
            raise SipeError("the disk is full")
        for position in positions:
            del self.rows[position]


class Kept:
    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def keep(self, letters: list[Letter]) -> None:
        self.letters += letters


class Office:
    """Takes lines, unless `trouble` says what else happens to the next batches."""

    def __init__(self, lines_max: int = 10_000) -> None:
        self.seen: list[bytes] = []
        self.trouble: list[str] = []
        self.asked = 0
        self.lines_max = lines_max
        self.largest = 0

    def send_events(self, body: bytes) -> Batch:
        self.asked += 1
        lines = body.split(b"\n")
        trouble = self.trouble.pop(0) if self.trouble else ""
        match trouble:
            case "away":
                raise Unreached(503, "unreached", "nobody there")
            case "page":
                raise Invalid(413, NO_PROBLEM_DOCUMENT, "a proxy's page")
            case "torn":
                raise Invalid(422, "truncated", "the compressed batch ends before it is complete")
            case "stranger":
                raise Unauthenticated(401, "token", "enrol again")
            case "wait":
                raise Unreached(429, "too_fast", "wait", retry_after_s=7.0)
        if any(line.startswith(b"huge ") for line in lines):
            raise Invalid(413, "too_big", "an event is too big")
        if len(lines) > self.lines_max:
            raise Invalid(413, "too_many", "send it in parts")
        self.largest = max(self.largest, len(lines))
        refused = [n for n, line in enumerate(lines, start=1) if line.startswith(b"wrong ")]
        good = [n for n in range(1, len(lines) + 1) if n not in refused]
        kept, lost = (good[: len(good) // 2], good[len(good) // 2 :]) if trouble == "half" else (good, [])
        self.seen += [lines[n - 1] for n in kept]
        if trouble == "lost":
            raise Unreached(503, "unreached", "no answer")
        return Batch(
            accepted=tuple(Lines(first=n, last=n) for n in kept),
            known=(),
            not_sent=tuple(Lines(first=n, last=n) for n in lost),
            rejected=tuple(RejectedLine(line=n, reason="schema", detail="no event") for n in refused),
        )


class World:
    def __init__(self, *, late_per_s: float = 1_000.0, seed: int = 1, **pace: float) -> None:
        self.time, self.shelf, self.kept, self.office = Time(), Shelf(), Kept(), Office()
        self.tally = Tally(Path(":memory:"), self.time.wall_ms)
        draw = random.Random(seed).uniform
        self.tools = Tools(
            letters=self.kept,
            breaker=Breaker(Pauses(), draw, self.time.monotonic_s),
            bucket=Bucket(late_per_s, self.time.monotonic_s),
            pauses=Pauses(),
            draw=draw,
            monotonic_s=self.time.monotonic_s,
            wall_ms=self.time.wall_ms,
        )
        self.pace = Pace(**pace)  # type: ignore[arg-type]  # numbers, as it wants them
        self.courier = self.reopen()

    def reopen(self) -> Courier:
        """As after a start of the gateway."""
        self.courier = Courier(STATION, self.office, self.shelf, self.tally, self.tools, pace=self.pace)
        return self.courier

    def go(self, seconds: float) -> None:
        until_s = self.time.now_s + seconds
        while self.time.now_s < until_s:
            self.time.now_s += max(0.01, self.courier.step())

    def empty(self, within_s: float = 3_600.0) -> None:
        until_s = self.time.now_s + within_s
        while self.shelf.rows:
            assert self.time.now_s < until_s, f"{len(self.shelf.rows)} events are stuck: {self.courier.status}"
            self.time.now_s += max(0.01, self.courier.step())

    def first_arrivals(self) -> dict[bytes, list[int]]:
        """By sender, the numbers of its events in the order in which the office saw each for the first time."""
        numbers: dict[bytes, list[int]] = defaultdict(list)
        for value in dict.fromkeys(self.office.seen):
            sender, _, seq = value.rpartition(b" ")
            numbers[sender].append(int(seq))
        return numbers


@pytest.fixture
def world() -> World:
    return World()


def test_what_waits_is_brought_in_order_and_let_go(world: World) -> None:
    values = [world.shelf.add() for _ in range(1_234)]
    world.empty()
    assert world.office.seen == values
    assert world.courier.status.state == "sending"
    world.go(1.0)
    assert (world.courier.status.state, world.courier.status.delivered) == ("idle", 1_234)


def test_an_answer_that_was_lost_costs_a_second_telling_and_nothing_else(world: World) -> None:
    values = [world.shelf.add() for _ in range(10)]
    world.office.trouble = ["lost"]
    world.empty()
    assert world.office.seen == values * 2


def test_events_that_are_refused_become_dead_letters_and_hold_nobody_up(world: World) -> None:
    good = [world.shelf.add() for _ in range(5)]
    wrong = world.shelf.add(mark="wrong ")
    huge = world.shelf.add(mark="huge ")
    good += [world.shelf.add() for _ in range(5)]
    world.empty()
    assert [(letter.value, letter.reason) for letter in world.kept.letters] == [(wrong, "schema"), (huge, "too_big")]
    assert world.office.seen == good
    assert world.courier.status.letters == 2


def test_an_office_that_takes_less_at_once_gets_less_at_once(world: World) -> None:
    world.office.lines_max = 30
    values = [world.shelf.add() for _ in range(500)]
    world.empty()
    assert world.office.seen == values
    assert world.office.largest <= 30
    assert not world.kept.letters


@pytest.mark.parametrize("trouble", ["page", "torn"])
def test_what_was_not_said_by_the_office_refuses_nothing(world: World, trouble: str) -> None:
    value = world.shelf.add()
    world.office.trouble = [trouble] * 5
    world.empty()
    assert (world.office.seen, world.kept.letters) == ([value], [])


def test_a_device_that_was_revoked_keeps_its_events_and_asks_now_and_then(world: World) -> None:
    values = [world.shelf.add() for _ in range(3)]
    world.office.trouble = ["stranger"] * 1_000
    world.go(3_600.0)
    assert world.courier.status.state == "refused"
    assert "enrol again" in world.courier.status.problem
    assert 30 <= world.office.asked <= 90
    world.office.trouble = []
    world.empty()
    assert world.office.seen == values


def test_a_device_that_is_too_fast_waits_as_long_as_it_is_told(world: World) -> None:
    world.shelf.add()
    world.office.trouble = ["wait"]
    assert world.courier.step() >= 7.0
    assert not world.tools.breaker.is_open, "the other stations are none the slower"


def test_a_disk_that_is_full_is_a_pause(world: World) -> None:
    world.shelf.add()
    world.shelf.is_full = True
    world.go(60.0)
    assert "disk is full" in world.courier.status.problem
    world.shelf.is_full = False
    world.empty()


def test_an_office_that_is_away_is_asked_ever_more_rarely(world: World) -> None:
    world.shelf.add()
    world.office.trouble = ["away"] * 100_000
    world.go(3_600.0)
    assert 60 <= world.office.asked <= 240, "about twice a minute, at random"


def test_after_an_outage_what_is_new_does_not_wait_behind_what_is_late() -> None:
    world = World(late_per_s=20.0)
    world.office.trouble = ["away"] * 100_000
    for _ in range(2_000):
        world.shelf.add()
        world.shelf.add(source="esp32", boot=3)
    world.go(600.0)
    world.office.trouble = []
    world.go(90.0)  # the breaker lets somebody ask within this time
    assert world.courier.status.late
    waited_s: list[float] = []
    while world.courier.status.late:
        value, born_s = world.shelf.add(), world.time.now_s
        while value not in world.office.seen[-2_000:]:
            world.time.now_s += max(0.05, world.courier.step())
        waited_s.append(world.time.now_s - born_s)
    assert len(waited_s) > 20
    assert max(waited_s) < 2.0
    world.empty()
    assert all(numbers == sorted(numbers) for numbers in world.first_arrivals().values())


def test_what_a_gateway_finds_of_its_last_run_is_late(world: World) -> None:
    old = [world.shelf.add() for _ in range(2_000)]
    world.shelf.new_boot()
    world.reopen()
    new = world.shelf.add()
    world.courier.step()
    assert world.office.seen[0] == new
    world.empty()
    assert world.office.seen[1:] == old
    world.go(1.0)
    assert not world.courier.status.late


STORIES = st.tuples(
    st.lists(st.sampled_from(["", "", "", "", "wrong ", "huge "]), min_size=1, max_size=60),
    st.sets(st.integers(0, 30), max_size=3),
)
"""Events, by what is wrong with them, and behind which of them the gateway starts again."""
TROUBLES = st.lists(st.sampled_from(["", "", "away", "lost", "half", "page", "torn", "wait", "stranger"]), max_size=30)


@settings(deadline=None)
@given(
    story=STORIES,
    trouble=TROUBLES,
    lines_max=st.integers(1, 40),
    events_max=st.integers(1, 20),
    seed=st.integers(0, 1_000),
)
def test_whatever_happens_every_event_is_with_the_office_or_a_dead_letter_and_each_sender_in_order(
    story: tuple[list[str], set[int]], trouble: list[str], lines_max: int, events_max: int, seed: int
) -> None:
    marks, starts = story
    world = World(seed=seed, events_max=events_max, late_after_s=3.0)
    world.office.trouble, world.office.lines_max = list(trouble), lines_max
    sent: dict[bytes, str] = {}
    for number, mark in enumerate(marks):
        sent[world.shelf.add(source=(OWN, "esp32")[number % 2], boot=None if number % 2 == 0 else 5, mark=mark)] = mark
        world.time.now_s += max(0.01, world.courier.step())
        if number in starts:
            world.shelf.new_boot()
            world.reopen()
    world.empty(within_s=100_000.0)
    good = [value for value, mark in sent.items() if not mark]
    letters = [letter.value for letter in world.kept.letters]
    assert set(world.office.seen) == set(good)
    assert sorted(letters) == sorted(value for value, mark in sent.items() if mark)
    assert all(numbers == sorted(numbers) for numbers in world.first_arrivals().values())
    assert world.courier.status.letters <= len(letters)
    noted = {
        outcome: {
            f"{run.source} {run.boot} {seq}".encode()
            for run in world.tally.runs(0, TS_MS + 1)
            if run.outcome == outcome
            for seq in range(run.first, run.last + 1)
        }
        for outcome in ("taken", "refused")
    }
    assert noted["taken"] == set(good)
    assert noted["refused"] == {value.removeprefix(mark.encode()) for value, mark in sent.items() if mark}
