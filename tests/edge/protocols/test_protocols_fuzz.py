"""Ten million bytes of noise, of broken messages and of everything between, and little memory."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from random import Random

import pytest
from line_seeds import IEC, IEC_8N1, NBR

from edge.protocols.framer import Framer
from edge.protocols.iec62056.characters import HARDWARE, IGNORED, SOFTWARE
from edge.protocols.iec62056.decoder import Iec62056Decoder
from edge.protocols.lines import FRAMED, LINES, LineDecoder
from edge.protocols.nbr14522.decoder import Nbr14522Decoder
from edge.protocols.records import Frame

PIECE_BYTES = 20_000
STATE_BYTES = 1_000
LINE = [b"]C10109506000134352\x1d21A1\r\n", b"\x02SN-000001\x03", b"SN-000002\r"]


def spoiled(random: Random, messages: list[bytes], size_bytes: int) -> bytes:
    """Messages, whole or with a few bytes changed, lost or doubled, and noise."""
    data = bytearray()
    while len(data) < size_bytes:
        message = bytearray(random.choice(messages))
        for _ in range(random.choice([0, 0, 0, 1, 2, 5])):
            at = random.randrange(len(message) + 1)
            message[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
        data += message + (random.randbytes(random.randrange(40)) if random.random() < 0.1 else b"")
    return bytes(data)


def repeated(random: Random, messages: list[bytes], size_bytes: int) -> bytes:
    """The beginning of a message again and again: what makes a decoder wait."""
    message = random.choice(messages)
    begin = message[: random.randint(1, len(message))]
    return begin * (size_bytes // len(begin) + 1)


def noise(random: Random, messages: list[bytes], size_bytes: int) -> bytes:
    return random.randbytes(size_bytes)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("make", "messages", "pieces"),
    [
        (lambda: Iec62056Decoder(SOFTWARE), IEC_8N1, 150),
        (lambda: Iec62056Decoder(HARDWARE), IEC, 100),
        (lambda: Iec62056Decoder(IGNORED), IEC, 50),
        (Nbr14522Decoder, NBR, 50),
        (lambda: LineDecoder(LINES), LINE, 100),
        (lambda: LineDecoder(FRAMED), LINE, 50),
    ],
)
def test_ten_million_bytes(make: Callable[[], Framer], messages: list[bytes], pieces: int) -> None:
    """Every byte is accounted for, whole messages are found between the others, and little is kept."""
    random = Random(20_261_123)
    decoder = make()
    heard_bytes = taken_bytes = found = 0
    for at in range(pieces):
        data = (spoiled, noise, spoiled, repeated)[at % 4](random, messages, PIECE_BYTES)
        for record in decoder.feed(data):
            if isinstance(record, Frame):
                taken_bytes += record.size_bytes
                found += 1
        heard_bytes += len(data)
        assert taken_bytes + sum(decoder.discarded.values()) + len(decoder._kept) == heard_bytes
        assert len(pickle.dumps(decoder.__dict__)) < decoder.SIZE_MAX + STATE_BYTES
    assert heard_bytes >= pieces * PIECE_BYTES
    assert found > heard_bytes // 1_000
