"""What was taken last of each source: what is not above it was taken before, and is refused without harm.

The numbers of a source grow over both classes, and a class may be taken while the other is refused, so each class has
its own. A copy of all is in the current segment of both classes, with a checksum: one that was wrong would refuse what
was never taken.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from sipe.contracts.event_classes import EventClass

Key = tuple[str, str, EventClass]
Number = tuple[int, int]
"""(boot, seq), which grow."""


class Head(NamedTuple):
    """The last event of a class that was taken of a source."""

    station: str
    source: str
    event_class: EventClass
    boot: int
    seq: int
    position: int
    """Where it was put."""
    taken_ms: int
    """When, in running time."""

    @property
    def key(self) -> Key:
        """Whose it is."""
        return self[:3]

    @property
    def number(self) -> Number:
        """What a new event has to be above."""
        return self[3:5]


def advance(heads: dict[Key, Head], later: Iterable[Head]) -> None:
    """Take these in, where no later ones are known."""
    for head in later:
        known = heads.get(head.key)
        if known is None or head.number > known.number:
            heads[head.key] = head


def columns_of(head: Head) -> tuple[Any, ...]:
    """The head as it is stored: followed by the CRC-32 (that of zlib) of it as a JSON array."""
    return (*head, _crc(head))


def checked(columns: tuple[Any, ...]) -> Head | None:
    """A head as it was stored, or None when it is damaged."""
    head = Head(*columns[:-1])
    return head if columns[-1] == _crc(head) else None


def _crc(head: Head) -> int:
    return zlib.crc32(msgspec.json.encode(tuple(head)))
