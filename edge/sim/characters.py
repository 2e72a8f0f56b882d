"""Characters on a wire, each with its time: a start bit, eight bits with the lowest first, and a stop bit at least.

Seven bits with even parity are on the wire what eight bits are whose highest is the parity.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

BITS = 10
"""Of a character: 8N1 and 7E1."""


class Character(NamedTuple):
    """One character."""

    from_ms: float
    """When its start bit begins."""
    at_ms: float
    """When its last bit is over, and the receiver has it."""
    byte: int
    rate_bd: float
    source: int = 0
    """Who says it; two sources at the same time spoil both."""


def on_wire(data: bytes, rate_bd: float, from_ms: float, source: int = 0, bits: int = BITS) -> list[Character]:
    """The characters of some bytes, without a gap."""
    each_ms = 1000 * bits / rate_bd
    return [
        Character(from_ms + at * each_ms, from_ms + (at + 1) * each_ms, byte, rate_bd, source)
        for at, byte in enumerate(data)
    ]


def heard(character: Character, rate_bd: float | None) -> bytes:
    """What a port makes of a character that stands by itself; None is a port that goes by the sender's rate.

    It samples the middle of each of its own bits, and begins anew where the line is low behind a stop bit. So a slow
    port does not see a fast character at all, and a fast one sees several in a slow one.
    """
    if rate_bd is None or rate_bd == character.rate_bd:
        return bytes([character.byte])
    step = character.rate_bd / rate_bd  # bits of the sender in one of the port
    found = bytearray()
    at = 0.0
    while at < BITS - 1:
        if _level(character.byte, at):
            at = int(at) + 1.0
        elif _level(character.byte, at + step / 2):
            at += step / 2  # too short for a start bit
        else:
            found.append(sum(_level(character.byte, at + (bit + 1.5) * step) << bit for bit in range(8)))
            at += 9.5 * step
    return bytes(found)


def together(characters: Iterable[Character]) -> list[Character]:
    """The wire with all of them: where two sources speak at once, the zeros of both are heard (a wired AND)."""
    wire: list[Character] = []
    for character in sorted(characters):
        before = wire[-1] if wire else None
        if before and before.source != character.source and character.from_ms < before.at_ms:
            wire[-1] = before._replace(byte=before.byte & character.byte)
        else:
            wire.append(character)
    return wire


def _level(byte: int, at: float) -> int:
    """The line at a bit's place in the character: a start bit, eight bits, and silence."""
    place = int(at)
    return (byte >> place - 1 & 1) if 1 <= place <= 8 else int(place > 8)
