"""Numbers and strings as the native protocol writes them, read within bounds.

A length that a client claims is only believed up to the reader's limit, and memory grows with what has really arrived.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from connectors.embedded.clickhouse.errors import Code, ProtocolError

_VARINT_BYTES = 10
_CONTINUES = 0x80
_RECEIVE_MIN_BYTES = 64 * 1024
_RECEIVE_MAX_BYTES = 4 * 1024 * 1024


def varint(number: int) -> bytes:
    """An unsigned number, seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number >= _CONTINUES:
        encoded.append(number & 0x7F | _CONTINUES)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def string(text: str | bytes) -> bytes:
    """A string after its length in bytes."""
    data = text.encode() if isinstance(text, str) else text
    return varint(len(data)) + data


def int32(number: int) -> bytes:
    """A signed number in four bytes."""
    return struct.pack("<i", number)


class Reader:
    """Reads what `receive` delivers; raises `EOFError` at its end and `ProtocolError` past `limit_bytes` a packet."""

    def __init__(self, receive: Callable[[int], bytes], limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._receive = receive
        self._buffer = bytearray()
        self._position = 0

    @classmethod
    def over(cls, data: bytes) -> Reader:
        """A reader of bytes that are all there."""
        reader = cls(lambda _: b"", len(data))
        reader._buffer += data
        return reader

    @property
    def position(self) -> int:
        """Where the next byte is read; valid until `start_packet`."""
        return self._position

    @property
    def buffered(self) -> bytes:
        """The next byte, if it has arrived already."""
        return bytes(self._buffer[self._position : self._position + 1])

    def since(self, position: int) -> bytes:
        """The bytes that were read since then."""
        with memoryview(self._buffer) as view:
            return bytes(view[position : self._position])

    def start_packet(self) -> None:
        """Forget what was read; the limit counts from here."""
        del self._buffer[: self._position]
        self._position = 0

    def uint8(self) -> int:
        """One byte."""
        self._need(1)
        number = self._buffer[self._position]
        self._position += 1
        return number

    def uint64(self) -> int:
        """Eight bytes, the lowest first."""
        return int.from_bytes(self.take(8), "little")

    def varint(self) -> int:
        """A number of up to 64 bits."""
        number = 0
        for index in range(_VARINT_BYTES):
            byte = self.uint8()
            number |= (byte & 0x7F) << 7 * index
            if byte < _CONTINUES:
                return number
        raise ProtocolError(Code.INCORRECT_DATA, "a number does not end after 64 bits")

    def string(self) -> str:
        """A string that has to be UTF-8."""
        try:
            return self.take(self.varint()).decode()
        except UnicodeDecodeError:
            raise ProtocolError(Code.INCORRECT_DATA, "a name or a statement is not UTF-8") from None

    def take(self, count: int) -> bytes:
        """So many bytes."""
        self._need(count)
        start = self._position
        self._position += count
        return bytes(self._buffer[start : self._position])

    def skip(self, count: int) -> None:
        """Go past so many bytes."""
        self._need(count)
        self._position += count

    def skip_strings(self, count: int) -> None:
        """Go past so many strings."""
        self._check_limit(count)  # each takes a byte at least
        while count:
            count = self._skip_whole_strings(count)
            if count:
                self._need(len(self._buffer) - self._position + 1)

    def _skip_whole_strings(self, count: int) -> int:
        """Go past the strings that have arrived as a whole; returns how many are missing.

        Every byte of every inserted string passes here, so it is one loop over local names, and most lengths are one
        byte long.
        """
        buffer, position, end = self._buffer, self._position, len(self._buffer)
        while count and position < end:
            length = buffer[position]
            after = position + 1
            if length >= _CONTINUES:
                length &= 0x7F
                for shift in range(7, 7 * _VARINT_BYTES, 7):
                    if after == end:
                        self._position = position
                        return count
                    byte = buffer[after]
                    after += 1
                    length |= (byte & 0x7F) << shift
                    if byte < _CONTINUES:
                        break
                else:
                    raise ProtocolError(Code.INCORRECT_DATA, "a string's length does not end after 64 bits")
            after += length
            if after > end:
                self._position = position
                self._check_limit(after - position)
                return count
            position = after
            count -= 1
        self._position = position
        return count

    def _need(self, count: int) -> None:
        missing = self._position + count - len(self._buffer)
        if missing <= 0:
            return
        self._check_limit(count)
        while missing > 0:
            data = self._receive(min(max(missing, _RECEIVE_MIN_BYTES), _RECEIVE_MAX_BYTES))
            if not data:
                raise EOFError
            self._buffer += data
            missing -= len(data)

    def _check_limit(self, count: int) -> None:
        if self._position + count > self.limit_bytes:
            raise ProtocolError(
                Code.TOO_LARGE_STRING_SIZE, f"a packet claims more than the {self.limit_bytes} bytes that are accepted"
            )
