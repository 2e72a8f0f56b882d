"""Data sets, address(value*unit) (section 6.5), and OBIS codes as they stand in addresses (IEC 62056-61, annex A).

Addresses and values are strings, for 1.10 is another code than 1.1. What is sent keeps to the standard's lengths and
characters; what comes is taken as real meters write it: longer, with / or ! in a value, with line ends or without.
"""

from __future__ import annotations

from edge.protocols.records import Record

ADDRESS_MAX, VALUE_MAX, UNIT_MAX = 16, 128, 16
"""Characters of what is sent; a value has at most 32 but in the programming mode of mode C."""
TAKEN_ADDRESS_MAX, TAKEN_VALUE_MAX, TAKEN_UNIT_MAX = 32, 2048, 32
"""Characters of what comes: the longest known are texts for the consumer (96.13.0), 1024 bytes in hexadecimal."""

_ALIASES = {"FF": "F.F"}
"""Codes that some meters write in another way."""


class DataSet(Record):
    """A value with its address and unit; either is empty when it was not said."""

    FIELDS = ("address", "value", "unit")

    def __init__(self, address: str, value: str, unit: str = "") -> None:
        self.address = address
        self.value = value
        self.unit = unit

    @property
    def quantity(self) -> tuple[str, str]:
        """The decimal number and its unit, which some meters write into the value; raises `ValueError`."""
        number, _, unit = self.value.strip().partition(" ")
        if not _is_number(number):
            raise ValueError(f"{self.address}({self.value}) holds no number")
        return number, self.unit or unit.strip()

    def encode(self) -> str:
        """The text that is sent; raises `ValueError` when the standard does not allow it."""
        for what, text, size_max, excluded in (
            ("address", self.address, ADDRESS_MAX, "()/!"),
            ("value", self.value, VALUE_MAX, "()/!*"),
            ("unit", self.unit, UNIT_MAX, "()/!*"),
        ):
            if len(text) > size_max or not _is_printable(text) or any(character in excluded for character in text):
                raise ValueError(f"{what} {text!r}: at most {size_max} printable characters and none of {excluded}")
        return f"{self.address}({self.value}{'*' if self.unit else ''}{self.unit})"


def data_sets(text: str) -> tuple[DataSet, ...]:
    """The data sets of a block, whose lines end as they like; raises `ValueError` for what is none."""
    found: list[DataSet] = []
    at = 0
    while True:
        while at < len(text) and text[at] in "\r\n":
            at += 1
        if at == len(text):
            return tuple(found)
        begin = text.find("(", at)
        end = text.find(")", begin)
        if begin < 0 or end < 0:
            raise ValueError(f"{text[at : at + 40]!r} is no data set")
        found.append(_data_set(text[at:begin], text[begin + 1 : end]))
        at = end + 1


def addressed(sets: tuple[DataSet, ...]) -> tuple[DataSet, ...]:
    """The data sets, each with its address: one that has none is of the address before (6.5.2)."""
    found: list[DataSet] = []
    address = ""
    for data_set in sets:
        address = data_set.address or address
        found.append(DataSet(address, data_set.value, data_set.unit))
    return tuple(found)


def find(sets: tuple[DataSet, ...], code: str) -> DataSet | None:
    """The data set of a code, by its whole or its short form; raises `ValueError` when several could be meant."""
    exact = [data_set for data_set in sets if data_set.address == code]
    found = exact or [data_set for data_set in sets if same_code(data_set.address, code)]
    if any(other != found[0] for other in found):
        raise ValueError(f"{code} is there {len(found)} times, with different addresses or values")
    return found[0] if found else None


def same_code(one: str, other: str) -> bool:
    """Whether two codes name the same, such as 1.8.0 and 1-0:1.8.0*255; a channel that both tell has to be the same."""
    (channel, value), (other_channel, other_value) = _parts(one), _parts(other)
    return value == other_value and (not channel or not other_channel or channel == other_channel)


def _parts(code: str) -> tuple[str, str]:
    """Medium and channel (A-B), and the rest; without *255, which is the present value, as no *F is."""
    channel, colon, value = code.strip().partition(":")
    if not colon:
        channel, value = "", channel
    if value.endswith("*255"):
        value = value[:-4]
    return channel, _ALIASES.get(value, value)


def _data_set(address: str, content: str) -> DataSet:
    value, _, unit = content.partition("*")
    for what, text, size_max, excluded in (
        ("address", address, TAKEN_ADDRESS_MAX, ")/!"),
        ("value", value, TAKEN_VALUE_MAX, "("),
        ("unit", unit, TAKEN_UNIT_MAX, "(*"),
    ):
        if len(text) > size_max or not _is_printable(text) or any(character in excluded for character in text):
            raise ValueError(f"{text[:40]!r} is no {what}")
    return DataSet(address, value, unit)


def _is_printable(text: str) -> bool:
    return all(" " <= character <= "~" for character in text)


def _is_number(text: str) -> bool:
    whole, _, decimals = (text[1:] if text[:1] in ("+", "-") else text).partition(".")
    digits = whole + decimals
    return digits != "" and all(digit in "0123456789" for digit in digits)
