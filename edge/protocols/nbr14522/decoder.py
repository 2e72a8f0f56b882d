"""Commands, responses and signals out of the bytes of a line, whoever sent them."""

from __future__ import annotations

from edge.protocols.bcd import digits_of
from edge.protocols.framer import NOISE, Framer, Skip
from edge.protocols.nbr14522.frames import (
    COMMAND_BYTES,
    READER_DIGITS,
    RESPONSE_BYTES,
    SERIAL_DIGITS,
    SIGNALS,
    Signal,
    command_of,
    is_code,
    response_of,
)
from edge.protocols.records import Frame

CRC = "crc"
"""Why bytes with which a command or a response may begin are none."""


class Nbr14522Decoder(Framer):
    """Frames out of bytes. In what is left of a broken response a byte may be taken for a signal; a block never is."""

    SIZE_MAX = RESPONSE_BYTES

    def head(self, kept: bytearray, offset: int) -> Frame | Skip | None:
        """What stands at the head: a command or a response, which only their CRCs tell apart, or a signal."""
        if kept[0] in SIGNALS:
            return Signal(SIGNALS[kept[0]], offset)
        if not is_code(kept[0]):
            return _noise(kept)
        if digits_of(kept[1 : 1 + READER_DIGITS // 2]) is None:
            return Skip(NOISE)
        if len(kept) < COMMAND_BYTES:
            return None
        command = command_of(bytes(kept[:COMMAND_BYTES]), offset)
        if command is not None:
            return command
        if digits_of(kept[1 : 1 + SERIAL_DIGITS // 2]) is None:
            return Skip(CRC)
        if len(kept) < RESPONSE_BYTES:
            return None
        return response_of(bytes(kept[:RESPONSE_BYTES]), offset) or Skip(CRC)


def _noise(kept: bytearray) -> Skip:
    """Bytes with which nothing begins."""
    at = 1
    while at < len(kept) and kept[at] not in SIGNALS and not is_code(kept[at]):
        at += 1
    return Skip(NOISE, at)
