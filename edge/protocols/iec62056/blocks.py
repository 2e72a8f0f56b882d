"""The messages of IEC 62056-21 that carry data (section 6.3), in characters of seven bits.

readout             STX data sets ! CR LF ETX BCC
push                CR LF data sets ! CR LF, behind an identification (mode D)
command             SOH C D [STX data sets] ETX BCC; a break is B0
answer              STX data sets ETX BCC; an error is one without address
partial block       a command or an answer that ends in EOT instead of ETX: more follow
"""

from __future__ import annotations

from edge.protocols.iec62056.characters import EOT, ETX, SOH, STX, bcc
from edge.protocols.iec62056.data import DataSet, data_sets
from edge.protocols.iec62056.messages import Identification, Message, Request

BREAK, BREAK_BATTERY = "B0", "B1"
"""Sign off; B1 from devices with fast wake-up, which acknowledge it."""
PARTIAL_READS = ("R3", "R4", "R6")
"""Reads that are answered in partial blocks, which some makers number in the place of the address."""
SECRET_COMMANDS = ("P1", "P2")
ERROR_PREFIX = "ER"
"""How the text of an error begins by convention: the standard has no other mark."""

_COMMANDS = "PWREB"


class Readout(Message):
    """All that a meter says by itself."""

    KIND = "iec62056-21.readout"
    FIELDS = ("offset", "size_bytes", "sets")

    def __init__(self, sets: tuple[DataSet, ...]) -> None:
        super().__init__()
        self.sets = sets

    def encode(self) -> bytes:
        """See `Message`; a line for each data set."""
        return _framed(bytes([STX]), self._lines() + "!\r\n", ETX)

    def _lines(self) -> str:
        return "".join(data_set.encode() + "\r\n" for data_set in self.sets)


class Push(Readout):
    """The same in mode D, where nothing but the parity says that it came well."""

    KIND = "iec62056-21.push"

    @classmethod
    def parse(cls, text: str) -> Push:
        """A push from the CR LF in front to the one behind the exclamation mark."""
        if not text.startswith("\r\n") or not text.endswith("!\r\n"):
            raise ValueError(f"{text[:40]!r} is no push")
        return cls(data_sets(text[2:-3]))

    def encode(self) -> bytes:
        """See `Message`."""
        return f"\r\n{self._lines()}!\r\n".encode()


class Command(Message):
    """A command of the programming mode, or a partial block of one; passwords are not shown."""

    KIND = "iec62056-21.command"
    FIELDS = ("offset", "size_bytes", "code", "shown", "last")

    def __init__(self, code: str, sets: tuple[DataSet, ...] = (), last: bool = True) -> None:
        super().__init__()
        self.code = code
        self.sets = sets
        self.last = last

    @property
    def shown(self) -> tuple[DataSet, ...] | str:
        """Its data sets, unless they are secret."""
        return "secret" if self.code in SECRET_COMMANDS else self.sets

    def encode(self) -> bytes:
        """See `Message`."""
        _check_code(self.code)
        data = "".join(data_set.encode() for data_set in self.sets)
        return _framed(b"\x01" + self.code.encode() + (b"\x02" if data else b""), data, ETX if self.last else EOT)


class Answer(Message):
    """What a meter answers to a command, or a partial block of it."""

    KIND = "iec62056-21.answer"
    FIELDS = ("offset", "size_bytes", "sets", "last")

    def __init__(self, sets: tuple[DataSet, ...], last: bool = True) -> None:
        super().__init__()
        self.sets = sets
        self.last = last

    def encode(self) -> bytes:
        """See `Message`; data sets behind each other, a new line for each that has an address."""
        data = "".join(("\r\n" if at and each.address else "") + each.encode() for at, each in enumerate(self.sets))
        return _framed(bytes([STX]), data, ETX if self.last else EOT)

    @property
    def error(self) -> str:
        """The text of an error; empty when it is none, as far as one can tell: a read value may begin with ER too."""
        first = self.sets[0]
        is_error = len(self.sets) == 1 and not first.address and first.value.startswith(ERROR_PREFIX)
        return first.value if is_error else ""


def parse(characters: bytes) -> Message:
    """The message of these characters, which has its end and the right BCC; raises `ValueError`."""
    text = characters.decode()
    if text.startswith("/?"):
        return Request.parse(text)
    if text.startswith("/"):
        return Identification.parse(text)
    if text.startswith("\r\n"):
        return Push.parse(text)
    last = characters[-2] == ETX
    if characters[0] == SOH:
        return _command(text[1:3], text[3:-2], last)
    block = text[1:-2].rstrip("\r\n")
    if block.endswith("!"):
        return Readout(data_sets(block[:-1]))
    sets = data_sets(block)
    if not sets:
        raise ValueError("an answer without data")
    return Answer(sets, last)


def _command(code: str, rest: str, last: bool) -> Command:
    _check_code(code)
    if rest and not rest.startswith("\x02"):
        raise ValueError(f"{code}{rest[:40]!r} is no command")
    return Command(code, data_sets(rest[1:]), last)


def _framed(start: bytes, data: str, end: int) -> bytes:
    characters = start + data.encode() + bytes([end])
    return characters + bytes([bcc(characters[1:])])


def _check_code(code: str) -> None:
    if len(code) != 2 or code[0] not in _COMMANDS or not "0" <= code[1] <= "9":
        raise ValueError(f"{code!r} is no command: one of {_COMMANDS} and a digit")
