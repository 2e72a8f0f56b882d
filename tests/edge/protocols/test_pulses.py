"""Pulse inputs that bounce, and counters that roll over or start anew."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocols.pulses import CounterInput, PulseInput, Step


class TestPulseInput:
    def test_a_pulse_counts_once_it_has_lasted(self) -> None:
        contact = PulseInput(debounce_ms=10)
        readings = [(False, 0), (True, 100), (True, 109), (True, 110), (True, 200), (False, 300)]
        assert [contact.read(level, at_ms) for level, at_ms in readings] == [0, 0, 0, 1, 0, 0]

    def test_changes_alone_are_enough(self) -> None:
        contact = PulseInput(debounce_ms=10)
        for level, at_ms in [(False, 0), (True, 100), (False, 150), (True, 200), (False, 250)]:
            contact.read(level, at_ms)
        assert contact.count == 2

    def test_bouncing_counts_once_at_both_edges(self) -> None:
        contact = PulseInput(debounce_ms=10)
        bounces = [(True, 100), (False, 103), (True, 104), (False, 111), (True, 112)]
        releases = [(False, 200), (True, 205), (False, 209)]
        for level, at_ms in [(False, 0), *bounces, *releases, (False, 300)]:
            contact.read(level, at_ms)
        assert contact.count == 1

    def test_a_spike_is_no_pulse(self) -> None:
        contact = PulseInput(debounce_ms=10)
        for level, at_ms in [(False, 0), (True, 100), (False, 109.9), (False, 500)]:
            contact.read(level, at_ms)
        assert contact.count == 0

    def test_a_pause_that_is_too_short_does_not_make_two(self) -> None:
        contact = PulseInput(debounce_ms=10)
        for level, at_ms in [(False, 0), (True, 100), (False, 150), (True, 155), (True, 300)]:
            contact.read(level, at_ms)
        assert contact.count == 1

    def test_an_input_that_is_active_from_the_beginning_is_no_pulse(self) -> None:
        contact = PulseInput(debounce_ms=10)
        for at_ms in (0, 50, 100):
            assert contact.read(True, at_ms) == 0

    def test_a_contact_that_opens(self) -> None:
        contact = PulseInput(debounce_ms=10, active=False)
        for level, at_ms in [(True, 0), (False, 100), (True, 200), (True, 300)]:
            contact.read(level, at_ms)
        assert contact.count == 1

    def test_reset_begins_with_zero_and_loses_no_level(self) -> None:
        contact = PulseInput(debounce_ms=10)
        for level, at_ms in [(False, 0), (True, 100), (True, 150)]:
            contact.read(level, at_ms)
        assert contact.reset() == 1
        contact.read(True, 200)
        assert contact.count == 0

    @given(
        lengths_ms=st.lists(st.integers(10, 100), max_size=20),
        bounces=st.lists(st.integers(0, 4), max_size=20),
        samples=st.booleans(),
    )
    def test_pulses_that_bounce_are_counted_once_each(
        self, lengths_ms: list[int], bounces: list[int], samples: bool
    ) -> None:
        """Levels that last, each of which begins with bounces of 1 ms, at their changes or each half millisecond."""
        contact, at_ms, level = PulseInput(debounce_ms=10), 0.0, False
        changes = [(at_ms, level)]
        for at, length_ms in enumerate([50, *lengths_ms, 50]):
            for _ in range(bounces[at] if at < len(bounces) else 0):
                changes += [(at_ms, not level), (at_ms + 0.5, level)]
                at_ms += 1.0
            at_ms += length_ms + 10
            level = not level
            changes.append((at_ms, level))
        for (start_ms, now), (end_ms, _) in pairwise([*changes, (at_ms + 50, level)]):
            contact.read(now, start_ms)
            if samples:
                for half in range(1, int((end_ms - start_ms) * 2)):
                    contact.read(now, start_ms + half / 2)
        contact.read(level, at_ms + 50)
        assert contact.count == (len(lengths_ms) + 3) // 2


class TestCounterInput:
    def test_the_first_reading_is_the_beginning(self) -> None:
        assert CounterInput(1 << 16, 100).read(500, 0) == Step(0, was_reset=False)

    def test_what_was_counted_since(self) -> None:
        counter = CounterInput(1 << 16, 100)
        counter.read(500, 0)
        assert counter.read(530, 1_000) == Step(30, was_reset=False)
        assert counter.read(530, 2_000) == Step(0, was_reset=False)

    def test_a_rollover_is_none_too_many(self) -> None:
        counter = CounterInput(1 << 16, 100)
        counter.read(65_500, 0)
        assert counter.read(40, 1_000) == Step(76, was_reset=False)

    def test_a_reset_is_no_rollover(self) -> None:
        counter = CounterInput(1 << 16, 100)
        counter.read(30_000, 0)
        assert counter.read(40, 1_000) == Step(40, was_reset=True)

    def test_after_a_long_time_it_may_have_rolled_over(self) -> None:
        counter = CounterInput(1 << 16, 100)
        counter.read(30_000, 0)
        assert counter.read(40, 400_000) == Step(35_576, was_reset=False)

    def test_what_neither_a_rollover_nor_a_restart_explains_counts_nothing(self) -> None:
        counter = CounterInput(1 << 16, 100)
        counter.read(100, 0)
        assert counter.read(30_000, 1_000) == Step(0, was_reset=True)
        assert counter.read(30_007, 2_000) == Step(7, was_reset=False)

    def test_a_device_that_tells_its_count_seldom_tells_much_at_once(self) -> None:
        counter = CounterInput(1 << 16, 100, burst_ms=60_000)
        counter.read(100, 0)
        assert counter.read(6_000, 10) == Step(5_900, was_reset=False)

    @pytest.mark.parametrize(("at_ms", "value", "step"), [(0, 40, Step(65_466, False)), (None, 40, Step(40, True))])
    def test_it_goes_on_from_a_reading_that_was_kept(self, at_ms: float | None, value: int, step: Step) -> None:
        counter = CounterInput(1 << 16, 100)
        counter.restore(110, at_ms)
        assert counter.value == 110
        assert counter.read(value, 1_000_000) == step

    @pytest.mark.parametrize("value", [-1, 65_536])
    def test_a_value_that_it_cannot_have_is_refused(self, value: int) -> None:
        with pytest.raises(ValueError, match="never shows"):
            CounterInput(1 << 16, 100).read(value, 0)

    @given(start=st.integers(0, 255), steps=st.lists(st.integers(0, 100)))
    def test_no_pulse_is_lost_over_any_number_of_rollovers(self, start: int, steps: list[int]) -> None:
        counter = CounterInput(256, 100)
        counter.read(start, 0)
        value, counted = start, 0
        for at, step in enumerate(steps):
            value += step
            counted += counter.read(value % 256, 1_000 * (at + 1)).pulses
        assert counted == sum(steps)
