"""The post-closing test: each failure has a line that makes it, and no other failure beside."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_oracle import naive_crc16

from edge.protocols.character_times import CharacterTimes, Times
from edge.protocols.pima import PimaDecoder, encode_packet, item_of, item_of_value
from edge.protocols.pima_verdict import (
    BAD_BCD,
    CRC,
    FAILURES,
    FRAMING_ERRORS,
    LISTEN_MAX_MS,
    MISSING_QUANTITY,
    NOT_IN_ORDER,
    PERIOD_MS,
    SILENT,
    TIMING,
    TWO_SERIALS,
    UNEXPECTED_QUANTITY,
    WRONG_SERIAL,
    Expected,
    Line,
    PostClosingTest,
    Verdict,
)
from edge.protocols.quantities import QUANTITIES, Quantity
from edge.protocols.records import Discard, Frame

ACTIVE, INDUCTIVE, CAPACITIVE, REVERSE = QUANTITIES
SERIAL, OTHER = "0103050709", "0103050710"
BIT_MS = 1000 / 2400
ORDER = Expected(SERIAL, (ACTIVE.pair, INDUCTIVE.pair), limits={ACTIVE.pair: (0, 5)})
Sent = tuple[float, bytes]


def packet(value: int | None = 1, quantity: Quantity = ACTIVE, serial: str = SERIAL) -> bytes:
    return encode_packet(serial, item_of_value(quantity, value))


BOTH = [(0.0, packet()), (200.0, packet(0, INDUCTIVE))]


def every(period_ms: float, packets: Iterable[Sent], *, until_ms: float = LISTEN_MAX_MS) -> list[Sent]:
    """The packets again and again."""
    rounds = range(int(until_ms / period_ms) + 1)
    return sorted((count * period_ms + at_ms, data) for count in rounds for at_ms, data in packets)


def judged(
    sent: Iterable[Sent],
    expected: Expected = ORDER,
    *,
    bit_ms: float = BIT_MS,
    gap_bits: float = 0,
    stamps: bool = True,
) -> tuple[Verdict, float]:
    """The verdict over what is sent, and when it came; the line is silent for long enough between packets."""
    test, decoder, times = PostClosingTest(expected, 0.0), PimaDecoder(), CharacterTimes(600)

    def hear(records: Iterable[Frame | Discard]) -> None:
        for found in records:
            test.hear(found, times.of(found.offset, found.size_bytes) if stamps else None)

    for began_ms, data in sent:
        if verdict := test.verdict(began_ms):
            return verdict, began_ms
        for at, byte in enumerate(data):
            times.came(began_ms + (10 * (at + 1) + gap_bits * at) * bit_ms)
            hear(decoder.feed(bytes([byte])))
        hear(decoder.end())
    verdict = test.verdict(LISTEN_MAX_MS)
    assert verdict
    return verdict, LISTEN_MAX_MS


def failures(sent: Iterable[Sent], expected: Expected = ORDER) -> tuple[str, ...]:
    return judged(sent, expected)[0].failures


class TestPass:
    def test_after_one_period_when_everything_came_twice(self) -> None:
        verdict, at_ms = judged(every(1_000, BOTH))
        assert (verdict.failures, verdict.serials) == ((), (SERIAL,))
        assert [reading.value for reading in verdict.readings] == [1, 0]
        assert at_ms == PERIOD_MS

    def test_of_a_meter_that_is_as_slow_as_it_may_be(self) -> None:
        verdict, at_ms = judged(every(PERIOD_MS, BOTH))
        assert verdict.failures == ()
        assert at_ms > PERIOD_MS

    def test_noise_at_the_start_is_forgiven(self) -> None:
        sent = [(0.0, packet()[4:]), *[(at_ms + 500, data) for at_ms, data in every(1_000, BOTH)]]
        assert failures(sent) == ()

    def test_a_quantity_that_is_allowed_may_come(self) -> None:
        expected = Expected(SERIAL, (ACTIVE.pair,), allowed=(INDUCTIVE.pair,))
        assert failures(every(1_000, BOTH), expected) == ()
        assert failures(every(1_000, BOTH[:1]), expected) == ()

    def test_an_unknown_pair_may_be_required(self) -> None:
        own = (0.0, encode_packet(SERIAL, item_of((15, 1), b"\xab")))
        assert failures(every(1_000, [own]), Expected(SERIAL, ((15, 1),))) == ()

    def test_what_comes_after_the_verdict_changes_nothing(self) -> None:
        test = PostClosingTest(ORDER, 0.0)
        before = test.verdict(LISTEN_MAX_MS)
        for found in PimaDecoder().feed(packet()):
            test.hear(found)
        assert test.verdict(2 * LISTEN_MAX_MS) is before

    def test_not_before_its_time(self) -> None:
        test, decoder = PostClosingTest(ORDER, 1_000.0), PimaDecoder()
        for _, data in every(100, BOTH, until_ms=300):
            for found in decoder.feed(data):
                test.hear(found)
        assert test.verdict(1_000.0 + PERIOD_MS - 1) is None
        assert test.verdict(1_000.0 + PERIOD_MS) == judged(every(1_000, BOTH))[0]


class TestFailures:
    @pytest.mark.parametrize("sent", [[], [(0.0, b"\x00")], [(0.0, b"\xff"), (3_000.0, b"\xfe\x00")]])
    def test_silent_but_for_the_bounce_of_a_contact(self, sent: list[Sent]) -> None:
        assert failures(sent) == (SILENT,)

    def test_framing_errors_of_a_line_turned_round(self) -> None:
        turned = bytes(byte ^ 0xFF for byte in packet())
        assert failures(every(1_000, [(0.0, turned)])) == (FRAMING_ERRORS,)

    def test_crc_when_all_packets_are_broken(self) -> None:
        broken = packet()[:-1] + b"\x00"
        assert failures(every(1_000, [(0.0, broken)])) == (CRC,)

    def test_crc_when_what_is_missing_came_broken(self) -> None:
        broken = packet(0, INDUCTIVE)[:-1] + b"\x00"
        assert failures(every(1_000, [BOTH[0], (200.0, broken)])) == (CRC,)

    def test_one_broken_packet_does_not_explain_that_a_quantity_never_came(self) -> None:
        broken = (500.0, packet(0, INDUCTIVE)[:-1] + b"\x00")
        assert failures(sorted([*every(1_000, BOTH[:1]), broken])) == (MISSING_QUANTITY,)

    def test_wrong_serial(self) -> None:
        sent = every(1_000, [(0.0, packet(serial=OTHER)), (200.0, packet(0, INDUCTIVE, OTHER))])
        verdict, _ = judged(sent)
        assert (verdict.failures, verdict.serials) == ((WRONG_SERIAL,), (OTHER,))

    def test_another_meter_that_is_slow(self) -> None:
        sent = sorted([*every(1_000, BOTH), *every(PERIOD_MS, [(4_600.0, packet(0, serial=OTHER))])])
        verdict, _ = judged(sent)
        assert (verdict.failures, verdict.serials) == ((TWO_SERIALS, WRONG_SERIAL), (SERIAL, OTHER))

    def test_of_many_meters_two_are_named(self) -> None:
        sent = every(2_000, [*BOTH, *[(400.0 + 200 * at, packet(serial=f"000000000{at}")) for at in range(5)]])
        verdict, _ = judged(sent)
        assert (verdict.failures, len(verdict.serials)) == ((TWO_SERIALS, WRONG_SERIAL), 2)

    def test_quantities_of_two_meters_do_not_make_one(self) -> None:
        sent = every(1_000, [BOTH[0], (200.0, packet(0, INDUCTIVE, OTHER))])
        assert failures(sent) == (TWO_SERIALS, WRONG_SERIAL, MISSING_QUANTITY)

    def test_a_missing_quantity(self) -> None:
        assert failures(every(1_000, BOTH[:1])) == (MISSING_QUANTITY,)

    def test_a_quantity_without_a_value_is_missing(self) -> None:
        assert failures(every(1_000, [BOTH[0], (200.0, packet(None, INDUCTIVE))])) == (MISSING_QUANTITY,)

    def test_an_unexpected_quantity(self) -> None:
        sent = every(1_000, [*BOTH, (400.0, packet(None, REVERSE))])
        assert failures(sent) == (UNEXPECTED_QUANTITY,)

    def test_a_value_that_is_no_number(self) -> None:
        bad = encode_packet(SERIAL, item_of(INDUCTIVE.pair, b"\x00\x00\x0a"))
        assert failures(every(1_000, [BOTH[0], (200.0, bad)])) == (BAD_BCD,)

    def test_a_serial_that_was_never_written(self) -> None:
        body = b"\xff" * 5 + packet()[7:-2]
        assert failures(every(1_000, [(0.0, b"\xaa\x55" + body + naive_crc16(body))])) == (BAD_BCD,)

    @pytest.mark.parametrize("values", [(6, 6), (3, 2)])
    def test_energy_beyond_the_limit_or_that_went_down(self, values: tuple[int, int]) -> None:
        later = [(1_000.0, packet(values[1])), (1_200.0, BOTH[1][1])]
        assert failures([(0.0, packet(values[0])), BOTH[1], *every(1_000, later)]) == (NOT_IN_ORDER,)

    def test_energy_that_went_down_behind_a_value_that_was_not_available(self) -> None:
        later = every(1_000, [(1_000.0, packet(2)), (1_200.0, BOTH[1][1])])
        assert failures([(0.0, packet(3)), (300.0, packet(None)), *later]) == (NOT_IN_ORDER,)

    def test_every_failure_has_its_place(self) -> None:
        assert len(set(FAILURES)) == 10


class TestTiming:
    def test_a_quantity_that_is_not_repeated_within_the_period(self) -> None:
        sent = sorted([*every(1_000, BOTH[:1]), *every(5_400, BOTH[1:], until_ms=5_400)])
        assert failures(sent) == (TIMING,)
        assert judged(sent, stamps=False)[0].failures == ()

    def test_what_was_broken_may_have_been_the_repetition(self) -> None:
        broken = (2_700.0, BOTH[1][1][:-1] + b"\x00")
        sent = sorted([*every(1_000, BOTH[:1]), *every(5_400, BOTH[1:], until_ms=5_400), broken])
        assert failures(sent) == ()

    def test_a_quantity_that_came_but_once(self) -> None:
        sent = sorted([*every(1_000, BOTH[:1]), BOTH[1]])
        assert failures(sent) == (TIMING,)
        assert judged(sent, stamps=False)[0].failures == (MISSING_QUANTITY,)

    @pytest.mark.parametrize(
        ("length", "wrong"), [(0.95, (TIMING,)), (0.975, ()), (1.0, ()), (1.025, ()), (1.045, (TIMING,))]
    )
    def test_the_rate_within_three_percent(self, length: float, wrong: tuple[str, ...]) -> None:
        assert judged(every(1_000, BOTH), bit_ms=BIT_MS * length)[0].failures == wrong

    @pytest.mark.parametrize(("gap_bits", "wrong"), [(1, ()), (49, ()), (51, ()), (53, (TIMING,))])
    def test_pauses_between_characters(self, gap_bits: float, wrong: tuple[str, ...]) -> None:
        """51 bit times of a meter that is 3 % fast are fewer than 50 of one that is 3 % slow."""
        apart = [BOTH[0], (700.0, BOTH[1][1])]
        assert judged(every(2_000, apart), gap_bits=gap_bits)[0].failures == wrong

    @pytest.mark.parametrize(("pause_bits", "wrong"), [(150, (TIMING,)), (190, (TIMING,)), (200, ()), (500, ())])
    def test_pauses_between_packets(self, pause_bits: float, wrong: tuple[str, ...]) -> None:
        second_ms = (150 + pause_bits) * BIT_MS
        assert failures(every(1_000, [BOTH[0], (second_ms, BOTH[1][1])])) == wrong

    def test_stamps_that_are_off_are_forgiven_by_as_much(self) -> None:
        line = Line(stamp_error_ms=2.0)
        fast = Times(0.0, 140 * BIT_MS * 0.96, 10 * BIT_MS)
        assert Line().is_off_rate(fast, 15)
        assert not line.is_off_rate(fast, 15)

    def test_times_are_kept_for_the_last_characters_alone(self) -> None:
        times = CharacterTimes(3)
        for at_ms in (1.0, 2.0, 4.0, 8.0):
            times.came(at_ms)
        assert times.of(1, 3) == Times(2.0, 8.0, 4.0)
        assert times.of(0, 2) is None
        assert times.of(3, 2) is None


some_packets = st.builds(
    packet, st.none() | st.integers(0, 9), st.sampled_from(QUANTITIES), st.sampled_from([SERIAL, OTHER])
)
moments = st.tuples(st.floats(0, 12_000), some_packets | st.binary(max_size=40))


@given(period_ms=st.integers(700, 12_000), others=st.lists(moments, max_size=4))
def test_it_passes_only_what_the_order_wants(period_ms: int, others: list[Sent]) -> None:
    """Whatever passes came from the one meter, every quantity twice, and nothing else was among it."""
    sent = sorted([*every(period_ms, BOTH), *others])
    verdict, at_ms = judged(sent, stamps=False)
    assert verdict.failures == tuple(failure for failure in FAILURES if failure in verdict.failures)
    if verdict.failures:
        return
    heard = [data for began_ms, data in sent if began_ms < at_ms]
    assert verdict.serials == (SERIAL,)
    for quantity in QUANTITIES:
        times = sum(packet(value, quantity) in data for value in (None, *range(10)) for data in heard)
        assert times >= 2 if quantity.pair in ORDER.required else times == 0
