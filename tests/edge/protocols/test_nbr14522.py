"""The reader protocol of NBR 14522: frames, what they hold, and a reader against a meter in virtual time."""

from __future__ import annotations

import struct
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_oracle import Found, decoded, frames, lines, naive_crc16, same_in_pieces
from two_sessions import Damage, TwoSessions, unharmed

from edge.protocols.nbr14522.contents import FLOATS, InstantaneousValues, Parameters
from edge.protocols.nbr14522.decoder import Nbr14522Decoder
from edge.protocols.nbr14522.exchange import NAKS_MAX, RATE_BD, SENDS_MAX, WAITS_MAX, WITHOUT_WAIT_MS
from edge.protocols.nbr14522.frames import (
    COMMAND_BYTES,
    COMPOSITE,
    READS,
    RESPONSE_BYTES,
    SEQUENCES,
    SIGNALS,
    Command,
    Response,
    Signal,
    is_code,
)
from edge.protocols.nbr14522.meter import Meter
from edge.protocols.nbr14522.reader import Reader
from edge.protocols.session import Action, Done, LinkLost, Outcome, Refused, Send, Wait

SERIAL = "12345678"
ENQ, ACK, NAK, WAIT = b"\x05", b"\x06", b"\x15", b"\x10"

codes = st.sampled_from(sorted(READS))
commands = st.builds(Command, codes, st.text("0123456789", min_size=6, max_size=6), st.binary(max_size=60))
responses = st.builds(Response, codes, st.text("0123456789", min_size=8, max_size=8), st.binary(max_size=251))
signals = st.sampled_from([Signal(name) for name in SIGNALS.values()])
spoken = st.one_of(commands, responses, signals).map(lambda frame: frame.encode())


def heard(data: bytes) -> Found:
    return decoded(Nbr14522Decoder(), [data])


def said(found: Found) -> list[bytes]:
    return [frame.encode() for frame in frames(found) if isinstance(frame, (Command, Response, Signal))]


@pytest.mark.parametrize(
    ("command", "crc"),
    [
        (Command("14", "123456"), "4C4D"),
        (Command("14", "000000"), "050F"),
    ],
)
def test_vectors(command: Command, crc: str) -> None:
    """Computed, and as a program that reads such meters has it."""
    encoded = command.encode()
    assert len(encoded) == COMMAND_BYTES
    assert encoded[:4].hex() == command.code + command.reader
    assert encoded[4:-2] == bytes(60)
    assert encoded[-2:] == naive_crc16(encoded[:-2]) == bytes.fromhex(crc)
    assert frames(heard(encoded)) == [command]


def test_the_checksum_of_a_published_test() -> None:
    assert naive_crc16(bytes.fromhex("11223344")) == bytes.fromhex("B1F5")


@given(command=commands)
def test_a_command_is_read_as_it_is_made(command: Command) -> None:
    assert len(command.encode()) == COMMAND_BYTES
    assert command.encode()[-2:] == naive_crc16(command.encode()[:-2])
    assert frames(heard(command.encode())) == [command]


@given(response=responses)
def test_a_response_is_read_as_it_is_made(response: Response) -> None:
    assert len(response.encode()) == RESPONSE_BYTES
    assert response.encode()[-2:] == naive_crc16(response.encode()[:-2])
    assert frames(heard(response.encode())) == [response]


@pytest.mark.parametrize("code", ["30", "32", "35", "63", "98", "01", "00", "05", "1", "141", "AB"])
def test_nothing_is_sent_that_is_not_known_to_read(code: str) -> None:
    with pytest.raises(ValueError, match="how meters of NBR 14522 are written is not public"):
        Command(code, "000000").encode()
    with pytest.raises(ValueError, match="how meters of NBR 14522 are written is not public"):
        Reader().read(code)


def test_what_is_known_is_known_to_be_read() -> None:
    asked = {code for sequence in SEQUENCES.values() for code in sequence}
    assert asked | {"14"} == set(READS)
    assert set(COMPOSITE) < set(READS)
    assert all(is_code(int(code, 16)) for code in READS)
    assert [byte for byte in range(256) if not is_code(byte) and f"{byte:02x}".isdecimal()] == [0, 5, 6, 16, 21]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Command("14", "12345").encode(),
        lambda: Command("14", "12345A").encode(),
        lambda: Response("14", "1234567", b"").encode(),
        lambda: Command("21", "000000", bytes(61)),
        lambda: Response("14", SERIAL, bytes(252)),
    ],
)
def test_what_does_not_fit_is_said(make: type) -> None:
    with pytest.raises(ValueError, match=r"digits|at most"):
        make()


def test_a_demand_is_only_reset_when_it_has_to_be() -> None:
    reader = Reader()
    with pytest.raises(ValueError, match="billing period"):
        reader.read("20")
    two = TwoSessions(reader, Meter(SERIAL, {"20": [b"1"]}), rate_bd=RATE_BD)
    reader.read("20", resets_demand=True)
    assert two.run() == Done((Response("20", SERIAL, b"1"),))


def test_instantaneous_values() -> None:
    values = {at: float(number) for number, (_, at) in enumerate(FLOATS)}
    block = bytearray(Response("14", SERIAL, bytes.fromhex("235958311226")).encode())
    for at, value in values.items():
        block[at : at + 4] = struct.pack("<f", value)
    contents = Response("14", SERIAL, bytes(block[5:-2])).contents
    assert isinstance(contents, InstantaneousValues)
    assert contents.time == "2026-12-31T23:59:58"
    found = dict(contents.values)
    assert list(found.values()) == list(values.values())
    places = {"voltage_a": 11, "voltage_ca": 31, "current_neutral": 47, "active_power_total": 63, "cos_phi_total": 143}
    assert {name: at for name, at in FLOATS if name in places} == places
    block[11:15] = struct.pack("<f", float("nan"))
    block[15:19] = struct.pack("<f", float("-inf"))
    block[5] = 0x24
    broken = Response("14", SERIAL, bytes(block[5:-2])).contents
    assert isinstance(broken, InstantaneousValues)
    assert (broken.time, broken.values[:3]) == (None, (("voltage_a", None), ("voltage_b", None), ("voltage_c", 2.0)))


def test_parameters() -> None:
    block = bytearray(256)
    for at, digits in (
        (5, "101112230126"), (12, "101500230126"), (18, "000001010126"), (24, "000001011225"), (74, "001234"),
        (77, "005678"), (80, "42"), (81, "15"), (82, "30"), (156, "01"), (195, "010203"), (203, "150050"), (246, "33"),
    ):  # fmt: skip
        block[at : at + len(digits) // 2] = bytes.fromhex(digits)
    for code in ("20", "21", "22", "51"):
        contents = Response(code, SERIAL, bytes(block[5:])).contents
        assert isinstance(contents, Parameters)
        assert contents.fields() == {
            "time": "2026-01-23T10:11:12", "mass_memory_end": "2026-01-23T10:15:00",
            "demand_reset": "2026-01-01T00:00:01", "demand_reset_before": "2025-12-01T00:00:01",
            "words": 1234, "words_at_reset": 5678, "demand_resets": 42, "interval_min": 15, "interval_before_min": 30,
            "demand_reset_day": 1, "channels": "010203", "mass_memory_interval_ms": 900_500, "channel_groups": 33,
        }  # fmt: skip
    assert Response("23", SERIAL, bytes(block[5:])).contents is None


@given(data=st.binary(min_size=251, max_size=251), code=codes)
def test_any_contents_are_shown(data: bytes, code: str) -> None:
    assert repr(Response(code, SERIAL, data))


@given(data=lines(spoken, b"\x14\x12\x34\x56\x26\x05\x06\x10\x15"), ends=st.sets(st.integers(0, 800)))
def test_it_makes_no_difference_how_the_bytes_are_cut(data: bytes, ends: set[int]) -> None:
    same_in_pieces(Nbr14522Decoder, data, [end for end in ends if end < len(data)])


@given(block=commands | responses, at=st.integers(0, 257), bit=st.integers(0, 7))
def test_a_flipped_bit_is_always_caught(block: Command | Response, at: int, bit: int) -> None:
    data = bytearray(block.encode())
    data[at % len(data)] ^= 1 << bit
    assert not [frame for frame in frames(heard(bytes(data))) if not isinstance(frame, Signal)]


@given(broken=spoken, at=st.integers(0, 257), by=st.integers(1, 255), block=commands | responses)
def test_the_next_block_is_found_behind_a_broken_one(
    broken: bytes, at: int, by: int, block: Command | Response
) -> None:
    data = bytearray(broken)
    data[at % len(data)] ^= by
    found = frames(heard(bytes(data) + block.encode()))[-1]
    assert isinstance(found, (Command, Response))
    assert found.encode() == block.encode()


def exchange(
    responses: dict[str, list[bytes]], *, waits: int = 0, to_answering: Damage = unharmed, to_asking: Damage = unharmed
) -> tuple[Reader, TwoSessions]:
    reader = Reader("654321")
    meter = Meter(SERIAL, responses, waits)
    return reader, TwoSessions(reader, meter, rate_bd=RATE_BD, to_answering=to_answering, to_asking=to_asking)


HELD = {"14": [bytes(range(251))], "26": [bytes([0xEF, at]) for at in range(5)], "27": [b"\x00"]}


def parts(two: TwoSessions) -> list[bytes]:
    return [part.frame.data[:2] for part in two.asking.parts if isinstance(part.frame, Response)]


@given(seed=st.integers(0, 1_000), longest_piece=st.integers(1, 300), data=st.binary(max_size=251))
def test_what_a_meter_holds_is_read(seed: int, longest_piece: int, data: bytes) -> None:
    reader = Reader()
    two = TwoSessions(
        reader, Meter(SERIAL, {"23": [data]}), rate_bd=RATE_BD, seed=seed, longest_piece=min(longest_piece, 90)
    )
    for _ in range(2):
        reader.read("23")
        assert two.run() == Done((Response("23", SERIAL, data),))


def test_an_exchange_byte_for_byte() -> None:
    reader, two = exchange(HELD)
    reader.read("14", bytes([0, 3]))
    assert two.run() == Done((Response("14", SERIAL, HELD["14"][0]),))
    assert two.asking.sent == [Command("14", "654321", bytes([0, 3])).encode(), ACK]
    assert two.answering.sent == [ENQ, ENQ, Response("14", SERIAL, HELD["14"][0]).encode()]


def test_a_composite_command_has_responses_until_one_is_the_last() -> None:
    reader, two = exchange(HELD)
    reader.read("26")
    assert two.run() == Done()
    assert parts(two) == [b"\xef\x00", b"\xef\x01", b"\xef\x02", b"\xef\x03", b"\xff\x04"]
    assert two.asking.sent[1:] == [ACK] * 5


def test_a_command_that_the_meter_has_not() -> None:
    reader, two = exchange({"80": [b""]})
    reader.read("45")
    assert two.run() == Refused("39")
    reader.read("80")
    assert isinstance(two.run(), Done)


def test_a_meter_that_needs_its_time() -> None:
    reader, two = exchange(HELD, waits=WAITS_MAX)
    reader.read("14")
    assert isinstance(two.run(), Done)
    assert two.answering.sent.count(WAIT) == WAITS_MAX
    reader, two = exchange(HELD, waits=WAITS_MAX + 1)
    reader.read("14")
    assert two.run() == LinkLost("waits")


def answering(reader: Reader, answers: bytes, now_ms: int = 0) -> tuple[Outcome, int, list[bytes]]:
    """A line that says ENQ twice, and then always the same to whatever it hears."""
    sent: list[bytes] = []
    action: Action = reader.resume(b"", now_ms)
    says = [ENQ, ENQ]
    while not isinstance(action, Outcome):
        data = b""
        if isinstance(action, Send):
            sent.append(action.data)
            says = [answers]
            now_ms += 70
        elif isinstance(action, Wait):
            if says and not (sent and len(sent[-1]) == 1 and answers in (ACK, b"")):
                data, now_ms = says.pop(0), now_ms + 5
            else:
                now_ms = action.until_ms or 0
        action = reader.resume(data, now_ms)
    return action, now_ms, sent


def broken_response() -> bytes:
    block = bytearray(Response("14", SERIAL, b"1").encode())
    block[100] ^= 1
    return bytes(block)


def test_the_limits_of_an_exchange() -> None:
    for answers, outcome, sends in (
        (b"", LinkLost("silent"), [COMMAND_BYTES] * SENDS_MAX),
        (NAK, LinkLost("nak"), [COMMAND_BYTES] * NAKS_MAX),
        (broken_response(), LinkLost("broken"), [COMMAND_BYTES] + [1] * (NAKS_MAX - 1)),
        (Response("23", SERIAL, b"1").encode(), LinkLost("silent"), [COMMAND_BYTES] * SENDS_MAX),
    ):
        reader = Reader()
        reader.read("14")
        found, _, sent = answering(reader, answers)
        assert found == outcome
        assert [len(each) for each in sent] == sends


def test_a_meter_that_says_that_it_is_there_and_no_more() -> None:
    """It never falls silent, and has not heard a single command."""
    reader = Reader()
    reader.read("14")
    action, sends = reader.resume(b"", 0), 0
    for now_ms in range(0, 100_000, 50):
        sends += isinstance(action, Send)
        action = reader.resume(ENQ if isinstance(action, Wait) and now_ms % 250 == 0 else b"", now_ms)
        if isinstance(action, Outcome):
            break
    assert (action, sends) == (LinkLost("silent"), SENDS_MAX)


def test_a_meter_that_says_wait_and_no_more() -> None:
    reader = Reader()
    reader.read("14")
    found, now_ms, sent = answering(reader, WAIT)
    assert found == LinkLost("waits")
    assert WITHOUT_WAIT_MS <= now_ms <= WITHOUT_WAIT_MS + 200
    assert len(sent) == 1


def test_no_meter_is_there() -> None:
    reader = Reader(enq_ms=5_000)
    reader.read("14")
    assert reader.resume(b"", 100_000) == Wait(105_000)
    assert reader.resume(b"", 105_000) == LinkLost("no_enq")
    reader.read("14")
    assert reader.resume(ENQ, 200_000) == Wait(200_600)
    assert reader.resume(b"", 200_600) == Wait(205_600)


@pytest.mark.parametrize("code", ["14", "26"])
@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("is_answer", [False, True])
def test_one_harmed_block_is_repaired(code: str, at: int, is_answer: bool) -> None:
    count = iter(range(10_000))

    def harm(data: bytes) -> bytes:
        if len(data) == 1 or next(count) != at:
            return data
        return data[:50] + bytes([data[50] ^ 1]) + data[51:]

    to_answering, to_asking = (unharmed, harm) if is_answer else (harm, unharmed)
    reader, two = exchange(HELD, to_answering=to_answering, to_asking=to_asking)
    reader.read(code)
    outcome = two.run()
    assert isinstance(outcome, Done)
    if code == "14":
        assert outcome.data == (Response("14", SERIAL, HELD["14"][0]),)
    else:
        assert [data[1] for data in parts(two)] == [0, 1, 2, 3, 4]


def test_an_ack_that_is_lost_is_asked_for() -> None:
    count = iter(range(10_000))
    reader, two = exchange(HELD, to_answering=lambda data: b"" if data == ACK and next(count) == 1 else data)
    reader.read("26")
    assert two.run() == Done()
    assert [data[1] for data in parts(two)] == [0, 1, 2, 3, 4]


@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.02, 0.1, 0.3]))
def test_of_a_harmed_block_nothing_is_taken(seed: int, share: float) -> None:
    random = Random(seed)

    def harm(data: bytes) -> bytes:
        if random.random() >= share:
            return data
        at = random.randrange(len(data))
        changed = b"" if random.random() < 0.5 else bytes([data[at] ^ 1 << random.randrange(8)])
        return data[:at] + changed + data[at + 1 :]

    reader, two = exchange(HELD, to_answering=harm, to_asking=harm)
    reader.read("14")
    assert two.run() in (Done((Response("14", SERIAL, HELD["14"][0]),)), *map(LinkLost, ("silent", "nak", "broken")),
                         LinkLost("waits"), LinkLost("no_enq"))  # fmt: skip
    reader.read("26")
    if two.run() == Done():
        assert [data[1] for data in parts(two)] == [0, 1, 2, 3, 4]


def test_what_is_left_of_a_block_holds_no_signal() -> None:
    """An ENQ in it would be answered with an ACK, which the meter would take for that of the block."""
    data = bytes([0x05]) * 251
    count = iter(range(100))
    reader = Reader()

    def harm(sent: bytes) -> bytes:
        return sent[1:] if len(sent) > 1 and next(count) == 1 else sent

    two = TwoSessions(reader, Meter("00000000", {"26": [data] * 3}), rate_bd=RATE_BD, to_asking=harm)
    reader.read("26")
    assert two.run() == Done()
    assert len(two.asking.parts) == 3
    assert two.asking.sent[1:] == [ACK, NAK, ACK, ACK]


def test_one_thing_at_a_time() -> None:
    reader, two = exchange(HELD)
    reader.read("14")
    with pytest.raises(ValueError, match="one thing is asked of it at a time"):
        reader.read("14")
    assert isinstance(two.run(), Done)
