"""A courier in virtual time: whatever the office and the network do, each event is there, or a dead letter."""

from __future__ import annotations

import pytest
from courier_world import OWN, TS_MS, World
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.pauses import Pauses
from edge.uplink.breaker import Breaker


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


def test_a_pause_that_is_drawn_as_nothing_ends(world: World) -> None:
    value = world.shelf.add()
    breaker = Breaker(Pauses(), lambda low, high: low, world.time.monotonic_s)
    world.tools = world.tools._replace(breaker=breaker)
    world.reopen()
    world.office.trouble = ["away"] * 3
    world.empty(within_s=60.0)
    assert world.office.seen == [value]


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
