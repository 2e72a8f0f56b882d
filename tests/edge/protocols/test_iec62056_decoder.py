"""Messages out of the bytes of a line, recorded ones too; what breaks one hides no other."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_oracle import Found, cut, decoded, frames, lines, same_in_pieces

from edge.protocols.framer import INCOMPLETE, NOISE
from edge.protocols.iec62056.blocks import Answer, Command, Push, Readout
from edge.protocols.iec62056.characters import HARDWARE, PARITIES, SOFTWARE, sent
from edge.protocols.iec62056.data import DataSet
from edge.protocols.iec62056.decoder import BCC, PARITY, SYNTAX, TOO_LONG, Iec62056Decoder
from edge.protocols.iec62056.messages import Ack, Identification, Message, Nak, OptionSelect, Request
from edge.protocols.records import Discard, Frame

ISKRA = (
    b"/?!\r\n/ISk5ME162-0033\r\n\x06050\r\n"
    b"\x02C.1.0(28342193)\r\n0.0.0(28342193)\r\n1.8.0(0032907.841*kWh)\r\n1.8.1(0000000.000*kWh)\r\n"
    b"1.8.2(0032907.841*kWh)\r\n2.8.0(0000000.001*kWh)\r\n2.8.1(0000000.000*kWh)\r\n2.8.2(0000000.001*kWh)\r\n"
    b"F.F(0000000)\r\n!\r\n\x03L"
    b"\x06\x01B0\x03q/?!\r\n/ISk5ME162-0033\r\n\x06051\r\n\x01P0\x02()\x03`\x06"
    b"\x01R1\x021.8.0()\x03Z\x15\x01R1\x021.8.0()\x03Z\x02(0032907.842*kWh)\x03S\x06"
    b"\x01R1\x022.8.0()\x03Y\x15\x01R1\x022.8.0()\x03Y\x02(0000000.001*kWh)\x03S\x06"
)
"""What an Iskra ME162 and its client said to each other, from a published log."""

SHORT = 200
BEGINNINGS = sent(b"/\x01\x02\x03\x04\x06\x15?!\r\n()0", SOFTWARE)

addresses = st.sampled_from(["1.8.0", "C.1.0", "F.F", "1-0:2.8.0*255", ""])
values = st.text(string.ascii_letters + string.digits + ". :-", max_size=12)
sets = st.lists(st.builds(DataSet, addresses, values, st.sampled_from(["", "kWh"])), min_size=1, max_size=3).map(tuple)
commands = st.builds(Command, st.sampled_from(["R1", "W5", "P1", "E2", "W3"]), sets, st.booleans())
spoken: st.SearchStrategy[Message] = (
    commands
    | st.builds(Readout, sets)
    | st.builds(Answer, sets, st.booleans())
    | st.sampled_from([Request(), Request("0012"), Identification("SIP", "5", r"\2METER"), Command("B0"), Nak(), Ack()])
    | st.builds(OptionSelect, st.just("0"), st.sampled_from("0569"), st.sampled_from("016"))
)
on_the_line = spoken.map(lambda message: sent(message.encode(), SOFTWARE))
telegrams = st.builds(Push, sets).map(lambda push: Identification("SIP", "3", "PUSH").encode() + push.encode())


def short() -> Iec62056Decoder:
    return Iec62056Decoder(SOFTWARE, SHORT)


def heard(data: bytes, parity: str = HARDWARE) -> Found:
    return decoded(Iec62056Decoder(parity), [data])


def said(found: list[Frame | Discard] | list[Frame]) -> list[bytes]:
    return [message.encode() for message in found if isinstance(message, Message)]


def discards(found: Found) -> list[tuple[int, int, str]]:
    return [(found.offset, found.size_bytes, found.reason) for found in found if isinstance(found, Discard)]


@pytest.mark.parametrize("parity", PARITIES)
def test_a_recorded_session(parity: str) -> None:
    found = heard(sent(ISKRA, parity), parity)
    assert discards(found) == []
    assert b"".join(said(found)) == ISKRA
    kinds = [record.KIND.partition(".")[2] for record in frames(found)]
    assert kinds[:6] == ["request", "identification", "option_select", "readout", "ack", "command"]
    readout = found[3]
    assert isinstance(readout, Readout)
    assert readout.sets[0] == DataSet("C.1.0", "28342193")
    assert readout.sets[2] == DataSet("1.8.0", "0032907.841", "kWh")


def test_a_line_of_seven_bits_that_is_taken_for_one_of_eight_is_all_bad() -> None:
    decoder = Iec62056Decoder(SOFTWARE)
    found = decoder.feed(b"/?!\r\n") + decoder.end()
    assert not frames(found)
    assert decoder.discarded[PARITY] > 0


@given(messages=st.lists(spoken, max_size=6), glitch=st.sampled_from([b"", b"\0", b"\0\0\xff", b"\x8d\n"]))
def test_what_is_said_is_heard(messages: list[Message], glitch: bytes) -> None:
    data = b"".join(glitch + sent(message.encode(), SOFTWARE) for message in messages)
    found = frames(decoded(Iec62056Decoder(), [data]))
    assert said(found) == [message.encode() for message in messages]
    assert [message.size_bytes for message in found] == [len(message.encode()) for message in messages]


@given(data=lines(on_the_line, BEGINNINGS), ends=st.sets(st.integers(0, 400)))
def test_it_makes_no_difference_how_the_bytes_are_cut(data: bytes, ends: set[int]) -> None:
    same_in_pieces(short, data, [end for end in ends if end < len(data)])


@given(data=lines(telegrams, b"/SIP3\r\n!()"), ends=st.sets(st.integers(0, 400)))
def test_nor_in_mode_d(data: bytes, ends: set[int]) -> None:
    same_in_pieces(lambda: Iec62056Decoder(HARDWARE, SHORT), data, [end for end in ends if end < len(data)])


@given(message=spoken, data=st.data())
def test_a_flipped_bit_is_always_caught(message: Message, data: st.DataObject) -> None:
    line = bytearray(sent(message.encode(), SOFTWARE))
    line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not frames(heard(bytes(line), SOFTWARE))


@given(message=commands | st.builds(Readout, sets) | st.builds(Answer, sets), data=st.data())
def test_without_a_parity_the_check_character_catches_it(message: Message, data: st.DataObject) -> None:
    line = bytearray(message.encode())
    line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    found = frames(heard(bytes(line), HARDWARE))
    assert not [each for each in found if isinstance(each, (Command, Readout, Answer))]


@given(message=st.builds(Readout, sets) | st.builds(Answer, sets), data=st.data())
def test_a_lost_character_is_caught(message: Message, data: st.DataObject) -> None:
    line = message.encode()
    at = data.draw(st.integers(0, len(line) - 1))
    assert not [each for each in frames(heard(line[:at] + line[at + 1 :])) if isinstance(each, (Readout, Answer))]


@given(broken=on_the_line, at=st.integers(0, 300), by=st.integers(1, 255), message=on_the_line)
def test_it_is_in_step_again_with_the_next_message(broken: bytes, at: int, by: int, message: bytes) -> None:
    line = bytearray(broken)
    line[at % len(line)] ^= by
    found = decoded(Iec62056Decoder(), [bytes(line) + message + message])
    again = [sent(each, SOFTWARE) for each in said(frames(found))[-2:]]
    assert again[-1] == message
    assert again[0] == message or len(message) == 1  # the first ACK may have been a BCC


@given(data=st.binary(max_size=600) | lines(on_the_line, BEGINNINGS), parity=st.sampled_from(PARITIES))
def test_no_bytes_raise_and_little_is_kept(data: bytes, parity: str) -> None:
    decoded(Iec62056Decoder(parity, 64), cut(data, [len(data) // 2]))


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (b"\x02(1)\x03?", [BCC]),
        (b"\x02(1\x03" + bytes([0x28 ^ 0x31 ^ 3]), [SYNTAX]),
        (b"\x02(1\x07", [SYNTAX]),
        (b"/?12-3!\r\n", [SYNTAX, NOISE]),
        (b"/SIP\r\n", [SYNTAX, NOISE]),
        (b"/" + b"A" * 60, [TOO_LONG, NOISE]),
        (b"\x02(1)\xb1\x03?", [PARITY]),
        (b"\xb1\xb1", [PARITY]),
        (b"\0\0", [NOISE]),
        (b"\x02(1)", [INCOMPLETE, NOISE]),
    ],
)
def test_what_is_discarded_has_a_reason(data: bytes, reasons: list[str]) -> None:
    found = heard(data)
    assert not frames(found)
    assert [reason for _, _, reason in discards(found)][:1] == reasons[:1]
    assert {reason for _, _, reason in discards(found)} <= set(reasons)


def test_a_message_that_is_longer_than_what_is_kept() -> None:
    long = Readout((DataSet("1.8.0", "1" * 100),)).encode()
    decoder = Iec62056Decoder(HARDWARE, len(long))
    assert said(decoder.feed(long)) == [long]
    decoder = Iec62056Decoder(HARDWARE, len(long) - 1)
    assert said(decoder.feed(long)) == []
    assert decoder.discarded[TOO_LONG] > 0


@pytest.mark.parametrize("garbage", [b"\0\0\0", b"\xff\x00/", b"noise ", b"\x02", b"\x01R1\x02"])
def test_garbage_in_front_of_an_identification(garbage: bytes) -> None:
    found = heard(garbage + b"/EMH5\\@01LZQJL0014F\r\n\x02F.F(0)\r\n!\r\n\x03" + bytes([0x46 ^ 0x46 ^ 0x2E]))
    identification = frames(found)[0]
    assert isinstance(identification, Identification)
    assert (identification.maker, identification.ident) == ("EMH", r"\@01LZQJL0014F")


def test_an_etx_behind_the_identification() -> None:
    found = heard(b"/MCS5\\@0050010067967\r\n\x03" + Command("P0", (DataSet("", "10067967"),)).encode())
    assert [type(each) for each in frames(found)] == [Identification, Command]
    assert discards(found) == [(22, 1, NOISE)]


def test_line_ends_behind_messages_as_some_makers_send_them() -> None:
    found = heard(b"\x01B0\x03q\r\n\x06\r\n\x02(1)\x033\r\n")
    assert [type(each) for each in frames(found)] == [Command, Ack, Answer]


@pytest.mark.parametrize("end", [b"", b"\x15", b"\x01B0\x03q", b"/?!\r\n", b"\x06", b"\0"])
def test_an_ack_is_one_unless_an_option_select_follows(end: bytes) -> None:
    assert said(heard(b"\x06" + end))[0] == b"\x06"
    assert said(heard(b"\x06051\r\n" + end))[0] == b"\x06051\r\n"


@pytest.mark.parametrize("bcc", [b"\x06", b"\x15"])
@pytest.mark.parametrize("broken", ["(ER1)\x03?", "\x02(ER1)?", "\xff(ER1)\x03?", "\x02(\xffR1)\x03?", "\x02(E)\x03?"])
def test_the_last_character_of_what_is_broken_is_no_ack(broken: str, bcc: bytes) -> None:
    """Or a write that was refused would be taken for one that was done."""
    decoder = Iec62056Decoder(HARDWARE)
    decoder.takes_options = False
    data = broken.encode("latin-1").replace(b"?", bcc)
    assert not frames(decoder.feed(data))
    assert said(decoder.feed(bcc)) == [bcc]


def test_the_doubt_ends_with_the_silence() -> None:
    decoder = Iec62056Decoder(HARDWARE)
    assert not frames(decoder.feed(b"noise\x15"))
    decoder.feed(b"noise")
    decoder.end()
    assert said(decoder.feed(b"\x15")) == [b"\x15"]


def test_who_takes_no_options_need_not_wait_for_more_than_an_ack() -> None:
    decoder = Iec62056Decoder(HARDWARE)
    assert decoder.feed(b"\x06") == []
    assert said(decoder.end()) == [b"\x06"]
    decoder.takes_options = False
    assert said(decoder.feed(b"\x06")) == [b"\x06"]


def test_mode_d_says_who_it_is_before_it_says_what() -> None:
    decoder = Iec62056Decoder(HARDWARE)
    assert said(decoder.feed(b"\n/CTA3ZIV-METER\r\n")) == [b"/CTA3ZIV-METER\r\n"]
    found = decoder.feed(b"\r\n1-3:0.2.8(50)\r\n1-0:1.8.1(000007.360*kWh)\r\n1-0:99.97.0(0)(0-0:96.7.19)\r\n!\r\n")
    (push,) = [each for each in found if isinstance(each, Push)]
    assert push.sets[1] == DataSet("1-0:1.8.1", "000007.360", "kWh")
    assert push.sets[2:] == (DataSet("1-0:99.97.0", "0"), DataSet("", "0-0:96.7.19"))


def test_without_its_end_a_push_is_none_and_the_next_is() -> None:
    broken = b"/CTA3ZIV-METER\r\n\r\n1.8.1(1)\r\n"
    found = heard(broken + broken + b"!\r\n")
    assert [type(each) for each in frames(found)] == [Identification, Identification, Push]


def test_broken_messages_are_counted_once_they_are_whole() -> None:
    decoder = Iec62056Decoder(HARDWARE)
    decoder.feed(b"\x02(1)\x03")
    assert decoder.broken == 0
    decoder.feed(b"?")
    assert decoder.broken == 1
