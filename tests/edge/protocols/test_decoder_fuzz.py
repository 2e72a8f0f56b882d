"""Every decoder of the table, whatever comes: nothing raises, each byte is told of once, and little is kept."""

from __future__ import annotations

import itertools
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_oracle import frames, lines, same_in_pieces
from line_seeds import PIMA, SSU, SSU_ROWS

from edge.protocols.records import Discard, Frame
from edge.protocols.registry import PROTOCOLS, Protocol

LONG_BYTES = 10_000_000
PIECE_BYTES = 4_096
KEPT_MAX_BYTES = 4_096
"""What a decoder is when it is written down, beside what it waits with."""

VALID: dict[str, list[bytes]] = {"pima": PIMA, "ssu": SSU}
"""What is right, by protocol: one that is not here is tried with random bytes alone."""
BROKEN: dict[str, list[bytes]] = {"ssu": [row[0] for row in SSU_ROWS]}
"""More to be damaged."""

CASES = [
    pytest.param(protocol, dict(zip(protocol.settings, words, strict=True)), id="-".join((protocol.name, *words)))
    for protocol in PROTOCOLS
    for words in itertools.product(*protocol.settings.values())
]


@pytest.mark.parametrize(("protocol", "settings"), CASES)
@given(data=st.data())
def test_any_line_in_any_pieces(protocol: Protocol, settings: dict[str, str], data: st.DataObject) -> None:
    valid = VALID.get(protocol.name, [b"\x00"]) + BROKEN.get(protocol.name, [])
    line = data.draw(lines(st.sampled_from(valid), b"".join(valid)) | st.binary(max_size=600))
    ends = data.draw(st.lists(st.integers(0, len(line)), max_size=5))
    same_in_pieces(lambda: protocol.make(settings), line, ends)


@pytest.mark.parametrize(("protocol", "settings"), CASES)
@given(data=st.data())
def test_what_is_right_is_found_behind_any_noise(
    protocol: Protocol, settings: dict[str, str], data: st.DataObject
) -> None:
    """At most as much of it later as the decoder may wait with, whatever the noise had begun."""
    for right in VALID.get(protocol.name, []):
        decoder = protocol.make(settings)
        alone = [frame.size_bytes for frame in frames(decoder.feed(right) + decoder.end())]
        noise = data.draw(st.binary(max_size=100))
        line = noise + right * (2 + decoder.SIZE_MAX // len(right))
        decoder = protocol.make(settings)
        found = frames(decoder.feed(line) + decoder.end())
        last = [frame for frame in found if frame.offset >= len(line) - len(right)]
        assert [frame.size_bytes for frame in last] == alone


@pytest.mark.long
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_ten_million_bytes(protocol: Protocol) -> None:
    """Random bytes, and frames of which one in two is damaged: covered without a gap, in bounded memory."""
    chance = random.Random(2021)
    decoder = protocol.make({})
    found: list[Frame | Discard] = []
    heard_bytes = told_bytes = understood = 0
    while heard_bytes < LONG_BYTES:
        piece = some_bytes(chance, VALID.get(protocol.name, []))
        heard_bytes += len(piece)
        found = decoder.feed(piece)
        understood += len(frames(found))
        told_bytes = check_continues(found, told_bytes)
        assert len(pickle.dumps(decoder)) < decoder.SIZE_MAX + KEPT_MAX_BYTES
    assert check_continues(decoder.end(), told_bytes) == heard_bytes
    assert understood > 1_000 or protocol.name not in VALID


def some_bytes(chance: random.Random, valid: list[bytes]) -> bytes:
    """A few kilobytes of noise, or of frames."""
    if chance.random() < 0.5 or not valid:
        return chance.randbytes(PIECE_BYTES)
    line = b""
    while len(line) < PIECE_BYTES:
        frame = bytearray(chance.choice(valid))
        if chance.random() < 0.5:
            frame[chance.randrange(len(frame))] ^= chance.randrange(256)
        line += frame[: chance.randrange(len(frame))] if chance.random() < 0.1 else frame
    return line


def check_continues(found: list[Frame | Discard], offset: int) -> int:
    """Each record begins where the one before ended; gives where the last ends."""
    for record in found:
        assert record.offset == offset
        offset += record.size_bytes
    return offset
