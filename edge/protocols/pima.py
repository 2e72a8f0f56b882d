"""PIMA, the packets of a meter's unidirectional serial output (Celesc E-321.0017, Copel ETC 3.11): read, and made.

    bytes 0-1   preamble, AA 55
          2-6   serial number of the meter, ten digits in BCD
          7     number of bytes of scope, index and data: 2 + n
          8-9   scope and index
          10    n bytes of data in BCD, the most significant first
          then  CRC-16/ARC of all between preamble and CRC, low byte first

8N1, mostly at 2400 baud. At most 50 bit times pass between characters, at least 200 between packets, and each mandatory
quantity comes at least every 5 s. Nobody asks and nobody answers.

Radio gateways send a grouped form (seen at rmhulle/TAD_BBB): several times size, scope, index and data under one serial
number, and one CRC, which there covers the preamble too. Where it ends only the CRC tells.
"""

from __future__ import annotations

from edge.protocols.bcd import bcd_of, digits_of
from edge.protocols.crc import crc16, crc16_bytes
from edge.protocols.framer import NOISE, Framer, Skip
from edge.protocols.quantities import QUANTITIES, Quantity, find
from edge.protocols.records import Frame, Record

PREAMBLE = b"\xaa\x55"
PACKET, GROUPED = "packet", "grouped"
LAYOUTS = (PACKET, GROUPED)
SERIAL_DIGITS = 10
FILLER = 0xFF

SIZE, CRC, BAD_SERIAL = "size", "crc", "bad_serial"
"""Why what begins with a preamble is no packet; `bad_serial` has the right CRC."""
GOOD, NOT_AVAILABLE, BAD_BCD, UNKNOWN = "good", "not_available", "bad_bcd", "unknown"
"""What a value is worth: only a good one has a value, and of an unknown quantity the data are kept as they came."""

_ITEMS_AT = 7
_CRC_BYTES = 2
_LONGEST_BYTES = _ITEMS_AT + 1 + 255 + _CRC_BYTES


class Reading(Record):
    """One quantity as the meter sent it."""

    FIELDS = ("scope", "index", "data", "quantity", "unit", "value", "quality")

    def __init__(
        self, pair: tuple[int, int], data: bytes, quantity: Quantity | None, quality: str, value: int | None = None
    ) -> None:
        self.scope, self.index = pair
        self.data = data
        self.quantity = quantity.name if quantity else None
        self.unit = quantity.unit if quantity else None
        self.value = value
        self.quality = quality

    @property
    def pair(self) -> tuple[int, int]:
        """Scope and index."""
        return self.scope, self.index


class Packet(Frame):
    """What a meter said of itself: one reading, or several in the grouped form."""

    KIND = "pima.packet"
    FIELDS = ("offset", "size_bytes", "serial", "readings")

    def __init__(self, offset: int, size_bytes: int, serial: str, readings: tuple[Reading, ...]) -> None:
        super().__init__(offset, size_bytes)
        self.serial = serial
        self.readings = readings


class PimaDecoder(Framer):
    """Packets out of bytes. Call `end` when the line was silent for 200 bit times, and a torn packet holds up none."""

    def __init__(
        self,
        layout: str = PACKET,
        quantities: tuple[Quantity, ...] = QUANTITIES,
        size_max_bytes: int = _LONGEST_BYTES,
    ) -> None:
        """`size_max_bytes` bounds a whole packet, and so how long noise that looks like one is waited for."""
        super().__init__()
        self.SIZE_MAX = size_max_bytes
        self._grouped = layout == GROUPED
        self._quantities = quantities

    def head(self, kept: bytearray, offset: int) -> Frame | Skip | None:
        """What stands at the head: a packet, or how much is none."""
        start = kept.find(PREAMBLE)
        if start:
            noise = start if start > 0 else len(kept) - (kept[-1] == PREAMBLE[0])
            return Skip(NOISE, noise) if noise else None
        crc_from = 0 if self._grouped else len(PREAMBLE)
        at = _ITEMS_AT
        while at < len(kept):
            behind = at + 1 + kept[at]
            if kept[at] < 3 or behind + _CRC_BYTES > self.SIZE_MAX:
                return _broken(kept, at + 1, SIZE if at == _ITEMS_AT else CRC)
            end = behind + _CRC_BYTES
            if len(kept) < end:
                return None
            if crc16(kept[crc_from:end]) == 0:
                return self._packet(kept, offset, end)
            if not self._grouped:
                return _broken(kept, end, CRC)
            at = behind
        return None

    def _packet(self, kept: bytearray, offset: int, end: int) -> Packet | Skip:
        serial = digits_of(kept[len(PREAMBLE) : _ITEMS_AT])
        if serial is None:
            return _broken(kept, end, BAD_SERIAL)
        readings = []
        at = _ITEMS_AT
        while at < end - _CRC_BYTES:
            behind = at + 1 + kept[at]
            readings.append(reading_of((kept[at + 1], kept[at + 2]), bytes(kept[at + 3 : behind]), self._quantities))
            at = behind
        return Packet(offset, end, serial, tuple(readings))


def reading_of(pair: tuple[int, int], data: bytes, quantities: tuple[Quantity, ...] = QUANTITIES) -> Reading:
    """What the data of a pair of scope and index say."""
    quantity = find(quantities, pair, len(data))
    if quantity is None:
        return Reading(pair, data, None, UNKNOWN)
    if all(byte == FILLER for byte in data):
        return Reading(pair, data, quantity, NOT_AVAILABLE)
    digits = digits_of(data)
    if digits is None:
        return Reading(pair, data, quantity, BAD_BCD)
    return Reading(pair, data, quantity, GOOD, int(digits))


def item_of(pair: tuple[int, int], data: bytes) -> bytes:
    """Size, scope, index and data, as a packet holds them; raises `ValueError`."""
    if not 1 <= len(data) <= 253:
        raise ValueError(f"{len(data)} bytes of data, 1 to 253 fit into a packet")
    return bytes((2 + len(data), pair[0], pair[1])) + data


def item_of_value(quantity: Quantity, value: int | None) -> bytes:
    """The item of a known quantity; None is not available. Raises `ValueError` when the value has too many digits."""
    if value is None:
        return item_of(quantity.pair, bytes([FILLER] * (quantity.digits // 2)))
    digits = f"{value:0{quantity.digits}d}"
    if len(digits) > quantity.digits:
        raise ValueError(f"{quantity.name} has {quantity.digits} digits, {value} does not fit")
    return item_of(quantity.pair, bcd_of(digits))


def encode_packet(serial: str, item: bytes) -> bytes:
    """The packet of a meter; raises `ValueError` when the serial number does not have ten digits."""
    body = _serial_bytes(serial) + item
    return PREAMBLE + body + crc16_bytes(body)


def encode_group(serial: str, items: list[bytes]) -> bytes:
    """The grouped form of a radio gateway; the same error."""
    body = PREAMBLE + _serial_bytes(serial) + b"".join(items)
    return body + crc16_bytes(body)


def _serial_bytes(serial: str) -> bytes:
    if len(serial) != SERIAL_DIGITS:
        raise ValueError(f"{serial!r}: a serial number has {SERIAL_DIGITS} digits")
    return bcd_of(serial)


def _broken(kept: bytearray, end: int, reason: str) -> Skip:
    """Up to `end` this is no packet, but the next may begin in it, as late as with its last byte."""
    begins = kept.find(PREAMBLE, 1, end)
    if begins < 0:
        begins = end - (kept[end - 1] == PREAMBLE[0])
    return Skip(reason, begins)
