"""PIMA packets: the vectors of Celesc E-321.0017 and of the field, and what public decoders got wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_oracle import Found, decoded, frames, lines, naive_crc16, same_in_pieces

from edge.protocols.framer import INCOMPLETE, NOISE
from edge.protocols.pima import (
    BAD_BCD,
    BAD_SERIAL,
    CRC,
    GOOD,
    GROUPED,
    NOT_AVAILABLE,
    SIZE,
    UNKNOWN,
    Packet,
    PimaDecoder,
    encode_group,
    encode_packet,
    item_of,
    item_of_value,
)
from edge.protocols.quantities import IF_PRESENT, MANDATORY, QUANTITIES, WATT_HOURS, Quantity
from edge.protocols.records import Discard

ACTIVE, INDUCTIVE, CAPACITIVE, REVERSE = QUANTITIES
STANDARD = {
    "AA55 0103050709 05 0A02 022222 B3D0": ("0103050709", "active_energy", 22_222, "kWh"),
    "AA55 0103050709 05 0A51 011111 0671": ("0103050709", "active_energy_reverse", 11_111, "kWh"),
    "AA55 0103050709 05 0A07 033333 2E80": ("0103050709", "reactive_energy_inductive", 33_333, "kvarh"),
    "AA55 0103050709 05 0A0C 044444 FAB3": ("0103050709", "reactive_energy_capacitive", 44_444, "kvarh"),
    "AA55 1234567890 05 0A02 000000 C696": ("1234567890", "active_energy", 0, "kWh"),
    "AA55 9999999999 05 0A02 999999 E06C": ("9999999999", "active_energy", 999_999, "kWh"),
}
VECTORS = [bytes.fromhex(vector) for vector in STANDARD]
FILLED = bytes.fromhex("AA55 0000000001 05 0A07 FFFFFF B860")
GROUP = bytes.fromhex("AA55 0013287260 05 0A02 000001 05 0A07 FFFFFF 05 0A0C FFFFFF 3363")

serials = st.text("0123456789", min_size=10, max_size=10)
pairs = st.sampled_from([quantity.pair for quantity in QUANTITIES]) | st.tuples(
    st.integers(0, 255), st.integers(0, 255)
)
items = st.builds(item_of, pairs, st.binary(min_size=1, max_size=5) | st.binary(min_size=253, max_size=253))
packets = st.sampled_from([*VECTORS, FILLED]) | st.builds(encode_packet, serials, items)
groups = st.builds(encode_group, serials, st.lists(items, min_size=1, max_size=4)).filter(
    lambda group: len(group) < 265
)


def heard(data: bytes, layout: str = "packet") -> Found:
    return decoded(PimaDecoder(layout), [data])


def packets_of(found: Found) -> list[Packet]:
    return [record for record in found if isinstance(record, Packet)]


def discards(found: Found) -> list[tuple[int, int, str]]:
    return [(found.offset, found.size_bytes, found.reason) for found in found if isinstance(found, Discard)]


def naive(data: bytes) -> list[tuple[int, int, str]]:
    """(offset, size, serial) of the packets, by looking at each place anew with everything at hand."""
    found, at = [], 0
    while at < len(data):
        end = at + 10 + data[at + 7] if at + 7 < len(data) else 0
        rest = data[at + 2 : end - 2]
        fits = at + 13 <= end <= len(data) and data[at : at + 2] == b"\xaa\x55"
        if fits and naive_crc16(rest) == data[end - 2 : end] and rest[:5].hex().isdecimal():
            found.append((at, end - at, rest[:5].hex()))
            at = end
        else:
            at += 1
    return found


class TestVectors:
    @pytest.mark.parametrize(("vector", "said"), STANDARD.items())
    def test_the_packets_of_the_standard(self, vector: str, said: tuple[str, str, int, str]) -> None:
        data = bytes.fromhex(vector)
        (packet,) = packets_of(heard(data))
        (reading,) = packet.readings
        assert (packet.offset, packet.size_bytes) == (0, 15)
        assert (packet.serial, reading.quantity, reading.value, reading.unit) == said
        assert (reading.quality, reading.data) == (GOOD, data[10:13])

    @pytest.mark.parametrize(("vector", "said"), STANDARD.items())
    def test_they_are_made_again(self, vector: str, said: tuple[str, str, int, str]) -> None:
        serial, name, value, _ = said
        (quantity,) = (quantity for quantity in QUANTITIES if quantity.name == name)
        assert encode_packet(serial, item_of_value(quantity, value)) == bytes.fromhex(vector)

    def test_filler_is_not_available(self) -> None:
        (packet,) = packets_of(heard(FILLED))
        assert (packet.serial, packet.readings[0].value, packet.readings[0].quality) == (
            "0000000001",
            None,
            NOT_AVAILABLE,
        )
        assert encode_packet("0000000001", item_of_value(INDUCTIVE, None)) == FILLED

    def test_the_grouped_packet_of_a_radio_gateway(self) -> None:
        (packet,) = packets_of(heard(b"TAD0\x00\x1c\x00\x00\x00\x00" + GROUP + b"\x00", GROUPED))
        assert (packet.serial, packet.offset, packet.size_bytes) == ("0013287260", 10, 27)
        assert [(reading.index, reading.value, reading.quality) for reading in packet.readings] == [
            (2, 1, GOOD),
            (7, None, NOT_AVAILABLE),
            (12, None, NOT_AVAILABLE),
        ]
        readings = [(ACTIVE, 1), (INDUCTIVE, None), (CAPACITIVE, None)]
        assert encode_group("0013287260", [item_of_value(*reading) for reading in readings]) == GROUP

    def test_the_two_layouts_are_not_taken_for_each_other(self) -> None:
        assert not packets_of(heard(GROUP))
        assert not packets_of(heard(VECTORS[0], GROUPED))

    def test_only_active_energy_is_mandatory(self) -> None:
        assert [quantity.presence for quantity in QUANTITIES] == [MANDATORY, IF_PRESENT, IF_PRESENT, IF_PRESENT]


class TestFaultsOfPublicDecoders:
    @pytest.mark.parametrize("before", ["AA", "AAAA", "55", "AA00", "AA AA 00 AA"])
    def test_in_step_behind_a_preamble_that_stutters(self, before: str) -> None:
        data = bytes.fromhex(before) + VECTORS[0]
        found = heard(data)
        assert len(packets_of(found)) == 1
        assert discards(found) == [(0, len(data) - 15, NOISE)]

    def test_aa_without_55_is_no_preamble(self) -> None:
        assert not packets_of(heard(VECTORS[0].replace(b"\xaa\x55", b"\xaa\x56")))

    def test_a_packet_is_found_at_any_offset(self) -> None:
        for offset in range(1_000, 1_003):
            (packet,) = packets_of(heard(bytes(offset) + VECTORS[1]))
            assert packet.offset == offset

    @pytest.mark.parametrize("data_bytes", [1, 3, 5, 9, 20, 32, 100, 253])
    def test_data_of_any_size(self, data_bytes: int) -> None:
        data = bytes(range(data_bytes))
        (packet,) = packets_of(heard(encode_packet("0103050709", item_of((15, 1), data)) + VECTORS[0])[:1])
        assert (packet.size_bytes, packet.readings[0].data) == (12 + data_bytes, data)
        assert (packet.readings[0].quality, packet.readings[0].value) == (UNKNOWN, None)

    @pytest.mark.parametrize("bit", range(8 * 13))
    def test_no_flipped_bit_behind_the_preamble_is_let_through(self, bit: int) -> None:
        data = bytearray(VECTORS[0])
        data[2 + bit // 8] ^= 1 << bit % 8
        assert not packets_of(heard(bytes(data)))

    def test_a_serial_above_32_bits(self) -> None:
        assert [packet.serial for packet in packets_of(heard(VECTORS[5]))] == ["9999999999"]

    def test_leading_zeros_of_a_serial_stay(self) -> None:
        assert [packet.serial for packet in packets_of(heard(FILLED))] == ["0000000001"]

    @pytest.mark.parametrize("data", ["00000A", "A00000", "FFFF12", "0F0000"])
    def test_half_bytes_that_are_no_digits_have_no_value(self, data: str) -> None:
        (packet,) = packets_of(heard(encode_packet("0103050709", item_of(ACTIVE.pair, bytes.fromhex(data)))))
        (reading,) = packet.readings
        assert (reading.quality, reading.value, reading.data) == (BAD_BCD, None, bytes.fromhex(data))

    def test_a_serial_that_is_no_number_makes_no_packet(self) -> None:
        body = bytes.fromhex("01030A0709 05 0A02 022222")
        found = heard(b"\xaa\x55" + body + naive_crc16(body) + VECTORS[0])
        assert discards(found) == [(0, 15, BAD_SERIAL)]
        assert len(packets_of(found)) == 1

    def test_a_good_packet_within_a_broken_one_is_found(self) -> None:
        torn = VECTORS[0][:9]  # it says that six more bytes belong to it
        found = heard(torn + VECTORS[1] + VECTORS[2])
        assert [packet.offset for packet in packets_of(found)] == [9, 24]
        assert discards(found) == [(0, 9, CRC)]

    def test_a_broken_packet_is_told_as_one(self) -> None:
        broken = VECTORS[0][:-1] + b"\x00"
        found = heard(VECTORS[1] + broken + VECTORS[2])
        assert [packet.offset for packet in packets_of(found)] == [0, 30]
        assert discards(found) == [(15, 15, CRC)]

    @pytest.mark.parametrize("size", [0, 1, 2])
    def test_a_size_without_data_is_refused(self, size: int) -> None:
        data = bytearray(VECTORS[0])
        data[7] = size
        found = heard(bytes(data) + VECTORS[1])
        assert len(packets_of(found)) == 1
        assert discards(found) == [(0, 8, SIZE), (8, 7, NOISE)]

    def test_a_size_beyond_the_bound_is_refused_at_once(self) -> None:
        decoder = PimaDecoder(size_max_bytes=20)
        found = decoder.feed(b"\xaa\x55" + bytes(5) + b"\xff")
        assert decoder.discarded == {SIZE: 8}
        found += decoder.feed(VECTORS[0])
        assert len(packets_of(found)) == 1

    def test_a_packet_may_be_as_long_as_the_bound(self) -> None:
        longer = encode_packet("0103050709", item_of((15, 1), bytes(4)))
        decoder = PimaDecoder(size_max_bytes=15)
        found = decoder.feed(VECTORS[0] + longer[:8])
        assert len(packets_of(found)) == 1
        assert decoder.discarded == {SIZE: 8}

    def test_a_broken_group_is_told_by_its_crc(self) -> None:
        found = heard(GROUP[:-2] + b"\x00\x00" + GROUP, GROUPED)
        assert [packet.offset for packet in packets_of(found)] == [27]
        assert discards(found) == [(0, 26, CRC), (26, 1, NOISE)]

    def test_silence_ends_what_is_torn(self) -> None:
        decoder = PimaDecoder()
        assert decoder.feed(b"\xaa\x55" + bytes(5) + b"\xff") == []
        assert discards(decoder.end()) == [(0, 1, INCOMPLETE), (1, 7, NOISE)]
        (packet,) = decoder.feed(VECTORS[0])
        assert packet.offset == 8


class TestQuantities:
    def test_five_bytes_of_a_known_pair_are_another_quantity(self) -> None:
        data = encode_packet("0103050709", item_of(ACTIVE.pair, bytes.fromhex("0123456789")))
        (packet,) = packets_of(heard(data))
        assert (packet.readings[0].quality, packet.readings[0].data.hex()) == (UNKNOWN, "0123456789")

        (packet,) = packets_of(decoded(PimaDecoder(quantities=QUANTITIES + WATT_HOURS), [data]))
        assert (packet.readings[0].value, packet.readings[0].unit) == (123_456_789, "Wh")
        assert data == encode_packet("0103050709", item_of_value(WATT_HOURS[0], 123_456_789))

    def test_unknown_data_of_filler_are_kept_as_they_are(self) -> None:
        (packet,) = packets_of(heard(encode_packet("0103050709", item_of((15, 9), b"\xff\xff\xff"))))
        assert packet.readings[0].quality == UNKNOWN

    @pytest.mark.parametrize("serial", ["", "123456789", "12345678901", "12345678 9", "123456789A", "١٢٣٤٥٦٧٨٩٠"])
    def test_a_serial_that_is_none_is_refused(self, serial: str) -> None:
        with pytest.raises(ValueError, match="digits"):
            encode_packet(serial, item_of_value(ACTIVE, 0))

    @pytest.mark.parametrize("value", [-1, 1_000_000])
    def test_a_value_that_does_not_fit_is_refused(self, value: int) -> None:
        with pytest.raises(ValueError, match="digits"):
            item_of_value(ACTIVE, value)

    @pytest.mark.parametrize("size_bytes", [0, 254])
    def test_data_that_do_not_fit_are_refused(self, size_bytes: int) -> None:
        with pytest.raises(ValueError, match="1 to 253"):
            item_of((15, 1), bytes(size_bytes))


@given(data=lines(packets, b"\xaa\x55\x05\x0a"), ends=st.lists(st.integers(0, 900), max_size=6))
def test_any_line_gives_what_a_look_at_each_place_gives(data: bytes, ends: list[int]) -> None:
    found = same_in_pieces(PimaDecoder, data, ends)
    assert [(packet.offset, packet.size_bytes, packet.serial) for packet in packets_of(found)] == naive(data)


@given(data=lines(groups, b"\xaa\x55\x05\x0a"), ends=st.lists(st.integers(0, 900), max_size=6))
def test_any_line_of_groups_is_the_same_in_any_pieces(data: bytes, ends: list[int]) -> None:
    same_in_pieces(lambda: PimaDecoder(GROUPED), data, ends)


@given(noise=st.binary(max_size=600), sent=st.lists(packets, min_size=1, max_size=3))
def test_in_step_within_one_longest_frame(noise: bytes, sent: list[bytes]) -> None:
    line = noise + b"".join(sent)
    found = packets_of(heard(line + bytes(265)))
    assert [(packet.offset, packet.size_bytes, packet.serial) for packet in found] == naive(line + bytes(265))


@given(serial=serials, value=st.none() | st.integers(0, 999_999), quantity=st.sampled_from(QUANTITIES))
def test_what_is_made_is_read(serial: str, value: int | None, quantity: Quantity) -> None:
    (packet,) = packets_of(heard(encode_packet(serial, item_of_value(quantity, value))))
    (reading,) = packet.readings
    assert (packet.serial, reading.pair, reading.value) == (serial, quantity.pair, value)


@given(group=groups)
def test_a_group_is_read_whole(group: bytes) -> None:
    (packet,) = frames(heard(group, GROUPED))
    assert packet.size_bytes == len(group)
