"""Messages of IEC 62056-21 out of the bytes of a line, whoever sent them.

What is broken gives way to the next character with which a message may begin, so none is hidden in it. But a BCC may
look like an ACK: one that follows at once on characters that were no message is doubtful, and is none.

An identification is known at its end; the push of mode D that may follow is a frame of its own, so nobody waits to see
which mode it is.
"""

from __future__ import annotations

from edge.protocols.framer import NOISE, Framer, Skip
from edge.protocols.iec62056.blocks import parse
from edge.protocols.iec62056.characters import ACK, BAD, CR, EOT, ETX, LF, NAK, SOFTWARE, SOH, STX, bcc, received
from edge.protocols.iec62056.messages import (
    LETTERS_DIGITS,
    OPTION_SELECT_BYTES,
    Ack,
    Identification,
    Message,
    Nak,
    OptionSelect,
)
from edge.protocols.records import Discard, Frame

PARITY, BCC, SYNTAX, TOO_LONG = "parity", "bcc", "syntax", "too_long"
"""Why characters with which a message may begin are none."""
DOUBTFUL = "doubtful"
"""Why an ACK or a NAK is none: it may be the BCC of a message that was not known as one."""

SIZE_MAX_BYTES = 16_384
_LINE_MAX_BYTES = 48
_SLASH, _EXCLAMATION = 0x2F, 0x21
_LONG_STARTS = (SOH, STX, _SLASH)
_STARTS = (SOH, STX, _SLASH, ACK, NAK)
_GLITCHES = (0x00, 0x7F, CR, LF)
"""What may stand between messages: what the line makes when it is turned round, and line ends that some makers add."""
_MORE, _WHOLE, _WRONG = range(3)


class _Broken(Skip):
    """A message that has its BCC."""


class Iec62056Decoder(Framer):
    """Messages out of bytes. Call `end` after 1500 ms of silence: no two characters of a message are further apart."""

    def __init__(self, parity: str = SOFTWARE, size_max_bytes: int = SIZE_MAX_BYTES) -> None:
        super().__init__()
        self.SIZE_MAX = size_max_bytes
        self.takes_options = True
        """Whether ACK may begin an option select; where it cannot, nobody has to wait for more."""
        self.broken = 0
        """Messages that came whole and were wrong; who is spoken to answers them with NAK."""
        self._parity = parity
        self._push_at = -1
        self._looked_at = (-1, 0)
        self._is_doubtful = False
        self._ended = False

    @property
    def is_within_message(self) -> bool:
        """Whether more is waited for."""
        return len(self._kept) > 0

    def feed(self, data: bytes) -> list[Frame | Discard]:
        """See `Framer`."""
        return super().feed(received(data, self._parity))

    def end(self) -> list[Frame | Discard]:
        """See `Framer`; an ACK that might have begun an option select is one."""
        found: list[Frame | Discard] = []
        self._ended = True
        self._drain(found)
        found += super().end()
        self._ended = self._is_doubtful = False
        return found

    def head(self, kept: bytearray, offset: int) -> Frame | Skip | None:
        """What stands at the head: a message, or how much is none."""
        first = kept[0]
        if first in (SOH, STX) or (first == CR and offset == self._push_at):
            return self._message(kept, offset, self.SIZE_MAX)
        if first == _SLASH:
            return self._message(kept, offset, _LINE_MAX_BYTES)
        if first == ACK:
            return self._ack(kept, offset)
        if first == NAK:
            return self._placed(Nak(), offset, 1)
        return _noise(kept)

    def _message(self, kept: bytearray, offset: int, size_max_bytes: int) -> Frame | Skip | None:
        """A message that has an end; how far it was looked at without one is remembered."""
        judge = _JUDGES[kept[0]]
        at = self._looked_at[1] if self._looked_at[0] == offset else 1
        while at < len(kept):
            verdict = judge(kept, at)
            at += 1
            if verdict == _WHOLE:
                return self._whole(kept, offset, at)
            if verdict == _WRONG or at == size_max_bytes:
                return _to_next_start(TOO_LONG if verdict == _MORE else SYNTAX, kept, at)
        self._looked_at = offset, at
        return None

    def _whole(self, kept: bytearray, offset: int, size_bytes: int) -> Frame | Skip:
        characters = bytes(kept[:size_bytes])
        found = _parsed(characters)
        if isinstance(found, Message):
            if isinstance(found, Identification):
                self._push_at = offset + size_bytes
            return self._placed(found, offset, size_bytes)
        skip = _to_next_start(found, kept, size_bytes)
        if characters[0] in (SOH, STX):
            self.broken += 1
            if skip.size_bytes >= size_bytes - 1 and characters[-1] not in _LONG_STARTS:
                return _Broken(found, size_bytes)
        return skip

    def _ack(self, kept: bytearray, offset: int) -> Frame | Skip | None:
        """An option select, or an ACK by itself."""
        options = bytes(kept[:OPTION_SELECT_BYTES])
        if not self.takes_options or not all(_is_option(options, at) for at in range(1, len(options))):
            return self._placed(Ack(), offset, 1)
        if len(options) < OPTION_SELECT_BYTES:
            return self._placed(Ack(), offset, 1) if self._ended else None
        if max(options) == BAD:
            return _to_next_start(PARITY, kept, len(options))
        return self._placed(OptionSelect.parse(options.decode()), offset, len(options))

    def _placed(self, message: Message, offset: int, size_bytes: int) -> Frame | Skip:
        if size_bytes == 1 and self._is_doubtful:
            return Skip(DOUBTFUL)
        self._is_doubtful = False
        message.offset = offset
        message.size_bytes = size_bytes
        return message

    def _skip(self, found: list[Frame | Discard], skip: Skip) -> None:
        """See `Framer`. One doubtful character at most is a BCC."""
        if isinstance(skip, _Broken) or skip.reason == DOUBTFUL:
            self._is_doubtful = False
        elif any(byte not in _GLITCHES for byte in self._kept[: skip.size_bytes]):
            self._is_doubtful = True
        super()._skip(found, skip)


def _parsed(characters: bytes) -> Message | str:
    """The message that these characters are, or why they are none."""
    if max(characters) == BAD:
        return PARITY
    if characters[0] in (SOH, STX) and bcc(characters[1:-1]) != characters[-1]:
        return BCC
    try:
        return parse(characters)
    except ValueError:
        return SYNTAX


def _of_framed(kept: bytearray, at: int) -> int:
    """From SOH or STX to the BCC behind ETX or EOT, which may be any character."""
    if at > 1 and kept[at - 1] in (ETX, EOT):
        return _WHOLE
    is_second_start = kept[at] == STX and kept[0] == SOH and at == 3
    return _MORE if kept[at] in (ETX, EOT) or is_second_start or _is_text(kept[at]) else _WRONG


def _of_line(kept: bytearray, at: int) -> int:
    """From a slash to LF."""
    if kept[at] == LF:
        return _WHOLE
    return _MORE if _is_text(kept[at]) and kept[at] != _SLASH else _WRONG


def _of_push(kept: bytearray, at: int) -> int:
    """From CR LF to the CR LF behind an exclamation mark."""
    if at == 1:
        return _MORE if kept[at] == LF else _WRONG
    if kept[at] == LF and kept[at - 1] == CR and kept[at - 2] == _EXCLAMATION:
        return _WHOLE
    return _MORE if _is_text(kept[at]) and kept[at] != _SLASH else _WRONG


_JUDGES = {SOH: _of_framed, STX: _of_framed, _SLASH: _of_line, CR: _of_push}


def _is_text(character: int) -> bool:
    return 0x20 <= character < 0x7F or character in (CR, LF, BAD)


def _is_option(options: bytes, at: int) -> bool:
    """Whether an option select may hold this at its place; what was a character with a wrong parity may be anything."""
    if options[at] == BAD:
        return True
    return options[at] == (CR, LF)[at - 4] if at > 3 else chr(options[at]) in LETTERS_DIGITS


def _noise(kept: bytearray) -> Skip:
    """Characters with which nothing begins, up to one that is another or may be the start of something."""
    is_bad = kept[0] == BAD
    at = 1
    while at < len(kept) and kept[at] not in _STARTS and (kept[at] == BAD) == is_bad:
        at += 1
    return Skip(PARITY if is_bad else NOISE, at)


def _to_next_start(reason: str, kept: bytearray, end: int) -> Skip:
    """Nothing before `end` is a message but what begins behind the head."""
    for at in range(1, end):
        if kept[at] in _STARTS:
            return Skip(reason, at)
    return Skip(reason, end)
