"""Our IEC 62056-21 against somebody else's, `iec62056-21` of Palmlund Wahlgren: messages both ways, and a session.

That library knows mode C. What it does in its own way is kept out: it puts a backslash into each identification, takes
a unit for one only behind an address, reads no command without data, and cannot send a password by itself.
"""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st
from iec62056_21 import constants
from iec62056_21 import messages as theirs
from iec62056_21.client import Iec6205621Client
from iec62056_21.transports import BaseTransport

from edge.protocols.iec62056.blocks import Answer, Command, Readout, parse
from edge.protocols.iec62056.characters import HARDWARE
from edge.protocols.iec62056.data import DataSet
from edge.protocols.iec62056.messages import Identification, Message, OptionSelect, Request
from edge.protocols.iec62056.meter import Meter, MeterSettings
from edge.protocols.iec62056.registers import Registers
from edge.protocols.iec62056.side import Line
from edge.protocols.session import Send, Wait

PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in "()/!*")
LETTERS_DIGITS = string.ascii_letters + string.digits
PASSWORD = "12345678"  # noqa: S105  of a meter that is not there

addresses = st.text(PRINTABLE, min_size=1, max_size=16)
sets = st.builds(DataSet, addresses, st.text(PRINTABLE, max_size=32), st.text(PRINTABLE, max_size=16))
blocks = st.lists(sets, min_size=1, max_size=6).map(tuple)
characters = st.sampled_from(LETTERS_DIGITS)


def told(one: DataSet) -> theirs.DataSet:
    return theirs.DataSet(address=one.address, value=one.value, unit=one.unit or None)


def heard(one: theirs.DataSet) -> DataSet:
    return DataSet(one.address or "", one.value, one.unit or "")


def lines(block: theirs.DataBlock) -> tuple[DataSet, ...]:
    return tuple(heard(one) for line in block.data_lines for one in line.data_sets)


def told_lines(block: tuple[DataSet, ...]) -> theirs.DataBlock:
    return theirs.DataBlock([theirs.DataLine([told(one)]) for one in block])


def same(ours: Message, other: bytes) -> bool:
    """Whether their bytes are read as our message is."""
    return parse(other).fields() == parse(ours.encode()).fields()


@given(address=st.text(LETTERS_DIGITS, max_size=32))
def test_requests(address: str) -> None:
    request = Request(address)
    assert theirs.RequestMessage(address).to_bytes() == request.encode()
    assert theirs.RequestMessage.from_bytes(request.encode()).device_address == address


@given(
    maker=st.text(string.ascii_letters, min_size=3, max_size=3), rate_id=characters,
    ident=st.text(PRINTABLE, max_size=15),
)  # fmt: skip
def test_identifications(maker: str, rate_id: str, ident: str) -> None:
    ours = Identification(maker, rate_id, "\\" + ident)
    assert theirs.IdentificationMessage(ident, maker, rate_id).to_bytes() == ours.encode()
    found = theirs.IdentificationMessage.from_bytes(ours.encode())
    assert (found.manufacturer, found.switchover_baudrate_char, found.identification) == (maker, rate_id, ident)


@given(rate_id=characters, mode=characters)
def test_option_selects(rate_id: str, mode: str) -> None:
    ours = OptionSelect("0", rate_id, mode)
    assert theirs.AckOptionSelectMessage(rate_id, mode).to_bytes() == ours.encode()
    found = theirs.AckOptionSelectMessage.from_bytes(ours.encode())
    assert (found.baud_char, found.mode_char) == (rate_id, mode)


@given(letter=st.sampled_from("PWREB"), digit=st.integers(0, 9), one=sets)
def test_commands(letter: str, digit: int, one: DataSet) -> None:
    ours = Command(f"{letter}{digit}", (one,))
    assert theirs.CommandMessage(letter, digit, told(one)).to_bytes() == ours.encode()
    found = theirs.CommandMessage.from_bytes(ours.encode())
    assert (found.command, found.command_type, heard(found.data_set)) == (letter, digit, one)
    assert theirs.CommandMessage(letter, digit, None).to_bytes() == Command(f"{letter}{digit}").encode()


@given(block=blocks)
def test_readouts(block: tuple[DataSet, ...]) -> None:
    ours = Readout(block)
    assert theirs.ReadoutDataMessage(told_lines(block)).to_bytes() == ours.encode()
    assert lines(theirs.ReadoutDataMessage.from_bytes(ours.encode()).data_block) == block


@given(block=blocks)
def test_answers(block: tuple[DataSet, ...]) -> None:
    ours = Answer(block)
    assert same(ours, theirs.AnswerDataMessage(told_lines(block)).to_bytes())
    assert lines(theirs.AnswerDataMessage.from_bytes(ours.encode()).data_block) == block


class ToOurMeter(BaseTransport):  # type: ignore[misc]  # it has no types
    """Brings their client's bytes to our meter, whose time passes as fast as nothing happens."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter
        self._now_ms = 0
        self._said = b""
        self._wait: Wait | None = None

    def _send(self, data: bytes) -> None:
        self._drive(data)

    def _recv(self, count: int) -> bytes:
        while len(self._said) < count:
            assert self._wait is not None, "the meter says nothing more"
            assert self._wait.until_ms is not None, "the meter says nothing more"
            self._now_ms = max(self._now_ms, self._wait.until_ms)
            self._drive(b"")
        said, self._said = self._said[:count], self._said[count:]
        return said

    def switch_baudrate(self, baud: int) -> None:
        """The meter says by itself when it changes its own."""

    def _drive(self, data: bytes) -> None:
        action = self._meter.resume(data, self._now_ms)
        while not isinstance(action, Wait):
            if isinstance(action, Send):
                self._said += action.data
            action = self._meter.resume(b"", self._now_ms)
        self._wait = action


class Restless(Iec6205621Client):  # type: ignore[misc]  # it has no types
    """Their client, without the pauses that it makes by the clock."""

    def rest(self, duration: float | None = None) -> None:
        del duration


@given(
    held=st.dictionaries(st.text(LETTERS_DIGITS + ".:-", min_size=1, max_size=16), sets, min_size=1, max_size=4),
    maker=st.sampled_from(["SIP", "SIp"]), rate_id=st.sampled_from("0356"), new=st.text(PRINTABLE, max_size=32),
)  # fmt: skip
def test_their_client_reads_and_writes_our_meter(held: dict[str, DataSet], maker: str, rate_id: str, new: str) -> None:
    contents = {address: f"{one.value}{'*' if one.unit else ''}{one.unit}" for address, one in held.items()}
    meter = Meter(
        Identification(maker, rate_id, "\\METER"),
        Registers(dict(contents), password=PASSWORD),
        MeterSettings(address="4711", answers_with_address=True),
        Line(parity=HARDWARE),
    )
    client = Restless(ToOurMeter(meter), device_address="4711")
    readout = client.standard_readout()
    assert tuple(map(heard, readout.data)) == meter.registers.readout()
    assert (client.manufacturer_id, client.identification) == (maker, "METER")

    assert client.access_programming_mode().command == "P"
    to_login = theirs.CommandMessage("P", 1, theirs.DataSet("", PASSWORD))
    client.transport.send(to_login.to_bytes())
    assert client.transport.recv(1) == constants.ACK.encode()
    for address, one in held.items():
        assert heard(client.read_single_value(address)) == DataSet(address, one.value, one.unit)
        client.write_single_value(address, new)
        assert heard(client.read_single_value(address)) == DataSet(address, new)
    assert meter.registers.contents == dict.fromkeys(held, new)
    client.send_break()
    assert not meter.is_programming
