"""What blocks tell one after the other, against a meter that knows what it has counted."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocols.records import Record
from edge.protocols.ssu_blocks import Block, ExtendedBlock, NormalBlock
from edge.protocols.ssu_events import DEMAND_INTERVAL, DEMAND_RESET, REACTIVE_INTERVAL, Ended, Missed, Pulses, SsuEvents
from edge.protocols.ssu_mixed import MixedBlock

AnyType = type[NormalBlock] | type[ExtendedBlock] | type[MixedBlock]


def extended(seconds_left: int, active: int, reactive: int = 0, quadrant: int = 1) -> ExtendedBlock:
    return ExtendedBlock(seconds_left=seconds_left, active_pulses=active, reactive_pulses=reactive, quadrant=quadrant)


def events_of(blocks: list[Block], *, every_ms: int | None = None) -> list[Record]:
    meter = SsuEvents()
    found: list[Record] = []
    for at, block in enumerate(blocks):
        found += meter.take(block, None if every_ms is None else at * every_ms)
    return found


class TestPulses:
    def test_the_first_block_is_the_beginning(self) -> None:
        assert events_of([extended(500, 1000, 200)]) == []

    def test_pulses_of_both_registers(self) -> None:
        assert events_of([extended(500, 1000, 200), extended(499, 1010, 202)]) == [Pulses(1, 10), Pulses(3, 2)]

    @pytest.mark.parametrize(("quadrant", "registers"), [(1, (1, 3)), (2, (2, 4)), (3, (2, 5)), (4, (1, 6))])
    def test_the_quadrant_names_the_registers(self, quadrant: int, registers: tuple[int, int]) -> None:
        blocks: list[Block] = [extended(500, 7, 7, quadrant), extended(499, 8, 9, quadrant)]
        assert events_of(blocks) == [Pulses(registers[0], 1), Pulses(registers[1], 2)]

    def test_another_quadrant_makes_no_leap(self) -> None:
        blocks: list[Block] = [extended(60, 11_210, 4_755, 1), extended(59, 41, 12, 3), extended(58, 44, 13, 3)]
        assert events_of([*blocks, extended(57, 11_211, 4_755, 1)]) == [Pulses(2, 3), Pulses(5, 1), Pulses(1, 1)]

    def test_in_an_interval_heard_from_its_beginning_a_register_began_with_zero(self) -> None:
        blocks: list[Block] = [extended(0, 50), extended(899, 1), extended(898, 4, 2, 3)]
        assert events_of(blocks) == [Ended(DEMAND_INTERVAL), Pulses(1, 1), Pulses(2, 4), Pulses(5, 2)]

    def test_over_the_end_of_16_bits(self) -> None:
        assert events_of([extended(500, 65_500), extended(499, 40)]) == [Pulses(1, 76)]

    def test_over_the_end_of_15_bits(self) -> None:
        blocks: list[Block] = [
            NormalBlock(seconds_left=500, active_pulses=32_700),
            NormalBlock(seconds_left=499, active_pulses=40),
        ]
        assert events_of(blocks) == [Pulses(1, 108)]

    def test_all_six_of_a_mixed_block(self) -> None:
        blocks: list[Block] = [
            MixedBlock(seconds_left=9, pulses=(0, 0, 0, 0, 0, 0)),
            MixedBlock(seconds_left=8, pulses=(1, 2, 3, 4, 5, 6)),
        ]
        assert events_of(blocks) == [Pulses(register, register) for register in range(1, 7)]

    def test_a_meter_that_started_anew_adds_nothing(self) -> None:
        assert events_of([extended(500, 1_000), extended(499, 3), extended(498, 4)]) == [Missed(), Pulses(1, 1)]


class TestEnds:
    def test_the_closing_block_is_sent_three_times_and_counts_once(self) -> None:
        closing = extended(0, 530, 53)
        blocks: list[Block] = [extended(1, 520, 52), closing, closing, closing, extended(899, 2)]
        assert events_of(blocks, every_ms=1_000) == [
            Pulses(1, 10),
            Pulses(3, 1),
            Ended(DEMAND_INTERVAL),
            Pulses(1, 2),
        ]

    @pytest.mark.parametrize("block_type", [NormalBlock, ExtendedBlock, MixedBlock])
    @pytest.mark.parametrize(
        ("bit", "what"), [("demand_reset", DEMAND_RESET), ("reactive_interval", REACTIVE_INTERVAL)]
    )
    def test_bits_that_are_turned_round_are_edges(self, block_type: AnyType, bit: str, what: str) -> None:
        levels = [1, 1, 0, 0, 1, 1]
        blocks = [block_type(seconds_left=50 - at) for at in range(len(levels))]
        for block, level in zip(blocks, levels, strict=True):
            setattr(block, bit, level)
        meter = SsuEvents()
        assert [meter.take(block) for block in blocks] == [[], [], [Ended(what)], [], [Ended(what)], []]

    def test_a_clock_that_is_set_a_little_ends_nothing(self) -> None:
        assert events_of([extended(500, 5), extended(505, 6)]) == [Pulses(1, 1)]

    def test_an_end_that_was_not_heard_is_told(self) -> None:
        assert events_of([extended(500, 5), extended(899, 6)]) == [Missed(), Ended(DEMAND_INTERVAL), Pulses(1, 6)]

    def test_intervals_that_were_lost_whole_are_known_by_the_time(self) -> None:
        meter = SsuEvents()
        meter.take(extended(500, 5), 0)
        assert meter.take(extended(400, 9), 100_000) == [Pulses(1, 4)]
        assert meter.take(extended(300, 20), 1_100_000) == [Missed(), Ended(DEMAND_INTERVAL), Pulses(1, 20)]

    def test_a_lost_interval_between_two_closing_blocks(self) -> None:
        meter = SsuEvents()
        meter.take(extended(0, 5), 0)
        assert meter.take(extended(899, 1), 901_000) == [Missed(), Ended(DEMAND_INTERVAL), Pulses(1, 1)]

    def test_another_format_is_another_beginning(self) -> None:
        assert events_of([extended(500, 5), NormalBlock(seconds_left=499, active_pulses=9)]) == [Missed()]


@st.composite
def days(draw: st.DrawFn) -> list[tuple[Block, tuple[int, ...]]]:
    """The blocks of a meter with short intervals, each with what its six registers have really counted by then."""
    total = [0] * 7
    heard: list[tuple[Block, tuple[int, ...]]] = []
    for _ in range(draw(st.integers(1, 4))):
        interval = [0] * 7
        for left in range(12, -1, -1):
            quadrant = draw(st.integers(1, 4))
            active, reactive = {1: (1, 3), 2: (2, 4), 3: (2, 5), 4: (1, 6)}[quadrant]
            for register in (active, reactive):
                pulses = draw(st.integers(0, 20_000))
                interval[register] += pulses
                total[register] += pulses
            block = extended(left, interval[active] % 65_536, interval[reactive] % 65_536, quadrant)
            heard += [(block, tuple(total))] * (3 if left == 0 else 1)
    return heard


@given(day=days())
def test_what_a_meter_counts_is_counted(day: list[tuple[Block, tuple[int, ...]]]) -> None:
    """Once an interval was heard from its beginning, every pulse is told, once, when its register is."""
    starts = [at for at, (block, _) in enumerate(day) if block.seconds_left == 12][1:]
    if not starts:
        return
    meter, counted = SsuEvents(), Counter[int]()
    for at, (block, _) in enumerate(day):
        found = meter.take(block, at * 1_000)
        if at >= starts[0]:
            counted.update({event.register: event.count for event in found if isinstance(event, Pulses)})
            assert Missed() not in found
    before = day[starts[0] - 1][1]
    assert [counted[register] for register in range(1, 7)] == [
        after - start for start, after in zip(before[1:], day[-1][1][1:], strict=True)
    ]


@given(day=days(), lost=st.sets(st.integers(0, 60)))
def test_lost_blocks_make_no_pulses(day: list[tuple[Block, tuple[int, ...]]], lost: set[int]) -> None:
    meter, counted = SsuEvents(), Counter[int]()
    for at, (block, _) in enumerate(day):
        if at not in lost:
            found = meter.take(block, at * 1_000)
            counted.update({event.register: event.count for event in found if isinstance(event, Pulses)})
    assert all(counted[register] <= day[-1][1][register] for register in range(1, 7))
