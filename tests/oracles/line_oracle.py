"""What is true of every decoder of a line, lines to try them on, and a checksum that is computed bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

from hypothesis import strategies as st

from edge.protocols.framer import Framer
from edge.protocols.records import Discard, Frame

Found = list[Frame | Discard]


def naive_crc16(data: bytes) -> bytes:
    """CRC-16/ARC by long division of the message, each byte turned round, by 0x18005; the low byte first."""
    rest = int("".join(f"{byte:08b}"[::-1] for byte in data) + "0" * 16, 2)
    while rest >> 16:
        rest ^= 0x18005 << rest.bit_length() - 17
    return int(f"{rest:016b}"[::-1], 2).to_bytes(2, "little")


def decoded(decoder: Framer, pieces: Iterable[bytes]) -> Found:
    """What a decoder makes of a line that comes in pieces and then ends; the line is covered, and little is kept."""
    found: Found = []
    heard_bytes = 0
    for piece in pieces:
        found += decoder.feed(piece)
        heard_bytes += len(piece)
        assert len(decoder._kept) <= decoder.SIZE_MAX
    found += decoder.end()
    check_covers(found, heard_bytes)
    discards = [record for record in found if isinstance(record, Discard)]
    for reason, size_bytes in decoder.discarded.items():
        assert sum(discard.size_bytes for discard in discards if discard.reason == reason) == size_bytes
    return found


def check_covers(found: Found, size_bytes: int) -> None:
    """Every byte is in one frame or in one discard, in the order of the line."""
    offset = 0
    for record in found:
        assert (record.offset, record.size_bytes > 0) == (offset, True)
        offset += record.size_bytes
    assert offset == size_bytes


def frames(found: Found) -> list[Frame]:
    """What was understood."""
    return [record for record in found if isinstance(record, Frame)]


def cut(data: bytes, ends: Iterable[int]) -> list[bytes]:
    """The data in pieces that end there."""
    at = [0, *sorted(ends), len(data)]
    return [data[begin:end] for begin, end in pairwise(at)]


@st.composite
def lines(draw: st.DrawFn, valid: st.SearchStrategy[bytes], startings: bytes) -> bytes:
    """Valid frames, mutated ones, cut ones and noise that looks like their beginnings, in any order."""
    noise = st.binary(max_size=30) | st.lists(st.sampled_from(startings), max_size=12).map(bytes)
    parts = draw(st.lists(valid | valid.flatmap(mutated) | noise, max_size=8))
    return b"".join(parts)


@st.composite
def mutated(draw: st.DrawFn, frame: bytes) -> bytes:
    """A frame in which a few bytes were changed, lost or doubled."""
    data = bytearray(frame)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data) - 1)) if data else 0
        data[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


def same_in_pieces(make: Callable[[], Framer], data: bytes, ends: Iterable[int]) -> Found:
    """What a decoder makes of the data, which is the same in any pieces, and byte by byte."""
    whole = decoded(make(), [data])
    assert decoded(make(), cut(data, ends)) == whole
    assert decoded(make(), [bytes([byte]) for byte in data]) == whole
    return whole
