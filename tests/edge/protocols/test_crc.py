"""CRC-16/ARC against long division, and digits in half bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_oracle import naive_crc16

from edge.protocols.bcd import bcd_of, digits_of
from edge.protocols.crc import crc16, crc16_bytes


def test_the_check_value() -> None:
    assert crc16(b"123456789") == 0xBB3D


def test_it_is_not_that_of_modbus() -> None:
    assert crc16(b"123456789") != 0x4B37


@given(data=st.binary(max_size=40))
def test_it_is_the_rest_of_a_long_division(data: bytes) -> None:
    assert crc16_bytes(data) == naive_crc16(data)


@given(data=st.binary(max_size=40), cut=st.integers(0, 40))
def test_it_goes_on_from_the_data_in_front(data: bytes, cut: int) -> None:
    assert crc16(data[cut:], crc16(data[:cut])) == crc16(data)


@given(data=st.binary(max_size=40))
def test_of_data_with_its_own_crc_it_is_zero(data: bytes) -> None:
    assert crc16(data + crc16_bytes(data)) == 0


@given(digits=st.text("0123456789").filter(lambda digits: len(digits) % 2 == 0))
def test_digits_come_back(digits: str) -> None:
    assert digits_of(bcd_of(digits)) == digits


@pytest.mark.parametrize("data", ["0a", "a0", "ff", "1234f5", "9999999A"])
def test_a_half_byte_that_is_no_digit_makes_none(data: str) -> None:
    assert digits_of(bytes.fromhex(data)) is None


@pytest.mark.parametrize("digits", ["1", "123", "1a", "-1", "١٢", " 1"])
def test_what_are_no_pairs_of_digits_is_refused(digits: str) -> None:
    with pytest.raises(ValueError, match="no even number of digits"):
        bcd_of(digits)
