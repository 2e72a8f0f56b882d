"""Characters, data sets and messages of IEC 62056-21: vectors, and the dents of real meters."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.protocols.iec62056.blocks import Answer, Command, Push, Readout, parse
from edge.protocols.iec62056.characters import BAD, HARDWARE, IGNORED, SOFTWARE, bcc, received, sent
from edge.protocols.iec62056.data import DataSet, addressed, data_sets, find, same_code
from edge.protocols.iec62056.messages import Ack, Identification, Message, Nak, OptionSelect, Request

PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))


def naive_parity(character: int) -> int:
    return character | (bin(character).count("1") % 2) << 7


def naive_bcc(message: bytes) -> int:
    """Column by column: the bits behind the first SOH or STX, up to the character in front of the BCC."""
    columns = [sum(character >> bit & 1 for character in message[1:-1]) % 2 for bit in range(7)]
    return sum(odd << bit for bit, odd in enumerate(columns))


def texts(excluded: str, size_max: int) -> st.SearchStrategy[str]:
    return st.text([character for character in PRINTABLE if character not in excluded], max_size=size_max)


sets = st.builds(DataSet, texts("()/!", 16), texts("()/!*", 128), texts("()/!*", 16))
requests = st.builds(Request, st.text(string.ascii_letters + string.digits + " ", max_size=32))
identifications = st.builds(
    Identification,
    st.text(string.ascii_letters, min_size=3, max_size=3),
    st.sampled_from([character for character in PRINTABLE if character not in "/!"]),
    texts("/!", 16),
)
blocks = st.lists(sets, min_size=1, max_size=4).map(tuple)
commands = st.builds(
    Command,
    st.tuples(st.sampled_from("PWREB"), st.sampled_from(string.digits)).map("".join),
    st.lists(sets, max_size=1).map(tuple),
    st.booleans(),
)
framed = commands | st.builds(Readout, blocks) | st.builds(Answer, blocks, st.booleans())


def content(message: Message) -> dict[str, object]:
    """Its fields but for where it stands, and what is not shown."""
    fields = message.fields() | {"sets": getattr(message, "sets", ())}
    return {name: value for name, value in fields.items() if name not in ("offset", "size_bytes")}


@pytest.mark.parametrize(
    ("message", "characters"),
    [
        (Command("W2", (DataSet("C003", "910324092239"),)), b"\x01W2\x02C003(910324092239)\x03\x1b"),
        (Command("P0", (DataSet("", "1234567"),)), b"\x01P0\x02(1234567)\x03P"),
        (Command("P0", (DataSet("", ""),)), b"\x01P0\x02()\x03`"),
        (Command("P1", (DataSet("", "00000000"),)), b"\x01P1\x02(00000000)\x03a"),
        (Command("R1", (DataSet("1.8.0", ""),)), b"\x01R1\x021.8.0()\x03Z"),
        (Command("R1", (DataSet("2.8.0", ""),)), b"\x01R1\x022.8.0()\x03Y"),
        (Command("B0"), b"\x01B0\x03q"),
        (Answer((DataSet("", "0032907.842", "kWh"),)), b"\x02(0032907.842*kWh)\x03S"),
        (Answer((DataSet("", "0032907.852", "kWh"),)), b"\x02(0032907.852*kWh)\x03R"),
        (Answer((DataSet("", "0000000.001", "kWh"),)), b"\x02(0000000.001*kWh)\x03S"),
        (Request("12345678"), b"/?12345678!\r\n"),
        (Identification("ISk", "5", "ME162-0033"), b"/ISk5ME162-0033\r\n"),
        (Ack(), b"\x06"),
        (Nak(), b"\x15"),
    ],
)
def test_vectors(message: Message, characters: bytes) -> None:
    """Recorded, or recomputed from the standard; the answers and sign-ons are those of an Iskra ME162."""
    assert message.encode() == characters
    if characters[0] in b"\x01\x02":
        assert characters[-1] == naive_bcc(characters) == bcc(characters[1:-1])
    if not isinstance(message, (Ack, Nak)):
        assert content(parse(characters)) == content(message)


@pytest.mark.parametrize(
    ("message", "in_8n1"),
    [
        (Request(), "AF 3F 21 8D 0A"),
        (OptionSelect("0", "5", "0"), "06 30 35 30 8D 0A"),
        (OptionSelect("0", "5", "1"), "06 30 35 B1 8D 0A"),
    ],
)
def test_seven_bits_and_even_parity_over_a_line_of_eight_bits(message: Message, in_8n1: str) -> None:
    assert sent(message.encode(), SOFTWARE) == bytes.fromhex(in_8n1)
    assert received(bytes.fromhex(in_8n1), SOFTWARE) == message.encode()


def test_every_byte_is_a_character_or_a_bad_one() -> None:
    every = bytes(range(256))
    assert sent(every[:128], SOFTWARE) == bytes(map(naive_parity, every[:128]))
    assert sent(every[:128], HARDWARE) == every[:128]
    assert received(every, SOFTWARE) == bytes(
        byte & 0x7F if naive_parity(byte & 0x7F) == byte else BAD for byte in every
    )
    assert received(every, HARDWARE) == every[:128] + bytes([BAD] * 128)
    assert received(every, IGNORED) == every[:128] * 2


@given(message=framed | requests | identifications)
def test_what_is_made_is_read(message: Message) -> None:
    assert content(parse(message.encode())) == content(message)


@given(message=framed)
def test_the_check_character_is_that_of_the_columns(message: Message) -> None:
    characters = message.encode()
    assert characters[-1] == naive_bcc(characters)
    assert (b"\x03" if getattr(message, "last", True) else b"\x04") == characters[-2:-1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: DataSet("1.8.0", "a(b"),
        lambda: DataSet("1.8.0", "a*b"),
        lambda: DataSet("1.8.0", "1", "m/s"),
        lambda: DataSet("1.8.0" * 4, "1"),
        lambda: DataSet("1.8.0", "1" * 129),
        lambda: DataSet("1.8.0", "1", "k" * 17),
        lambda: DataSet("1.8.0", "caf\u00e9"),
        lambda: DataSet("1.8.0\r\n", "1"),
        lambda: Request("12-34"),
        lambda: Request("1" * 33),
        lambda: Identification("SI", "5", "METER"),
        lambda: Identification("S1P", "5", "METER"),
        lambda: Identification("SIP", "", "METER"),
        lambda: Identification("SIP", "5", "A" * 17),
        lambda: Identification("SIP", "5", "A/B"),
        lambda: OptionSelect("0", "5", "!"),
        lambda: OptionSelect("0", "55", "1"),
        lambda: Command("X1"),
        lambda: Command("R"),
        lambda: Command("RR"),
    ],
)
def test_what_the_standard_does_not_allow_is_not_sent(make: type) -> None:
    with pytest.raises(ValueError, match=r".+"):
        make().encode()


def test_rates_modes_and_reaction_times_are_in_the_identification() -> None:
    found = {
        z: (Identification("SIP", z, "").mode, Identification("SIP", z, "").rate_bd) for z in "0123456789ABCDEFGHI "
    }
    assert [found[z] for z in "0123456"] == [("C", bd) for bd in (300, 600, 1200, 2400, 4800, 9600, 19200)]
    assert [found[z] for z in "ABCDEF"] == [("B", bd) for bd in (600, 1200, 2400, 4800, 9600, 19200)]
    assert [found[z] for z in "789"] == [("C", None)] * 3
    assert [found[z] for z in "GHI"] == [("B", None)] * 3
    assert found[" "] == ("A", None)
    assert [Identification(maker, "5", "").reaction_ms for maker in ("ISK", "ISk", "isK")] == [200, 20, 200]
    assert Identification("SIP", "5", r"\2MT382").enhanced == "2"
    assert Identification("SIP", "5", r"\@\2LZQJ").enhanced == "@2"


@pytest.mark.parametrize(
    ("asked", "address", "answers"),
    [
        ("", "12345678", True), ("12345678", "12345678", True), ("0012345678", "12345678", True),
        ("12345678", "0012345678", True), ("1234567", "12345678", False), ("ab", "AB", False), ("a b", "ab", False),
        ("000", "0", True), ("0", "", True), ("1 ", "1", False),
    ],
)  # fmt: skip
def test_leading_zeros_of_an_address_say_nothing_and_all_else_does(asked: str, address: str, answers: bool) -> None:
    assert Request(asked).is_for(address) is answers


def test_a_password_is_not_shown() -> None:
    for code in ("P1", "P2"):
        command = Command(code, (DataSet("", "topsecret"),))
        assert "topsecret" not in repr(command)
        assert "topsecret" not in str(command.fields())
        assert command.sets[0].value == "topsecret"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.8.0(0032907.841*kWh)", [("1.8.0", "0032907.841", "kWh")]),
        ("1-0:1.8.0*255(1)", [("1-0:1.8.0*255", "1", "")]),
        ("F.F(0000000)\r\nFF(0000000)", [("F.F", "0000000", ""), ("FF", "0000000", "")]),
        ("P.01(1220823161500)(00000000)(15)", [("P.01", "1220823161500", ""), ("", "00000000", ""), ("", "15", "")]),
        ("(0.18374)(0.00078)\r\n(1)\r\n", [("", "0.18374", ""), ("", "0.00078", ""), ("", "1", "")]),
        ("96.13.0()", [("96.13.0", "", "")]),
        ("8.8(0000000 kWh)", [("8.8", "0000000 kWh", "")]),
        ("6.33(003.2*m3/h)", [("6.33", "003.2", "m3/h")]),
        ("0.9.2(2026/11/23)", [("0.9.2", "2026/11/23", "")]),
        ("96.1.1(" + "30" * 48 + ")", [("96.1.1", "30" * 48, "")]),
        ("1.8.0(1)2.8.0(2)", [("1.8.0", "1", ""), ("2.8.0", "2", "")]),
        ("1.8.0(1)\n2.8.0(2)\n", [("1.8.0", "1", ""), ("2.8.0", "2", "")]),
        ("1.8.0(1.*kWh)", [("1.8.0", "1.", "kWh")]),
        ("", []),
        ("\r\n", []),
    ],
)
def test_data_sets_as_meters_write_them(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(each.address, each.value, each.unit) for each in data_sets(text)] == expected


@pytest.mark.parametrize(
    "text",
    ["1.8.0", "1.8.0(1", "1.8.0 1)", "1.8.0)1(", "1.8.0((1)", "1.8.0(1(2))", "1.8.0(1)x", "1.8\r\n.0(1)", "1(1\r\n2)",
     "!(1)", "/1.8.0(1)", "1.8.0(1*k*h)", "x" * 33 + "(1)", "1(" + "2" * 2049 + ")", "1.8.0(\x00)"],
)  # fmt: skip
def test_what_is_no_data_set_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (data set|address|value|unit)$"):
        data_sets(text)


def test_an_address_that_was_left_out_is_the_one_before() -> None:
    assert [each.address for each in addressed(data_sets("P.01(1)(2)\r\n(3)\r\nP.98(4)"))] == ["P.01"] * 3 + ["P.98"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1.8.0", "1-0:1.8.0", True), ("1.8.0", "1-0:1.8.0*255", True), ("1-0:1.8.0", "1-0:1.8.0*255", True),
        ("F.F", "FF", True), ("1.8.0", "1.8.0*01", False), ("1-1:1.29", "1-2:1.29", False), ("1.8.1", "1.8.10", False),
        ("1.1", "1.10", False), ("C.1.0", "c.1.0", False), ("0.0.0", "0.0.0 ", True),
    ],
)  # fmt: skip
def test_codes_that_name_the_same(one: str, other: str, same: bool) -> None:
    assert same_code(one, other) is same
    assert same_code(other, one) is same


def test_a_code_is_found_once_or_it_is_said() -> None:
    sets = data_sets("1-1:1.29(1)1-2:1.29(2)FF(0)1.8.0(5)1.8.0*01(4)0.2.0(a)0.2.0(a)0.9.1(1)0.9.1(2)")
    assert find(sets, "1-2:1.29") == DataSet("1-2:1.29", "2")
    assert find(sets, "F.F") == DataSet("FF", "0")
    assert find(sets, "1-0:1.8.0*255") == DataSet("1.8.0", "5")
    assert find(sets, "0.2.0") == DataSet("0.2.0", "a")
    assert find(sets, "2.8.0") is None
    for ambiguous in ("1.29", "0.9.1"):
        with pytest.raises(ValueError, match=f"{ambiguous} is there 2 times"):
            find(sets, ambiguous)


@pytest.mark.parametrize(
    ("data_set", "quantity"),
    [
        (DataSet("1.8.0", "0032907.841", "kWh"), ("0032907.841", "kWh")),
        (DataSet("8.8", "0000000 kWh"), ("0000000", "kWh")),
        (DataSet("8.8", " -12.5 "), ("-12.5", "")),
        (DataSet("8.8", "12", "k Wh"), ("12", "k Wh")),
    ],
)
def test_a_quantity_has_its_unit_wherever_it_was_written(data_set: DataSet, quantity: tuple[str, str]) -> None:
    assert data_set.quantity == quantity


@pytest.mark.parametrize("value", ["", "kWh", "1,5", "1.2.3", "0x10", "12a kWh", "-", "."])
def test_what_is_no_number_has_no_quantity(value: str) -> None:
    with pytest.raises(ValueError, match="holds no number"):
        _ = DataSet("1.8.0", value).quantity


def test_an_error_is_one_data_set_without_address_that_says_so() -> None:
    assert Answer((DataSet("", "ER07"),)).error == "ER07"
    assert Answer((DataSet("", "ERROR"),)).error == "ERROR"
    assert not Answer((DataSet("0.2.0", "ER07"),)).error
    assert not Answer((DataSet("", "07"),)).error
    assert not Answer((DataSet("", "ER07"), DataSet("", "1"))).error


@pytest.mark.parametrize(
    ("characters", "sets"),
    [
        (b"\x021.8.0(1)\r\n!\r\n\x03", "1.8.0(1)"),
        (
            b"\x020.0(00005077354)\r\n6.8(00433.65*GJ)\r\n6.31(0109868*h)!\r\n\x03",
            "0.0(00005077354)6.8(00433.65*GJ)6.31(0109868*h)",
        ),
        (b"\x02!\r\n\x03", ""),
        (b"\x021.8.0(1)\r\n!\x03", "1.8.0(1)"),
    ],
)
def test_a_readout_ends_as_meters_end_it(characters: bytes, sets: str) -> None:
    found = parse(characters + bytes([naive_bcc(characters + b"?")]))
    assert isinstance(found, Readout)
    assert found.sets == data_sets(sets)


def test_without_an_exclamation_mark_a_readout_is_an_answer_and_an_answer_has_data() -> None:
    found = parse(b"\x021.8.0(1)\r\n\x03" + bytes([naive_bcc(b"\x021.8.0(1)\r\n\x03?")]))
    assert isinstance(found, Answer)
    assert found.sets == (DataSet("1.8.0", "1"),)
    with pytest.raises(ValueError, match="without data"):
        parse(b"\x02\x03\x03")


def test_a_push_is_read_as_it_is_made() -> None:
    push = Push(data_sets("1.8.0(1*kWh)2.8.0(2*kWh)"))
    assert push.encode() == b"\r\n1.8.0(1*kWh)\r\n2.8.0(2*kWh)\r\n!\r\n"
    assert content(parse(push.encode())) == content(push)
