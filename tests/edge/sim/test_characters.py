"""What a port hears of a wire, and what faults make of what is on it."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sim.characters import Character, heard, on_wire, together
from edge.sim.faults import FAULTS, NOISE, both, by_seed, dropping, noise, silence, unharmed

data = st.binary(min_size=1, max_size=40)
shares = st.sampled_from(["drop", "double", "flip", "parity", "noise"])


def bytes_of(characters: list[Character]) -> bytes:
    return bytes(one.byte for one in characters)


@pytest.mark.parametrize(
    ("sent_bd", "heard_bd", "byte", "expected"),
    [
        (300, 9600, 0x55, None),  # a bit of the sender is three characters of zeros and more
        (9600, 300, 0x55, b""),  # all of it is shorter than half a bit of the port
        (1200, 2400, 0x00, b"\x00"),  # 9 bits low are 18 of the port: one character, and the stop bit in a zero
        (1200, 2400, 0xFF, b"\xfe"),  # one bit low is two of the port: a start bit and a zero
        (2400, 1200, 0xFE, b"\xff"),  # two bits low are one of the port: its start bit
        (2400, 1200, 0x66, b"\xfd"),  # of the line 0 0110 0110 1 it is the places 3, 5, 7, and silence behind
    ],
)  # fmt: skip
def test_what_a_port_at_another_rate_makes_of_a_character(
    sent_bd: int, heard_bd: int, byte: int, expected: bytes | None
) -> None:
    found = heard(Character(0, 0, byte, sent_bd), heard_bd)
    if expected is None:
        assert len(found) > 3
        assert set(found) <= {0x00, 0xFF, 0x80, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC, 0xFE}
    else:
        assert found.startswith(expected)


@given(byte=st.integers(0, 255), off=st.floats(0.965, 1.035), rate_bd=st.sampled_from([110, 300, 2400, 9600]))
def test_three_percent_are_heard_as_if_they_were_none(byte: int, off: float, rate_bd: int) -> None:
    assert heard(Character(0, 0, byte, rate_bd * off), rate_bd) == bytes([byte])
    assert heard(Character(0, 0, byte, rate_bd * off), None) == bytes([byte])


@given(data=data)
def test_a_wire_of_one_source_is_what_was_said_at_its_pace(data: bytes) -> None:
    said = on_wire(data, 2400, 100.0)
    assert bytes_of(together(said)) == data
    assert said[-1].at_ms == pytest.approx(100 + len(data) * 1000 * 10 / 2400)
    assert all(one.at_ms == pytest.approx(two.from_ms) for one, two in pairwise(said))


def test_two_sources_at_once_spoil_what_both_say() -> None:
    one, other = on_wire(b"\xf0\xf1\xf2", 300, 0.0, 1), on_wire(b"\x3f\x3f", 300, 40.0, 2)
    assert bytes_of(together(one + other)) == bytes([0xF0, 0xF1 & 0x3F, 0xF2 & 0x3F])
    assert bytes_of(together(one + on_wire(b"\x01", 300, 100.0, 2))) == b"\xf0\xf1\xf2\x01"


@given(data=data, name=shares, seed=st.integers(0, 100))
def test_a_share_of_none_harms_nothing_and_a_seed_is_a_day(data: bytes, name: str, seed: int) -> None:
    said = on_wire(data, 300, 0.0)
    assert FAULTS[name](Random(seed), 0.0)(said) == said
    assert by_seed([(name, 0.3)], seed, "way")(said) == by_seed([(name, 0.3)], seed, "way")(said)


@given(data=data, seed=st.integers(0, 100))
def test_each_fault_does_what_it_says(data: bytes, seed: int) -> None:
    said, random = on_wire(data, 300, 0.0), Random(seed)
    harmed = {name: FAULTS[name](random, 1.0)(said) for name in ("drop", "double", "flip", "parity", "noise", "gap")}
    assert harmed["drop"] == []
    assert bytes_of(harmed["double"]) == bytes(byte for byte in data for _ in range(2))
    assert all((one ^ two).bit_count() == 1 for one, two in zip(data, bytes_of(harmed["flip"]), strict=True))
    assert bytes_of(harmed["parity"]) == bytes(byte ^ 0x80 for byte in data)
    assert [one for one in harmed["noise"] if one.source != NOISE] == said
    assert len(harmed["noise"]) == 2 * len(data)
    assert harmed["gap"][-1].at_ms == pytest.approx(said[-1].at_ms + len(data))
    assert 0 <= FAULTS["late"](random, 7.0)(said)[0].from_ms <= 7
    assert FAULTS["rate"](random, 2.0)(said)[-1].at_ms == pytest.approx(said[-1].at_ms / 2)


def test_faults_follow_each_other_and_silence_has_a_beginning_and_an_end() -> None:
    said = on_wire(b"ab", 300, 0.0)
    fault = both(silence(2, 1), unharmed)
    assert [bytes_of(fault(said)) for _ in range(3)] == [b"ab", b"", b"ab"]
    assert [bytes_of(both(silence(2))(said)) for _ in range(1)] == [b"ab"]
    assert both(dropping(Random(1), 1.0), noise(Random(1), 1.0))(said) == []
