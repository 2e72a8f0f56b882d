"""CRC-16/ARC, the checksum of PIMA, of the user output and of the reader protocol of NBR 14522.

The polynomial is x16 + x15 + x2 + 1, reflected (0xA001); it begins with 0 and nothing is done to it at the end. It is
not CRC-16/MODBUS, which begins with 0xFFFF. The check value, of the digits 1 to 9 as text, is 0xBB3D.
"""

from __future__ import annotations

_POLYNOMIAL = 0xA001


def _of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(_of_byte(byte) for byte in range(256))


def crc16(data: bytes | bytearray, before: int = 0) -> int:
    """The CRC of the data; `before` is that of the data in front of it. Of data with its own CRC behind it, 0."""
    crc = before
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def crc16_bytes(data: bytes | bytearray) -> bytes:
    """The CRC as it goes over the line: the low byte first."""
    crc = crc16(data)
    return bytes((crc & 0xFF, crc >> 8))
