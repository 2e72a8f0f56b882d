"""The user output of NBR 14522: captures of the field, generated vectors, and finding out the format."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_oracle import Found, decoded, frames, lines, naive_crc16, same_in_pieces

from edge.protocols.records import Discard
from edge.protocols.ssu import AUTO, CHECK, EXTENDED, FORMATS, HIGH, LOW, MIXED, NORMAL, NOT_LOCKED, SsuDecoder, follows
from edge.protocols.ssu_blocks import FOURTH, OFF_PEAK, PEAK, RESERVED, Block, ExtendedBlock, NormalBlock
from edge.protocols.ssu_mixed import CONNECTIONS, MixedBlock, MixedBlockHighFirst

SEEN_EXTENDED = bytes.fromhex("0090A2FC050400C618")
SEEN_NORMAL = bytes.fromhex("01001216000A00F0")

AnyType = type[NormalBlock] | type[ExtendedBlock] | type[MixedBlock]

seconds = st.integers(0, 0x0FFF)
bits = st.integers(0, 1)
common = {
    "seconds_left": seconds, "demand_reset": bits, "reactive_interval": bits, "capacitive": st.booleans(),
    "inductive": st.booleans(), "reactive_tariff": st.booleans(),
}  # fmt: skip
normal_blocks = st.builds(
    NormalBlock,
    **common,
    period=st.sampled_from([PEAK, OFF_PEAK, RESERVED, "0", "3", "15"]),
    tariff=st.sampled_from(NormalBlock.TARIFFS),
    active_pulses=st.integers(0, 0x7FFF),
    reactive_pulses=st.integers(0, 0x7FFF),
).filter(lambda block: any(block.encode()[:7]))
extended_blocks = st.builds(
    ExtendedBlock,
    **common,
    period=st.sampled_from(ExtendedBlock.PERIODS),
    quadrant=st.integers(1, 4),
    active_pulses=st.integers(0, 0xFFFF),
    reactive_pulses=st.integers(0, 0xFFFF),
).filter(lambda block: any(block.encode()[:7]))


def tuples(count: int, low: int, high: int, scale: int) -> st.SearchStrategy[tuple[float, ...]]:
    return st.tuples(*[st.integers(low, high).map(lambda number: number / scale)] * count)


mixed_fields = common | {
    "seconds_left": st.integers(0, 0xFFFF),
    "connection": st.sampled_from([*CONNECTIONS, "7", "255"]),
    "clock_s": st.integers(0, 0xFFFF_FFFF),
    "property_raw": st.integers(0, 0xFFFF_FFFF),
    "voltages_v": tuples(3, 0, 0xFFFF, 100),
    "currents_a": tuples(4, 0, 0xFFFF, 1000),
    "active_powers_w": tuples(3, -0x8000, 0x7FFF, 10),
    "reactive_powers_var": tuples(3, -0x8000, 0x7FFF, 10),
    "frequency_hz": st.integers(0, 0xFFFF).map(lambda number: number / 100),
    "period": st.sampled_from([PEAK, OFF_PEAK, FOURTH, RESERVED]),
    "pulses": st.tuples(*[st.integers(0, 0xFFFF)] * 6),
}
mixed_blocks = st.builds(MixedBlock, **mixed_fields) | st.builds(MixedBlockHighFirst, **mixed_fields)


def heard(data: bytes, block_format: str = AUTO, crc_order: str = LOW) -> Found:
    return decoded(SsuDecoder(block_format, crc_order), [data])


def told(data: bytes, block_format: str, crc_order: str = LOW) -> dict[str, object]:
    """The fields of the one block that the data are."""
    (block,) = heard(data, block_format, crc_order)
    assert isinstance(block, Block)
    return block.fields()


def countdown(block_type: AnyType, count: int, *, start: int = 899) -> list[Block]:
    """Blocks in a row of one interval after the other."""
    return [block_type(seconds_left=(start - at) % 900) for at in range(count)]


def line_of(blocks: list[Block]) -> bytes:
    return b"".join(block.encode() for block in blocks)


class TestVectors:
    @pytest.mark.parametrize(
        ("vector", "seconds_left", "period", "tariff", "pulses"),
        [
            ("0100121600 0A00 F0", 1, OFF_PEAK, "green", (22, 10)),
            ("8303120000 0000 6D", 899, OFF_PEAK, "green", (0, 0)),
            ("2C8181D204 3702 30", 300, PEAK, "blue", (1234, 567)),
            ("1C8292D020 1C0C 13", 540, OFF_PEAK, "green", (8400, 3100)),
        ],
    )
    def test_normal(self, vector: str, seconds_left: int, period: str, tariff: str, pulses: tuple[int, int]) -> None:
        found = told(bytes.fromhex(vector), NORMAL)
        assert (found["seconds_left"], found["period"], found["tariff"]) == (seconds_left, period, tariff)
        assert (found["active_pulses"], found["reactive_pulses"]) == pulses
        assert (found["inductive"], found["reactive_tariff"]) == (vector[2] == "8", vector[4] in "89")

    @pytest.mark.parametrize(
        ("vector", "seconds_left", "period", "quadrant", "pulses"),
        [
            ("0090A2FC05 0400 C618", 0, OFF_PEAK, 2, (1532, 4)),
            ("8303020000 0000 CB3B", 899, OFF_PEAK, 1, (0, 0)),
            ("C24131409C 2C01 99F7", 450, PEAK, 3, (40_000, 300)),
            ("3E8081C02B 8E12 55B8", 62, PEAK, 1, (11_200, 4750)),
            ("8243322900 0C00 9863", 898, OFF_PEAK, 3, (41, 12)),
        ],
    )
    def test_extended(
        self, vector: str, seconds_left: int, period: str, quadrant: int, pulses: tuple[int, int]
    ) -> None:
        found = told(bytes.fromhex(vector), EXTENDED)
        assert (found["seconds_left"], found["period"], found["quadrant"]) == (seconds_left, period, quadrant)
        assert (found["active_pulses"], found["reactive_pulses"]) == pulses
        flags = int(vector[2], 16)
        assert [found[bit] for bit in ("demand_reset", "reactive_interval")] == [flags & 1, flags >> 1 & 1]
        assert [found[bit] for bit in ("capacitive", "inductive")] == [bool(flags & 4), bool(flags & 8)]

    @pytest.mark.parametrize("order", [LOW, HIGH])
    def test_mixed_octet_by_octet(self, order: str) -> None:
        body = bytes((1, 2)) + struct.pack("<II", 6 * 1000, 4_294_967_295)
        body += struct.pack("<7H", 12_700, 12_650, 12_710, 5_000, 4_990, 5_010, 15)
        body += struct.pack("<6h", 6_000, -1, 0, -32_768, 1, 0)
        body += struct.pack("<3H", 6_001, 899, 0b1101_0000_0000_0110)
        body += struct.pack("<6H", 10, 30, 60, 20, 40, 50)
        data = body + (naive_crc16(body) if order == LOW else naive_crc16(body)[::-1])
        found = told(data, MIXED, order)
        assert found == {
            "offset": 0, "size_bytes": 56, "connection": "delta", "clock_s": 6_000,
            "property_name": "serial", "property_value": "4294967295",
            "voltages_v": (127.0, 126.5, 127.1), "currents_a": (5.0, 4.99, 5.01, 0.015),
            "active_powers_w": (600.0, -0.1, 0.0), "reactive_powers_var": (-3276.8, 0.1, 0.0), "frequency_hz": 60.01,
            "seconds_left": 899, "demand_reset": 1, "reactive_interval": 1, "capacitive": False, "inductive": True,
            "period": FOURTH, "reactive_tariff": True, "pulses": (10, 20, 30, 40, 50, 60),
        }  # fmt: skip
        assert not frames(heard(data, MIXED, HIGH if order == LOW else LOW))

    @pytest.mark.parametrize(
        ("clock_s", "name", "value"),
        [
            (0, "serial", "35000"),
            (1, "voltage_ratio", 3.5),
            (2, "current_ratio", 3.5),
            (3, "energy_per_pulse", 3.5),
            (4, "reserved_4", 35_000),
        ],
    )
    def test_the_word_of_each_second(self, clock_s: int, name: str, value: object) -> None:
        found = told(MixedBlock(clock_s=clock_s, property_raw=35_000).encode(), MIXED)
        assert (found["property_name"], found["property_value"]) == (name, value)

    @given(block=normal_blocks | extended_blocks | mixed_blocks)
    def test_what_is_made_is_read(self, block: Block) -> None:
        data = block.encode()
        assert type(block).read(data, 0) == block
        assert len(data) == block.SIZE_BYTES

    @given(block=extended_blocks | mixed_blocks, at=st.integers(0, 55), flip=st.integers(1, 255))
    def test_no_changed_octet_passes_a_crc(self, block: Block, at: int, flip: int) -> None:
        data = bytearray(block.encode())
        data[at % len(data)] ^= flip
        assert type(block).read(bytes(data), 0) is None

    @given(block=normal_blocks, at=st.integers(0, 7), flip=st.integers(1, 255))
    def test_no_changed_octet_passes_the_exclusive_or(self, block: NormalBlock, at: int, flip: int) -> None:
        data = bytearray(block.encode())
        data[at] ^= flip
        assert NormalBlock.read(bytes(data), 0) is None

    @pytest.mark.parametrize(
        "block",
        [
            NormalBlock(seconds_left=4096),
            NormalBlock(active_pulses=1 << 15),
            NormalBlock(period="16"),
            NormalBlock(tariff="violet"),
            ExtendedBlock(reactive_pulses=1 << 16),
            ExtendedBlock(quadrant=5),
            ExtendedBlock(period="violet"),
            MixedBlock(voltages_v=(700.0, 0.0, 0.0)),
            MixedBlock(connection="256"),
            MixedBlock(clock_s=1 << 32),
        ],
    )
    def test_what_has_no_room_is_refused(self, block: Block) -> None:
        with pytest.raises(ValueError, match=r"have room|has no room|is none of"):
            block.encode()


class TestFormat:
    @pytest.mark.parametrize("block_type", [NormalBlock, ExtendedBlock, MixedBlock])
    def test_ten_blocks_in_a_row_lock_it_and_are_told(self, block_type: AnyType) -> None:
        decoder = SsuDecoder()
        data = line_of(countdown(block_type, 12))
        size = block_type.SIZE_BYTES
        assert not decoder.feed(data[: 10 * size - 1])
        assert decoder.locked is None
        found = decoder.feed(data[10 * size - 1 :])
        assert decoder.locked == block_type.KIND
        assert [block.offset for block in frames(found)] == [size * at for at in range(12)]

    def test_nine_are_not_enough(self) -> None:
        found = heard(line_of(countdown(ExtendedBlock, 9)))
        assert not frames(found)

    def test_the_end_of_an_interval_does_not_disturb(self) -> None:
        blocks = countdown(NormalBlock, 5, start=4)
        blocks += [blocks[-1], blocks[-1], *countdown(NormalBlock, 5)]
        assert len(frames(heard(line_of(blocks)))) == 12

    def test_blocks_that_do_not_follow_from_each_other_lock_nothing(self) -> None:
        blocks: list[Block] = [NormalBlock(seconds_left=100 + 50 * (at % 2)) for at in range(40)]
        assert not frames(heard(line_of(blocks)))

    def test_a_format_that_is_known_needs_no_row(self) -> None:
        assert len(frames(heard(SEEN_EXTENDED, EXTENDED))) == 1
        assert not frames(heard(SEEN_EXTENDED))

    def test_a_normal_block_and_a_byte_of_noise_is_no_extended_one(self) -> None:
        assert not frames(heard(SEEN_NORMAL + b"\x00", EXTENDED))

    def test_a_locked_format_is_kept_through_noise(self) -> None:
        blocks = countdown(ExtendedBlock, 30)
        noise = bytes(9 * 29 + 8)
        found = heard(line_of(blocks[:10]) + noise + line_of(blocks[10:]))
        assert len(frames(found)) == 30
        assert [record for record in found if isinstance(record, Discard)] == [Discard(90, len(noise), CHECK)]

    def test_errors_that_are_not_in_a_row_do_not_let_it_go(self) -> None:
        blocks = countdown(ExtendedBlock, 16)
        noisy = b"".join(bytes(200) + block.encode() for block in blocks[10:])
        assert len(frames(heard(line_of(blocks[:10]) + noisy))) == 16

    def test_thirty_errors_in_a_row_let_it_go(self) -> None:
        decoder = SsuDecoder()
        decoder.feed(line_of(countdown(ExtendedBlock, 10)))
        decoder.feed(bytes(9 * 30 - 1 + 8))
        assert decoder.locked == ExtendedBlock.KIND
        decoder.feed(b"\x00")
        assert decoder.locked is None
        found = decoder.end() + decoder.feed(line_of(countdown(NormalBlock, 10)))
        assert decoder.locked == NormalBlock.KIND
        assert len(frames(found)) == 10

    @pytest.mark.parametrize("level", [b"\x00", b"\xff"])
    @pytest.mark.parametrize("block_format", FORMATS)
    def test_a_line_that_is_stuck_says_nothing(self, block_format: str, level: bytes) -> None:
        assert not frames(heard(level * 1_000, block_format))

    def test_a_format_that_was_set_is_never_let_go(self) -> None:
        decoder = SsuDecoder(EXTENDED)
        decoder.feed(bytes(1_000))
        assert frames(decoder.feed(SEEN_EXTENDED))

    def test_noise_before_the_first_row(self) -> None:
        found = heard(b"\x07\x08\x09" + line_of(countdown(NormalBlock, 11)))
        assert found[0] == Discard(0, 3, NOT_LOCKED)
        assert len(frames(found)) == 11

    @pytest.mark.parametrize(("before", "after"), [(10, 9), (10, 10), (10, 8), (0, 899), (2, 897)])
    def test_what_follows(self, before: int, after: int) -> None:
        assert follows(NormalBlock(seconds_left=before), NormalBlock(seconds_left=after))

    @pytest.mark.parametrize(("before", "after"), [(10, 7), (10, 11), (3, 899)])
    def test_what_does_not_follow(self, before: int, after: int) -> None:
        assert not follows(NormalBlock(seconds_left=before), NormalBlock(seconds_left=after))


blocks_in_a_row = st.builds(
    lambda block_type, start, count: line_of(countdown(block_type, count, start=start)),
    st.sampled_from([NormalBlock, ExtendedBlock, MixedBlock]),
    st.integers(0, 899),
    st.integers(1, 14),
)
any_block = st.one_of(normal_blocks, extended_blocks, mixed_blocks).map(lambda block: block.encode()) | blocks_in_a_row


@pytest.mark.parametrize("block_format", FORMATS)
@given(data=lines(any_block, b"\x00\x01\xff"), ends=st.lists(st.integers(0, 900), max_size=6))
def test_any_line_is_the_same_in_any_pieces(block_format: str, data: bytes, ends: list[int]) -> None:
    same_in_pieces(lambda: SsuDecoder(block_format), data, ends)


@given(data=lines(any_block, b"\x00\x01\xff"))
def test_extended_blocks_are_those_that_a_look_at_each_place_gives(data: bytes) -> None:
    expected, at = [], 0
    while at + 9 <= len(data):
        is_block = naive_crc16(data[at : at + 7]) == data[at + 7 : at + 9] and data[at : at + 9] != bytes(9)
        if is_block:
            expected.append(at)
        at += 9 if is_block else 1
    assert [block.offset for block in frames(heard(data, EXTENDED))] == expected
