"""A machine is counted with a real office, line, journal and spool; what it says, and when, is the test's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from desk_post import Post
from hypothesis import given
from hypothesis import strategies as st
from shop import ASSEMBLY
from station_day import Hand, events, lived

from edge.channels.intake import Chunk, Message
from edge.spool import Spool
from edge.stations.counting import CountingStation, CountSettings
from edge.stations.day import Tools
from edge.stations.machine_inputs import CounterSettings, Inputs, Kept
from edge.stations.machine_state import MachineState
from edge.stations.recorder import Recorder
from sipe.clock import ManualClock
from sipe.contracts.events import CycleCompleted, StateChanged

PostAt = Callable[[str], Post]
COUNTER = {"kind": "counter", "topic": "pieces", "rate_max_hz": 100}
MESSAGE = {"kind": "message", "topic": "/done", "qty": "made", "id": "nr"}


class Machine:
    """Says what it is told to say, each at its time; behind the last word the day is over."""

    def __init__(self, clock: ManualClock, said: Sequence[tuple[int, str, bytes]]) -> None:
        self._clock = clock
        self._said = list(said)
        self.taken: list[bytes] = []
        self.has_said_all = asyncio.Event()

    def __aiter__(self) -> Machine:
        return self

    async def __anext__(self) -> Chunk | Message:
        if not self._said:
            self.has_said_all.set()
            await asyncio.Event().wait()
        at_ms, topic, payload = self._said.pop(0)
        self._clock.set(at_ms)
        if topic:
            return Message(at_ms, 1, topic, payload, lambda: self.taken.append(payload))
        return Chunk(at_ms, 1, payload)


class Count:
    """A counting station that may be started again, as after a power cut; `running` is its monotonic clock."""

    def __init__(self, post: Post, spool: Spool, inputs: Sequence[dict[str, Any]], **more: Any) -> None:
        self.settings = msgspec.convert({"inputs": inputs, **more}, CountSettings)
        self.running = ManualClock(1_000)
        self.hand = Hand([])
        self._post, self._spool = post, spool

    def day(self, *said: tuple[int, str, bytes], order: str = "") -> list[bytes]:
        """What was acknowledged of what the machine said, after the order was scanned."""
        return asyncio.run(self._day(said, order))

    async def _day(self, said: Sequence[tuple[int, str, bytes]], order: str) -> list[bytes]:
        post, machine = self._post, Machine(self.running, said)
        self.hand = Hand([order] if order else [])
        recorder = Recorder(post.station, "station", self._spool)
        tools = Tools(post.desk, post.journal, recorder, self.hand, post.clock, self.running.now_ms, post.directory)
        day = CountingStation(self.settings, _after(self.hand, machine), tools)
        try:
            await lived(day, machine.has_said_all)
        finally:
            await asyncio.to_thread(day.close)
        return machine.taken


async def _after(hand: Hand, machine: Machine) -> Any:
    await hand.has_scanned_all.wait()
    async for said in machine:
        yield said


def made(spool: Spool) -> list[tuple[str, int]]:
    return [(event.result, event.qty) for event in events(spool) if isinstance(event, CycleCompleted)]


def registers(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def test_pieces_are_counted_under_the_order_with_the_time_that_they_took(post_at: PostAt, spool: Spool) -> None:
    count = Count(post_at(ASSEMBLY), spool, [COUNTER, COUNTER | {"register": 1, "counts": "scrap"}])
    taken = count.day(
        (2_000, "pieces", registers(7, 1)),
        (3_000, "pieces", registers(9, 1)),
        (4_500, "pieces", registers(10, 2)),
        order="OP-1",
    )
    assert len(taken) == 3
    cycles = [event for event in events(spool) if isinstance(event, CycleCompleted)]
    assert [(one.result, one.qty, one.cycle_ms) for one in cycles] == [
        ("good", 2, 0), ("good", 1, 1_500), ("scrap", 1, 1_500),
    ]  # fmt: skip
    assert {(one.order, one.product, one.step) for one in cycles} == {("OP-1", "MTR-100", "assembly")}
    assert cycles[0].cycle_id is None
    assert cycles[1].cycle_id == cycles[2].cycle_id, "so that its time counts once"
    assert count.hand.seen[-1] == ("working", "3 good, 1 scrap")


def test_what_a_counter_counts_while_the_gateway_is_away_is_counted_once(
    post_at: PostAt, spool: Spool, clock: ManualClock
) -> None:
    count = Count(post_at(ASSEMBLY), spool, [COUNTER])
    count.day((2_000, "pieces", registers(100)), (3_000, "pieces", registers(110)), order="OP-1")
    clock.advance(60_000)
    count.running.set(500)  # the machine restarted, too: its monotonic clock begins anew
    count.day((1_000, "pieces", registers(150)), (2_000, "pieces", registers(150)))
    assert made(spool) == [("good", 10), ("good", 40)]
    assert count.hand.seen[-1] == ("working", "40 good"), "the order is still at work"


def test_power_that_goes_between_journal_and_spool_costs_nothing(
    post_at: PostAt, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = Count(post_at(ASSEMBLY), spool, [COUNTER])
    count.day((2_000, "pieces", registers(0)), order="OP-1")
    with monkeypatch.context() as patched:
        patched.setattr(spool, "append", _power_cut)
        with pytest.raises(ExceptionGroup):
            count.day((3_000, "pieces", registers(5)))
    assert made(spool) == []
    count.day((4_000, "pieces", registers(6)))
    assert made(spool) == [("good", 5), ("good", 1)]


def _power_cut(_: object) -> int:
    raise OSError("the power goes")


def test_what_is_made_before_an_order_belongs_to_the_first_one(post_at: PostAt, spool: Spool) -> None:
    count = Count(post_at(ASSEMBLY), spool, [COUNTER])
    count.day((2_000, "pieces", registers(0)), (3_000, "pieces", registers(4)))
    assert count.hand.seen[-1] == ("waiting", "4 good, and no order")
    assert made(spool) == []
    count.day((4_000, "pieces", registers(5)), order="OP-1")
    assert made(spool) == [("good", 4), ("good", 1)]


def test_a_message_that_comes_twice_counts_once_even_over_a_restart(post_at: PostAt, spool: Spool) -> None:
    count = Count(post_at(ASSEMBLY), spool, [MESSAGE])
    first, second = json.dumps({"made": 3, "nr": 1}).encode(), json.dumps({"made": 2, "nr": "b"}).encode()
    assert count.day((2_000, "/done", first), (3_000, "/done", second), (4_000, "/done", first), order="OP-1")
    assert count.day((5_000, "/done", second)) == [second], "it is acknowledged all the same"
    assert made(spool) == [("good", 3), ("good", 2)]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"{", "a message is no JSON"),
        (b'{"made": "many", "nr": 1}', "says 'many' at made"),
        (b'{"made": true, "nr": 1}', "says True at made"),
        (b'{"made": -1, "nr": 1}', "says -1 at made"),
        (b'{"made": 1}', "says None at nr"),
        (b"[]", "says None at made"),
    ],
)
def test_what_cannot_be_read_is_shown_and_the_next_message_counts(
    post_at: PostAt, spool: Spool, payload: bytes, told: str
) -> None:
    count = Count(post_at(ASSEMBLY), spool, [MESSAGE])
    count.day((2_000, "/done", payload), (3_000, "/done", b'{"made": 1, "nr": 1}'), order="OP-1")
    assert any(state == "stopped" and told in text for state, text in count.hand.seen)
    assert made(spool) == [("good", 1)]


def test_a_contact_counts_what_it_says_and_a_block_without_it_is_told(post_at: PostAt, spool: Spool) -> None:
    pulses = {"kind": "pulses", "pieces": 4}
    count = Count(post_at(ASSEMBLY), spool, [pulses, {"kind": "counter", "topic": "short", "register": 1}])
    count.day((2_000, "", b"0"), (3_000, "", b"1x0\r\n10"), (4_000, "short", registers(1)), order="OP-1")
    assert made(spool) == [("good", 8)]
    assert any("a block of 1 registers has no counter at 1" in text for _, text in count.hand.seen)


def test_an_unknown_order_and_a_unit_change_nothing(post_at: PostAt, spool: Spool) -> None:
    count = Count(post_at(ASSEMBLY), spool, [COUNTER])
    count.day((2_000, "pieces", registers(0)), order="OP-9")
    assert ("stopped", "OP-9 is no order, and here only orders are scanned") in count.hand.seen


def test_states_are_said_from_when_they_were(post_at: PostAt, spool: Spool, clock: ManualClock) -> None:
    alarm = {"kind": "level", "topic": "alarm", "coil": 1}
    count = Count(post_at(ASSEMBLY), spool, [COUNTER, alarm], idle_after_ms=10_000)
    began_ms = clock.now_ms()
    count.day(
        (2_000, "pieces", registers(0)),
        (3_000, "pieces", registers(1)),
        (20_000, "pieces", registers(1)),
        (21_000, "alarm", b"\x00\x01"),
        (22_000, "alarm", b"\x00\x00"),
        order="OP-1",
    )
    said = [
        (event.state, event.ts_ms - began_ms, event.order) for event in events(spool) if isinstance(event, StateChanged)
    ]
    # The wall clock of the test stands still, so what is 17 s old at 20 s is 17 s before it.
    assert said == [("executing", 0, "OP-1"), ("idle", -17_000, "OP-1"), ("down", 0, "OP-1"), ("idle", 0, "OP-1")]


@given(
    steps=st.lists(st.tuples(st.integers(0, 90), st.booleans()), max_size=30),
    bits=st.sampled_from([16, 32]),
    start=st.integers(0, (1 << 16) - 1),
    low_first=st.booleans(),
)
def test_no_piece_is_lost_or_doubled_over_rollovers_and_restarts(
    steps: list[tuple[int, bool]], bits: int, start: int, low_first: bool
) -> None:
    """An oracle that counts by itself; a step is so many pieces in a second, and whether the gateway restarts first."""
    settings = CounterSettings(bits=16 if bits == 16 else 32, low_word_first=low_first, rate_max_hz=100)
    wrap = 1 << bits
    value, at_ms, counted = (wrap - 1 - start) % wrap, 0, 0
    inputs, kept = Inputs([settings]), {}

    def read() -> int:
        words = registers(*divmod(value, 1 << 16)) if bits == 32 else registers(value)
        heard = inputs.take(Message(at_ms, 1, "", words[2:] + words[:2] if low_first and bits == 32 else words))
        kept.update({key: Kept(where, 1_000) for key, where in heard.counters.items()})
        assert not heard.troubles
        return sum(one.qty for one in heard.pieces)

    assert read() == 0
    for pieces, restarts in steps:
        if restarts:
            inputs = Inputs([settings])
            inputs.restore(kept, at_ms + 1_000)
        value, at_ms = (value + pieces) % wrap, at_ms + 1_000
        counted += read()
    assert counted == sum(pieces for pieces, _ in steps)


def test_a_device_that_restarts_is_told_from_one_that_rolls_over_by_the_rate() -> None:
    inputs = Inputs([CounterSettings(rate_max_hz=1)])
    found = [
        inputs.take(Message(at_ms, 1, "", registers(value))).pieces
        for at_ms, value in [(0, 40_000), (60_000, 5), (61_000, 50_000), (61_001, 50_050)]
    ]
    assert [sum(one.qty for one in pieces) for pieces in found] == [0, 5, 0, 50], (
        "50,000 never came, and 50 may be told at once"
    )


@pytest.mark.parametrize(("value", "pieces"), [(50_000, 10_000), (39_000, 39_000), (7, 7)])
def test_where_no_clock_tells_how_long_it_was_a_lower_value_is_that_of_a_restart(value: int, pieces: int) -> None:
    inputs = Inputs([CounterSettings(rate_max_hz=5)])
    inputs.restore({"/0": Kept(40_000, None)}, 1_000)
    (counted,) = inputs.take(Message(1_000, 1, "", registers(value))).pieces
    assert counted.qty == pieces


@given(st.lists(st.tuples(st.sampled_from(["made", "down", "up", "looked"]), st.integers(0, 200)), max_size=40))
def test_a_machine_is_in_one_state_at_a_time_and_never_in_the_past_of_another(story: list[tuple[str, int]]) -> None:
    machine, now_ms, is_down, last = MachineState(100, 0), 0, False, None
    for what, passed_ms in story:
        now_ms += passed_ms
        before = machine.state
        if what == "made":
            changes = machine.made(now_ms)
        elif what == "looked":
            changes = machine.looked(now_ms)
        else:
            is_down = what == "down"
            changes = machine.told(now_ms, is_down=is_down)
        assert (machine.state == "down") == is_down
        for change in changes:
            assert change.state == machine.state != before
            assert change.at_ms <= now_ms
            assert last is None or change.at_ms >= last.at_ms, "states follow each other in time"
            last = change
