from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.channels.lifecycle import HISTORY_MAX, TRANSITIONS, Event, Lifecycle, State, Transition

IDLE_AFTER_MS = 50
SILENCE_MAX_MS = 120


class Model(NamedTuple):
    """What is known of a channel from all that happened to it: no table, no state."""

    happened: tuple[tuple[Event, int], ...]

    @property
    def possible(self) -> set[Event]:
        if self.stopped:
            return {Event.STOP}
        return {Event.STOP} | ({Event.DATA, Event.LOST} if self.connected else {Event.CONNECTED, Event.FAILED})

    @property
    def stopped(self) -> bool:
        return any(event is Event.STOP for event, _ in self.happened)

    @property
    def connected(self) -> bool:
        turns = [event for event, _ in self.happened if event in {Event.CONNECTED, Event.LOST, Event.STOP}]
        return turns[-1:] == [Event.CONNECTED]

    def heard_ms(self) -> int | None:
        """When something came over the connection there is, its beginning included."""
        if not self.connected:
            return None
        return max(at_ms for event, at_ms in self.happened if event in {Event.CONNECTED, Event.DATA})

    def state(self, now_ms: int) -> State:
        if self.stopped:
            return State.STOPPED
        if not self.connected:
            return State.DEGRADED if any(e in {Event.FAILED, Event.LOST} for e, _ in self.happened) else State.STARTING
        began = max(at for at, (event, _) in enumerate(self.happened) if event is Event.CONNECTED)
        came = [at_ms for event, at_ms in self.happened[began:] if event is Event.DATA]
        return State.ACTIVE if came and now_ms - came[-1] < IDLE_AFTER_MS else State.IDLE


steps = st.lists(st.tuples(st.sampled_from([*Event, None]), st.integers(0, 80)), max_size=40)


@given(steps)
def test_it_is_what_all_that_happened_says(script: list[tuple[Event | None, int]]) -> None:
    life = Lifecycle(0, idle_after_ms=IDLE_AFTER_MS, silence_max_ms=SILENCE_MAX_MS)
    model, now_ms, told = Model(()), 0, list[Transition]()
    for event, later_ms in script:
        now_ms += later_ms
        if life.is_quiet(now_ms):
            told.append(life.on(Event.SILENCE, now_ms))  # type: ignore[arg-type]
        assert life.state is model.state(now_ms)
        heard_ms = model.heard_ms()
        assert life.is_dead(now_ms) == (heard_ms is not None and now_ms - heard_ms >= SILENCE_MAX_MS)
        if event is None or event is Event.SILENCE:
            continue
        if event not in model.possible:
            before = (life.state, life.since_ms, life.cause, list(life.history))
            with pytest.raises(ValueError, match=f"{event} cannot happen to a channel that is {life.state}"):
                life.on(event, now_ms, "no")
            assert before == (life.state, life.since_ms, life.cause, list(life.history))
            continue
        model = Model((*model.happened, (event, now_ms)))
        transition = life.on(event, now_ms, f"because of {event}")
        assert life.state is model.state(now_ms)
        assert life.cause == f"because of {event}"
        if transition is not None:
            told.append(transition)
            assert (transition.at_ms, transition.name, transition.after) == (now_ms, event, life.state)
            assert life.since_ms == now_ms
    assert list(life.history) == told[-HISTORY_MAX:]
    states = [State.STARTING, *(transition.after for transition in told)]
    assert [transition.before for transition in told] == states[:-1]
    assert all(transition.before is not transition.after for transition in told)


@given(steps)
def test_who_looks_when_he_is_told_to_misses_nothing(script: list[tuple[Event | None, int]]) -> None:
    """Between two looks no silence becomes a meaningful one."""
    life = Lifecycle(0, idle_after_ms=IDLE_AFTER_MS, silence_max_ms=SILENCE_MAX_MS)
    now_ms = 0
    for event, later_ms in script:
        due_ms = life.look_ms(now_ms)
        for at_ms in range(now_ms, now_ms + later_ms):
            if due_ms is None or at_ms < now_ms + due_ms:
                assert not life.is_quiet(at_ms)
                assert not life.is_dead(at_ms)
        if due_ms is not None:
            assert life.is_quiet(now_ms + due_ms) or life.is_dead(now_ms + due_ms)
        now_ms += later_ms
        if event is not None and event in TRANSITIONS[life.state]:
            life.on(event, now_ms)


def test_each_state_can_be_reached_and_stopped() -> None:
    assert TRANSITIONS.keys() == set(State)
    assert {after for row in TRANSITIONS.values() for after in row.values()} | {State.STARTING} == set(State)
    assert all(row[Event.STOP] is State.STOPPED for row in TRANSITIONS.values())


def test_silence_of_our_own_making_is_excused() -> None:
    life = Lifecycle(0, idle_after_ms=50, silence_max_ms=120)
    life.on(Event.CONNECTED, 0)
    assert life.is_dead(120)
    life.excuse(100)
    assert not life.is_dead(219)
    assert life.is_dead(220)
