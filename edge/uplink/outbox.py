"""What the uplink empties; the spool is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol


class Waiting(NamedTuple):
    """An event that waits: its place in the outbox, who numbered it, and its bytes."""

    position: int
    station: str
    source: str
    boot: int
    value: bytes


class Outbox(Protocol):
    """Events in the order they came in, each under a position that grows; for any thread."""

    def read(self, station: str, after: int, limit: int) -> list[Waiting]:
        """What waits of a station behind a position, in order; it goes on waiting."""

    def boots(self, station: str) -> Mapping[str, int]:
        """Of each source that something waits of, its newest boot."""

    def new_boot(self, station: str) -> None:
        """What the gateway itself numbers for a station from here on is of a newer boot than all before."""

    def delivered(self, positions: Iterable[int]) -> None:
        """Let go of these; returns when that is on the disk."""
