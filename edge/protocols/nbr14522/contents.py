"""What the responses to some commands hold, as far as it is public: positions in the response, its code at 0.

14 is confirmed by a second program that reads meters with it (an ESP32 logger), which adds temperature and frequency.
20, 21, 22 and 51 hold the same as each other, and are from one source alone. The unit of the powers is not told.
"""

from __future__ import annotations

import struct

from edge.protocols.bcd import digits_of
from edge.protocols.records import Record

_QUANTITIES = (
    (11, "voltage", "a b c ab bc ca"),
    (35, "current", "a b c neutral"),
    (51, "active_power", "a b c total"),
    (67, "reactive_power", "a b c total"),
    (83, "apparent_power_quadratic", "a b c total"),
    (99, "apparent_power_vectorial", "a b c total"),
    (115, "distortion_power", "a b c total"),
    (131, "cos_phi", "a b c total"),
    (179, "temperature", "internal"),
    (183, "frequency", "line"),
)
FLOATS = tuple(
    [
        (f"{quantity}_{part}", first + 4 * at)
        for first, quantity, parts in _QUANTITIES
        for at, part in enumerate(parts.split())
    ]
)
"""The values in the response to 14, and where each is, little-endian in four bytes."""


class InstantaneousValues(Record):
    """The response to 14: the meter's time, and its values by name; None for what is no number."""

    FIELDS = ("time", "values")

    def __init__(self, block: bytes) -> None:
        self.time = _time(block, 5)
        self.values = tuple([(name, _float(block, at)) for name, at in FLOATS])


class Parameters(Record):
    """The response to 20, 21, 22 and 51; None for what is not in BCD. A word of the mass memory has 12 bits."""

    FIELDS = (
        "time", "mass_memory_end", "demand_reset", "demand_reset_before", "words", "words_at_reset", "demand_resets",
        "interval_min", "interval_before_min", "demand_reset_day", "channels", "mass_memory_interval_ms",
        "channel_groups",
    )  # fmt: skip

    def __init__(self, block: bytes) -> None:
        self.time = _time(block, 5)
        self.mass_memory_end = _time(block, 12)
        self.demand_reset = _time(block, 18)
        self.demand_reset_before = _time(block, 24)
        self.words = _number(block, 74, 3)
        self.words_at_reset = _number(block, 77, 3)
        self.demand_resets = _number(block, 80)
        self.interval_min = _number(block, 81)
        self.interval_before_min = _number(block, 82)
        self.demand_reset_day = _number(block, 156)
        self.channels = digits_of(block[195:198])
        minutes, seconds, hundredths = [_number(block, at) for at in (203, 204, 205)]
        self.mass_memory_interval_ms = None
        if minutes is not None and seconds is not None and hundredths is not None:
            self.mass_memory_interval_ms = (minutes * 60 + seconds) * 1000 + hundredths * 10
        self.channel_groups = _number(block, 246)


def contents_of(block: bytes) -> Record | None:
    """What a response holds; None when that is not public."""
    if block[0] == 0x14:
        return InstantaneousValues(block)
    return Parameters(block) if block[0] in (0x20, 0x21, 0x22, 0x51) else None


def _number(block: bytes, at: int, size_bytes: int = 1) -> int | None:
    digits = digits_of(block[at : at + size_bytes])
    return None if digits is None else int(digits)


def _time(block: bytes, at: int) -> str | None:
    """Local time, ISO 8601, from hour, minute, second, day, month and year; None when it is none."""
    digits = digits_of(block[at : at + 6])
    if digits is None:
        return None
    hour, minute, second, day, month, year = [digits[each : each + 2] for each in range(0, 12, 2)]
    if hour > "23" or minute > "59" or second > "59" or not "01" <= day <= "31" or not "01" <= month <= "12":
        return None
    return f"20{year}-{month}-{day}T{hour}:{minute}:{second}"


def _float(block: bytes, at: int) -> float | None:
    value: float = struct.unpack_from("<f", block, at)[0]
    return value if value - value == 0 else None
