"""Serial numbers: ranges that a customer or a product owns, and the text on the meter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from models.refusal import Refused

SERIAL_PATTERN = r"[A-Z0-9](?:[A-Z0-9./-]{0,30}[A-Z0-9])?"
"""Plain ASCII: what looks the same is the same, on a label, on a laser and in a meter's memory."""

CheckDigit = Literal["none", "mod10", "mod11"]


@dataclass(frozen=True, kw_only=True)
class SerialRange:
    """Numbers first to last, written with `digits` digits behind a prefix, and a check digit if there is one."""

    id: str
    prefix: str
    digits: int
    first: int
    last: int
    next: int
    check: CheckDigit = "none"
    version: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last < 10**self.digits:
            raise Refused("serial_range", f"{self.first} to {self.last} does not fit into {self.digits} digits")
        check_serial(serial(self, self.first))

    @property
    def left(self) -> int:
        """How many were never given."""
        return self.last - self.next + 1


def take(found: SerialRange, count: int) -> list[str]:
    """The next serials of a range; raises `Refused` when it has not as many left."""
    if count > found.left:
        raise Refused("serials_over", f"serial range {found.id} has {found.left} numbers left, not {count}")
    return [serial(found, number) for number in range(found.next, found.next + count)]


def serial(found: SerialRange, number: int) -> str:
    """A number of a range as it is written."""
    digits = f"{number:0{found.digits}d}"
    match found.check:
        case "mod10":
            return f"{found.prefix}{digits}{_mod10(digits)}"
        case "mod11":
            return f"{found.prefix}{digits}{_mod11(digits)}"
        case "none":
            return f"{found.prefix}{digits}"


def number_of(found: SerialRange, text: str) -> int | None:
    """Which number of a range a serial is; None when it is none of it."""
    digits = text.removeprefix(found.prefix)[: found.digits]
    if not digits.isascii() or not digits.isdigit() or serial(found, int(digits)) != text:
        return None
    return int(digits) if found.first <= int(digits) <= found.last else None


def check_serial(text: str) -> str:
    """The text, if it can be a serial; raises `Refused`."""
    if not re.fullmatch(SERIAL_PATTERN, text):
        shown = "".join(char if char.isascii() and char.isprintable() else "?" for char in text[:40])
        raise Refused("serial_text", f"{shown!r} is no serial: capital letters, digits and . / - only")
    return text


def _mod10(digits: str) -> int:
    """Luhn's, ISO/IEC 7812-1."""
    doubled = (int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits)))
    return -sum(number // 10 + number % 10 for number in doubled) % 10


def _mod11(digits: str) -> str:
    """Weights 2 to 9 from the right, over and over; what would be 10 is written 0."""
    total = sum(int(digit) * (2 + at % 8) for at, digit in enumerate(reversed(digits)))
    return str(-total % 11 % 10)
