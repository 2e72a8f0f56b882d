"""Digits in half bytes: two in each byte, the first in the high half."""

from __future__ import annotations


def digits_of(data: bytes | bytearray) -> str | None:
    """The digits; None when a half byte is none (A to F)."""
    digits = ""
    for byte in data:
        if byte >> 4 > 9 or byte & 0x0F > 9:
            return None
        digits += f"{byte:02x}"
    return digits


def bcd_of(digits: str) -> bytes:
    """The bytes of an even number of digits; raises `ValueError`."""
    if len(digits) % 2 or any(digit not in "0123456789" for digit in digits):
        raise ValueError(f"{digits!r} is no even number of digits")
    return bytes(int(digits[at : at + 2], 16) for at in range(0, len(digits), 2))
