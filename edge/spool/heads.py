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
from sipe.contracts.events import StationEvent

Key = tuple[str, str, EventClass]


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


class Heads:
    """The heads of all sources; `onward()` gives a copy to go on with until what it tells of is on disk."""

    def __init__(self, heads: Iterable[Head] = (), base: Heads | None = None) -> None:
        self._base = base
        self._own: dict[Key, Head] = {}
        for head in heads:
            self.advance(head)

    def onward(self) -> Heads:
        """These, and more: what is added to it is not in these."""
        return Heads(base=self)

    def get(self, key: Key) -> Head | None:
        """The head of a source, if anything was taken of it."""
        return self._own.get(key) or (self._base.get(key) if self._base else None)

    def is_new(self, event: StationEvent, event_class: EventClass) -> bool:
        """Whether an event was not taken before."""
        head = self.get((event.station, event.source, event_class))
        return head is None or (event.boot, event.seq) > (head.boot, head.seq)

    def seq(self, event: StationEvent, event_class: EventClass) -> int:
        """The last number that was taken of this event's boot and this class; 0 when there is none."""
        head = self.get((event.station, event.source, event_class))
        return head.seq if head is not None and head.boot == event.boot else 0

    def advance(self, head: Head) -> None:
        """Take a head in, unless a later one is known."""
        known = self.get(head.key)
        if known is None or (head.boot, head.seq) > (known.boot, known.seq):
            self._own[head.key] = head

    def added(self, event_class: EventClass | None = None) -> list[Head]:
        """What is in these and not in those that they go on from, of one class or of all."""
        return [head for head in self._own.values() if event_class in (None, head.event_class)]


def columns_of(head: Head) -> tuple[Any, ...]:
    """The head as it is stored: followed by the CRC-32 (that of zlib) of it as a JSON array."""
    return (*head, _crc(head))


def checked(columns: tuple[Any, ...]) -> Head | None:
    """A head as it was stored, or None when it is damaged."""
    head = Head(*columns[:-1])
    return head if columns[-1] == _crc(head) else None


def _crc(head: Head) -> int:
    return zlib.crc32(msgspec.json.encode(tuple(head)))
