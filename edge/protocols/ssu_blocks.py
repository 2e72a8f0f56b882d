"""The blocks of a meter's user output (NBR 14522, 3.4.1 and 3.4.2), normal and extended: read, and made.

110 baud, received as 8N1; one block each second, and about 190 ms of silence between two. Numbers are binary, low byte
first. The counters begin with 0 in each demand interval, mostly of 900 s, whose last block is sent three times. No
serial number is in them.

    octets 1-2  bits 0-11 seconds left of the demand interval; 12 turned round at each demand reset; 13 turned round at
                the end of each reactive interval; 14 capacitive, 15 inductive
           3    normal: bits 0-3 period, 4-5 tariff; extended: 0-1 period, 4-5 quadrant; 7 the reactive tariff is on
           4-5  active pulses of the interval, 6-7 reactive ones; the normal block leaves out bit 15
           8    normal: the complement of the exclusive or; extended, 8-9: CRC-16/ARC, low byte first

Known from the code of apache/nuttx (abnt_codi) and of angeloscoma/ST8500C_TC, a power-factor controller.
"""

from __future__ import annotations

import struct

from edge.protocols.crc import crc16_bytes
from edge.protocols.records import Frame

PEAK, OFF_PEAK, FOURTH, RESERVED = "peak", "off_peak", "fourth", "reserved"
"""Tariff periods; a code that stands for none is told as a number."""

_REGISTERS = {1: (1, 3), 2: (2, 4), 3: (2, 5), 4: (1, 6)}


class Block(Frame):
    """What the blocks of every format tell."""

    SIZE_BYTES = 0
    WRAP = 1 << 16
    """Where a counter begins anew."""

    def __init__(self, offset: int, seconds_left: int, demand_reset: int, reactive_interval: int) -> None:
        """`demand_reset` and `reactive_interval` are the bits that are turned round: edges count, never levels."""
        super().__init__(offset, self.SIZE_BYTES)
        self.seconds_left = seconds_left
        self.demand_reset = demand_reset
        self.reactive_interval = reactive_interval
        self.octets = b""
        """As they came, when they came over a line."""

    @classmethod
    def read(cls, data: bytes, offset: int) -> Block | None:
        """The block that the first `SIZE_BYTES` are; None when its check is wrong."""
        raise NotImplementedError

    def encode(self) -> bytes:
        """The block as it goes over the line; raises `ValueError` for what does not fit."""
        raise NotImplementedError

    def counters(self) -> tuple[tuple[int, int], ...]:
        """(register, pulses of this demand interval) of the registers that are told.

        Registers 1 and 2 count active energy drawn and fed in, 3 to 6 reactive energy in the quadrants 1 to 4.
        """
        raise NotImplementedError


class PulseBlock(Block):
    """What the normal and the extended block have in common."""

    PERIODS: tuple[str, ...] = ()
    PERIOD_BITS = 0
    TARIFFS: tuple[str, ...] = ()
    QUADRANTS: tuple[int, ...] = ()
    """What codes stand for; a format has either tariffs or quadrants."""

    def __init__(
        self,
        *,
        offset: int = 0,
        seconds_left: int = 0,
        demand_reset: int = 0,
        reactive_interval: int = 0,
        capacitive: bool = False,
        inductive: bool = False,
        period: str = OFF_PEAK,
        tariff: str = "blue",
        quadrant: int = 1,
        reactive_tariff: bool = False,
        active_pulses: int = 0,
        reactive_pulses: int = 0,
    ) -> None:
        super().__init__(offset, seconds_left, demand_reset, reactive_interval)
        self.capacitive = capacitive
        self.inductive = inductive
        self.period = period
        self.tariff = tariff
        self.quadrant = quadrant
        self.reactive_tariff = reactive_tariff
        self.active_pulses = active_pulses
        self.reactive_pulses = reactive_pulses

    @classmethod
    def read(cls, data: bytes, offset: int) -> PulseBlock | None:
        """The block at the head of the data; None when its check is wrong.

        Zeros are none: a line that is stuck at 0 would be extended blocks without end, for the CRC of zeros is 0.
        """
        body = data[:7]
        if not any(body) or data[7 : cls.SIZE_BYTES] != cls.check_of(body):
            return None
        head, kinds, active_pulses, reactive_pulses = struct.unpack("<HBHH", body)
        code = kinds >> 4 & 3
        return cls(
            offset=offset,
            seconds_left=head & 0x0FFF,
            demand_reset=head >> 12 & 1,
            reactive_interval=head >> 13 & 1,
            capacitive=bool(head >> 14 & 1),
            inductive=bool(head >> 15),
            period=word_of(cls.PERIODS, kinds & cls.PERIOD_BITS),
            tariff=cls.TARIFFS[code] if cls.TARIFFS else "",
            quadrant=cls.QUADRANTS[code] if cls.QUADRANTS else 1,
            reactive_tariff=bool(kinds >> 7),
            active_pulses=active_pulses % cls.WRAP,
            reactive_pulses=reactive_pulses % cls.WRAP,
        )

    def encode(self) -> bytes:
        """The block as it goes over the line."""
        for name, low, end in (
            ("seconds_left", 0, 1 << 12),
            ("quadrant", 1, 5),
            ("active_pulses", 0, self.WRAP),
            ("reactive_pulses", 0, self.WRAP),
        ):
            if not low <= getattr(self, name) < end:
                raise ValueError(f"{name} is {getattr(self, name)}, {low} to {end - 1} have room in a block")
        flags = self.demand_reset | self.reactive_interval << 1 | self.capacitive << 2 | self.inductive << 3
        code = code_of(self.TARIFFS, self.tariff, 4) if self.TARIFFS else self.QUADRANTS.index(self.quadrant)
        kinds = code_of(self.PERIODS, self.period, self.PERIOD_BITS + 1) | code << 4 | self.reactive_tariff << 7
        body = struct.pack("<HBHH", self.seconds_left | flags << 12, kinds, self.active_pulses, self.reactive_pulses)
        return body + self.check_of(body)

    def counters(self) -> tuple[tuple[int, int], ...]:
        """The two that the quadrant names; the normal block tells none, and its registers are those of the first."""
        active, reactive = _REGISTERS[self.quadrant]
        return (active, self.active_pulses), (reactive, self.reactive_pulses)

    @staticmethod
    def check_of(body: bytes) -> bytes:
        """What stands behind the first seven octets."""
        raise NotImplementedError


class NormalBlock(PulseBlock):
    """Eight octets; `capacitive` and `inductive` tell which pulses count as excess of reactive energy and demand."""

    KIND = "ssu.normal"
    FIELDS = (
        "offset", "size_bytes", "seconds_left", "demand_reset", "reactive_interval", "capacitive", "inductive",
        "period", "tariff", "reactive_tariff", "active_pulses", "reactive_pulses",
    )  # fmt: skip
    SIZE_BYTES = 8
    WRAP = 1 << 15
    PERIODS = ("", PEAK, OFF_PEAK, "", "", "", "", "", RESERVED)
    PERIOD_BITS = 0x0F
    TARIFFS = ("blue", "green", "irrigation", "other")

    @staticmethod
    def check_of(body: bytes) -> bytes:
        """The complement of the exclusive or."""
        check = 0xFF
        for byte in body:
            check ^= byte
        return bytes((check,))


class ExtendedBlock(PulseBlock):
    """Nine octets; `capacitive` and `inductive` tell the reactive period that is in force."""

    KIND = "ssu.extended"
    FIELDS = (
        "offset", "size_bytes", "seconds_left", "demand_reset", "reactive_interval", "capacitive", "inductive",
        "period", "quadrant", "reactive_tariff", "active_pulses", "reactive_pulses",
    )  # fmt: skip
    SIZE_BYTES = 9
    PERIODS = (RESERVED, PEAK, OFF_PEAK, FOURTH)
    PERIOD_BITS = 0x03
    QUADRANTS = (1, 4, 2, 3)

    @staticmethod
    def check_of(body: bytes) -> bytes:
        """The CRC."""
        return crc16_bytes(body)


def word_of(words: tuple[str, ...], code: int) -> str:
    """The word for a code; the number itself where there is none."""
    return (words[code] if code < len(words) else "") or str(code)


def code_of(words: tuple[str, ...], word: str, end: int) -> int:
    """The code below `end` that `word_of` tells as this word; raises `ValueError`."""
    for code in range(end):
        if word_of(words, code) == word:
            return code
    raise ValueError(f"{word!r} is none of {', '.join(known for known in words if known)}")
