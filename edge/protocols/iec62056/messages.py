"""The messages of IEC 62056-21 (section 6.3), in characters of seven bits: those that carry no data.

    request             / ? address ! CR LF
    identification      / XXX Z ident CR LF
    option select       ACK V Z Y CR LF

A message is made to be sent, or came. `encode` keeps to the standard and raises `ValueError`; `parse` takes what real
meters send, and raises it for the rest. Those with data are in `blocks`.
"""

from __future__ import annotations

from edge.protocols.iec62056.characters import ACK, NAK, RATES_B, RATES_C
from edge.protocols.records import Frame

READOUT, PROGRAMMING = "0", "1"
"""Mode control characters, Y; 6 to 9 are the maker's own."""

ADDRESS_MAX, IDENT_MAX = 32, 16
TAKEN_IDENT_MAX = 40
OPTION_SELECT_BYTES = 6
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LETTERS_DIGITS = _LETTERS + "0123456789"
_ADDRESS = LETTERS_DIGITS + " "


class Message(Frame):
    """A message; one that was made to be sent stands nowhere, at offset 0 with size 0."""

    def __init__(self) -> None:
        super().__init__(0, 0)

    def encode(self) -> bytes:
        """Its characters, seven bits each; raises `ValueError` for what the standard does not allow."""
        raise NotImplementedError


class Request(Message):
    """Sign-on; without an address every meter on the line answers."""

    KIND = "iec62056-21.request"
    FIELDS = ("offset", "size_bytes", "address")

    def __init__(self, address: str = "") -> None:
        super().__init__()
        self.address = address

    @classmethod
    def parse(cls, text: str) -> Request:
        """A request from its line."""
        if not text.startswith("/?") or not text.endswith("!\r\n"):
            raise ValueError(f"{text!r} is no request")
        return cls(_checked_address(text[2:-3]))

    def encode(self) -> bytes:
        """See `Message`."""
        return f"/?{_checked_address(self.address)}!\r\n".encode()

    def is_for(self, address: str) -> bool:
        """Whether a meter of this address has to answer: leading zeros say nothing (6.3.14)."""
        return self.address == "" or self.address.lstrip("0") == address.lstrip("0")


class Identification(Message):
    """What a meter says it is: its maker's three letters, Z, and a text that may hold pairs of backslash and W."""

    KIND = "iec62056-21.identification"
    FIELDS = ("offset", "size_bytes", "maker", "rate_id", "ident")

    def __init__(self, maker: str, rate_id: str, ident: str) -> None:
        super().__init__()
        self.maker = maker
        self.rate_id = rate_id
        self.ident = ident

    @classmethod
    def parse(cls, text: str) -> Identification:
        """An identification from its line."""
        maker, rate_id, ident = text[1:4], text[4:5], text[5:-2]
        if not text.startswith("/") or not text.endswith("\r\n") or len(text) < 7:
            raise ValueError(f"{text!r} is no identification")
        return cls(*_checked_identification(maker, rate_id, ident, TAKEN_IDENT_MAX))

    def encode(self) -> bytes:
        """See `Message`."""
        return f"/{''.join(_checked_identification(self.maker, self.rate_id, self.ident, IDENT_MAX))}\r\n".encode()

    @property
    def mode(self) -> str:
        """A, B or C, as Z says; a meter of mode D says 3, like one of mode C."""
        if "0" <= self.rate_id <= "9":
            return "C"
        return "B" if "A" <= self.rate_id <= "I" else "A"

    @property
    def rate_bd(self) -> int | None:
        """The rate that Z stands for; None where Z says none, or one that is reserved."""
        return RATES_C.get(self.rate_id) or RATES_B.get(self.rate_id)

    @property
    def reaction_ms(self) -> int:
        """How long at least between a message and its answer: the third letter says it (6.3.12)."""
        return 20 if "a" <= self.maker[2] <= "z" else 200

    @property
    def enhanced(self) -> str:
        """The characters behind each backslash: 2 is mode E with HDLC."""
        return "".join(part[:1] for part in self.ident.split("\\")[1:])


class OptionSelect(Message):
    """What the client chooses after an identification: protocol V, rate Z and mode Y."""

    KIND = "iec62056-21.option_select"
    FIELDS = ("offset", "size_bytes", "protocol", "rate_id", "mode")

    def __init__(self, protocol: str, rate_id: str, mode: str) -> None:
        super().__init__()
        self.protocol = protocol
        self.rate_id = rate_id
        self.mode = mode

    @classmethod
    def parse(cls, text: str) -> OptionSelect:
        """An option select from ACK to LF."""
        if len(text) != OPTION_SELECT_BYTES or not text.endswith("\r\n") or text[0] != "\x06":
            raise ValueError(f"{text!r} is no option select")
        return cls(*_checked_options(text[1], text[2], text[3]))

    def encode(self) -> bytes:
        """See `Message`."""
        return f"\x06{''.join(_checked_options(self.protocol, self.rate_id, self.mode))}\r\n".encode()


class Ack(Message):
    """Done, or the next partial block."""

    KIND = "iec62056-21.ack"
    FIELDS = ("offset", "size_bytes")

    def encode(self) -> bytes:
        """See `Message`."""
        return bytes([ACK])


class Nak(Message):
    """It came broken: send it again."""

    KIND = "iec62056-21.nak"
    FIELDS = ("offset", "size_bytes")

    def encode(self) -> bytes:
        """See `Message`."""
        return bytes([NAK])


def _checked_address(address: str) -> str:
    if len(address) > ADDRESS_MAX or any(character not in _ADDRESS for character in address):
        raise ValueError(f"{address!r} is no address: at most {ADDRESS_MAX} letters, digits and spaces")
    return address


def _checked_identification(maker: str, rate_id: str, ident: str, ident_max: int) -> tuple[str, str, str]:
    if len(maker) != 3 or any(letter not in _LETTERS for letter in maker):
        raise ValueError(f"{maker!r} is no maker: three letters")
    text = rate_id + ident
    if len(rate_id) != 1 or len(ident) > ident_max or any(not " " <= each <= "~" or each in "/!" for each in text):
        raise ValueError(f"{text!r} is no identification: Z and at most {ident_max} printable characters, no / and !")
    return maker, rate_id, ident


def _checked_options(protocol: str, rate_id: str, mode: str) -> tuple[str, str, str]:
    if any(len(each) != 1 or each not in LETTERS_DIGITS for each in (protocol, rate_id, mode)):
        raise ValueError(f"{protocol + rate_id + mode!r} is no option: three letters or digits")
    return protocol, rate_id, mode
