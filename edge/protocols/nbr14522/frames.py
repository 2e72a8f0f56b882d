"""What goes over the line: signals of one byte, commands and responses with CRC-16/ARC, low byte first."""

from __future__ import annotations

from edge.protocols.bcd import bcd_of, digits_of
from edge.protocols.crc import crc16_bytes
from edge.protocols.nbr14522.contents import contents_of
from edge.protocols.records import Frame, Record

SIGNALS = {0x05: "enq", 0x06: "ack", 0x15: "nak", 0x10: "wait"}
ENQ, ACK, NAK, WAIT = "enq", "ack", "nak", "wait"
"""The meter is there; it came well; send it again; the answer takes its time."""

COMMAND_BYTES, RESPONSE_BYTES = 66, 258
SERIAL_DIGITS, READER_DIGITS = 8, 6
CRC_BYTES = 2

READS = {
    "14": "instantaneous values",
    "20": "parameters, with a demand reset",
    "21": "parameters, now",
    "22": "parameters, before the last demand reset",
    "23": "", "24": "", "25": "",
    "26": "mass memory since the last demand reset",
    "27": "mass memory before the last demand reset",
    "28": "", "41": "", "42": "", "43": "", "44": "", "45": "", "46": "",
    "51": "parameters, for the whole mass memory",
    "52": "whole mass memory",
    "80": "",
}  # fmt: skip
"""Commands that read; of those without a name it is known that the standard's sequences have them."""
RESETS_DEMAND = "20"
"""It reads, and ends the meter's billing period."""
COMPOSITE = ("26", "27", "52")
"""Commands with many responses, of which the last says so."""
SEQUENCES = {
    "demand_reset": ("20", "80", "24", "25", "28", "27"),
    "verification": ("21", "80", "23", "25", "28", "26"),
    "recovery": ("22", "80", "24", "25", "28", "27"),
    "demand_reset_short": ("20", "80", "24", "41", "42", "43", "25", "28"),
    "verification_short": ("21", "80", "23", "44", "45", "46", "25", "28"),
    "recovery_short": ("22", "80", "24", "41", "42", "43", "25", "28"),
    "mass_memory": ("51", "80", "52"),
}
"""What a reader asks one after the other."""
NOT_IMPLEMENTED, OCCURRENCE = "39", "40"
"""Codes of responses that are none: the meter has not the command; something happened in it."""
LAST = 0x10
"""In the first byte of the data of a composite command's responses: no more follow."""


class Signal(Frame):
    """A byte by itself."""

    KIND = "nbr14522.signal"
    FIELDS = ("offset", "size_bytes", "name")

    def __init__(self, name: str, offset: int = 0) -> None:
        super().__init__(offset, 1)
        self.name = name

    def encode(self) -> bytes:
        """Its byte."""
        return bytes([byte for byte, name in SIGNALS.items() if name == self.name])


class Command(Frame):
    """What a reader asks: code, its own serial number, and 60 bytes of parameters."""

    KIND = "nbr14522.command"
    FIELDS = ("offset", "size_bytes", "code", "reader", "parameters")

    def __init__(self, code: str, reader: str, parameters: bytes = b"", offset: int = 0) -> None:
        super().__init__(offset, COMMAND_BYTES)
        self.code = code
        self.reader = reader
        self.parameters = _filled(parameters, COMMAND_BYTES - 1 - READER_DIGITS // 2 - CRC_BYTES)

    def encode(self) -> bytes:
        """Its bytes; raises `ValueError` for a command that is not known to read."""
        if self.code not in READS:
            raise ValueError(
                f"command {self.code!r} is not sent: it is none of the reads ({' '.join(READS)}), and how meters of "
                "NBR 14522 are written is not public"
            )
        return _with_crc(bcd_of(self.code) + _serial(self.reader, READER_DIGITS) + self.parameters)


class Response(Frame):
    """What a meter answers: code, its serial number, and 251 bytes; what they are is known of some codes."""

    KIND = "nbr14522.response"
    FIELDS = ("offset", "size_bytes", "code", "meter", "contents", "data")

    def __init__(self, code: str, meter: str, data: bytes, offset: int = 0) -> None:
        super().__init__(offset, RESPONSE_BYTES)
        self.code = code
        self.meter = meter
        self.data = _filled(data, RESPONSE_BYTES - 1 - SERIAL_DIGITS // 2 - CRC_BYTES)

    @property
    def contents(self) -> Record | None:
        """What the data say."""
        return contents_of(self.encode())

    @property
    def is_last(self) -> bool:
        """Whether no more follow; only those to composite commands say it."""
        return self.code not in COMPOSITE or self.data[0] & LAST != 0

    def encode(self) -> bytes:
        """Its bytes."""
        return _with_crc(bcd_of(self.code) + _serial(self.meter, SERIAL_DIGITS) + self.data)


def command_of(block: bytes, offset: int = 0) -> Command | None:
    """The command that 66 bytes are; None when their CRC or their digits are wrong."""
    digits = digits_of(block[: 1 + READER_DIGITS // 2])
    if digits is None or block[-CRC_BYTES:] != crc16_bytes(block[:-CRC_BYTES]):
        return None
    return Command(digits[:2], digits[2:], block[1 + READER_DIGITS // 2 : -CRC_BYTES], offset)


def response_of(block: bytes, offset: int = 0) -> Response | None:
    """The response that 258 bytes are; None when their CRC or their digits are wrong."""
    digits = digits_of(block[: 1 + SERIAL_DIGITS // 2])
    if digits is None or block[-CRC_BYTES:] != crc16_bytes(block[:-CRC_BYTES]):
        return None
    return Response(digits[:2], digits[2:], block[1 + SERIAL_DIGITS // 2 : -CRC_BYTES], offset)


def is_code(byte: int) -> bool:
    """Whether a block may begin with it: 01 to 99 in BCD, and no signal."""
    return byte != 0 and byte not in SIGNALS and byte >> 4 <= 9 and byte & 0x0F <= 9


def _with_crc(block: bytes) -> bytes:
    return block + crc16_bytes(block)


def _serial(digits: str, count: int) -> bytes:
    if len(digits) != count:
        raise ValueError(f"{digits!r}: a serial number has {count} digits here")
    return bcd_of(digits)


def _filled(data: bytes, size_bytes: int) -> bytes:
    if len(data) > size_bytes:
        raise ValueError(f"{len(data)} bytes, at most {size_bytes} fit")
    return data + bytes(size_bytes - len(data))
