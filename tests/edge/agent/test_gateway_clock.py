"""What time it is for a gateway, whatever happens to the clock of its machine; both of its clocks are the test's."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate

import pytest
from desk_post import Post
from hypothesis import given
from hypothesis import strategies as st
from shop import ASSEMBLY
from station_day import day, events
from web import Web

from edge.client.calls import Client
from edge.client.session import Token
from edge.client.shapes import Contract
from edge.clock import SKEW_MAX_MS, ClockStatus, GatewayClock, in_words, is_synchronized, system_ms, uptime_ms
from edge.desk.desk import Unit
from edge.spool import Spool
from edge.stations.recorder import Notes
from sipe.clock import ManualClock
from sipe.contracts.codec import CLOCK_SET_MS_MIN
from sipe.contracts.events import CycleCompleted

NOW_MS = 1_795_000_000_000
HOUR_MS, YEAR_MS = 3_600_000, 365 * 86_400_000


class Machine:
    """A machine that was started three minutes ago."""

    def __init__(self, system_ms: int = NOW_MS) -> None:
        self.system, self.uptime = ManualClock(system_ms), ManualClock(180_000)
        self.is_synchronized = True
        self.clock = GatewayClock(
            system_ms=self.system.now_ms, uptime_ms=self.uptime.now_ms, is_synchronized=lambda: self.is_synchronized
        )

    def passes(self, span_ms: int) -> None:
        self.system.advance(span_ms)
        self.uptime.advance(span_ms)

    def hears(self, at_ms: int) -> None:
        """An answer of the office, which took no time."""
        self.clock.hear(formatdate(at_ms / 1000, usegmt=True), 0.0)


@pytest.mark.parametrize("step_ms", [YEAR_MS, -HOUR_MS, -YEAR_MS, SKEW_MAX_MS + 2_000, -NOW_MS])
def test_a_clock_that_jumps_away_from_the_office_is_not_followed(step_ms: int) -> None:
    machine = Machine()
    machine.hears(NOW_MS)
    machine.system.advance(step_ms)
    machine.passes(10_000)
    assert abs(machine.clock.now_ms() - (NOW_MS + 10_000)) <= 1_000
    status = machine.clock.status
    assert status.quality == "office"
    assert status.skew_ms is not None
    assert abs(status.skew_ms - step_ms) <= 1_000
    assert "the office's time is taken instead" in in_words(status)
    machine.system.advance(-step_ms)
    assert machine.clock.now_ms() == NOW_MS + 10_000, "and it counts again when it is right"


@pytest.mark.parametrize("step_ms", [1_000, -1_000, -30_000])
def test_a_leap_second_and_a_small_step_are_the_systems_own(step_ms: int) -> None:
    machine = Machine()
    machine.hears(NOW_MS)
    machine.system.advance(step_ms)
    assert machine.clock.now_ms() == NOW_MS + step_ms
    assert machine.clock.status.quality == "synchronized"
    assert in_words(machine.clock.status) == ""


def test_without_the_office_the_systems_clock_is_all_there_is() -> None:
    machine = Machine()
    machine.is_synchronized = False
    machine.system.advance(-HOUR_MS)
    assert machine.clock.now_ms() == NOW_MS - HOUR_MS
    assert machine.clock.status == ClockStatus("set", None)


def test_a_machine_that_starts_in_1970_says_how_long_it_runs_until_it_knows_more() -> None:
    machine = Machine(system_ms=5_000)
    assert machine.clock.now_ms() == 180_000 < CLOCK_SET_MS_MIN
    assert machine.clock.start_ms() is None
    assert machine.clock.status == ClockStatus("unset", None)
    assert "nobody knows what time it is" in in_words(machine.clock.status)
    machine.hears(NOW_MS)
    assert abs(machine.clock.now_ms() - NOW_MS) <= 500
    assert machine.clock.status.quality == "office"
    machine.system.set(NOW_MS)
    now = machine.clock.status
    assert now.quality == "synchronized"


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "Tue, 99 Nov 2026 01:00:00 GMT"])
def test_a_date_that_says_nothing_changes_nothing(date: str) -> None:
    machine = Machine()
    machine.clock.hear(date, 0.0)
    assert machine.clock.status.skew_ms is None


def test_an_answer_that_took_long_says_nothing() -> None:
    machine = Machine()
    machine.clock.hear(formatdate(NOW_MS / 1000 + 900, usegmt=True), 60.0)
    assert machine.clock.now_ms() == NOW_MS


@given(st.lists(st.tuples(st.sampled_from(["passes", "steps", "hears"]), st.integers(-YEAR_MS, YEAR_MS)), max_size=30))
def test_once_the_office_was_heard_the_time_is_never_further_from_it_than_a_minute(
    story: list[tuple[str, int]],
) -> None:
    machine, true_ms = Machine(), NOW_MS
    machine.hears(true_ms)
    for what, span_ms in story:
        if what == "passes":
            true_ms += abs(span_ms) // 1_000
            machine.passes(abs(span_ms) // 1_000)
        elif what == "steps":
            machine.system.advance(span_ms)
        else:
            machine.hears(true_ms)
        assert abs(machine.clock.now_ms() - true_ms) <= SKEW_MAX_MS + 1_000


def test_every_answer_of_the_office_tells_the_time(web: Web) -> None:
    machine = Machine(system_ms=5_000)
    with Client(str(web.client.base_url), Token(web.token("root")), hear=machine.clock.hear) as client:
        client.public_keys()
    assert abs(machine.clock.now_ms() - system_ms()) < 10_000
    assert machine.clock.status.quality == "office"


def test_the_clocks_of_this_machine_are_there() -> None:
    assert 0 < uptime_ms() < CLOCK_SET_MS_MIN < system_ms()
    assert is_synchronized() in {True, False}


class Jumping:
    """A job in the middle of which the clock is set."""

    begins_units = True

    def __init__(self, clock: ManualClock, step_ms: int) -> None:
        self._clock = clock
        self._step_ms = step_ms

    async def work(self, unit: Unit, contract: Contract, notes: Notes) -> str:
        self._clock.advance(self._step_ms)
        return ""


@pytest.mark.parametrize("step_ms", [YEAR_MS, -HOUR_MS])
def test_a_cycle_takes_as_long_as_it_took_while_the_clock_is_set(
    post_at: Callable[[str], Post], spool: Spool, clock: ManualClock, step_ms: int
) -> None:
    began_ms = clock.now_ms()
    day(post_at(ASSEMBLY), Jumping(clock, step_ms), "OP-1", "OP-1", spool=spool)
    (cycle,) = (event for event in events(spool) if isinstance(event, CycleCompleted))
    assert cycle.ts_ms == began_ms + step_ms, "the clock was set"
    assert 0 <= cycle.cycle_ms < 60_000
