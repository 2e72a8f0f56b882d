"""What a courier empties: the spool of its station is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol


class Waiting(Protocol):
    """An event that waits, or a gap that stands for lost ones: its place, its identity, and its bytes."""

    @property
    def position(self) -> int:
        """Grows in the order in which events came."""

    @property
    def source(self) -> str:
        """Who numbered it."""

    @property
    def boot(self) -> int:
        """In which life of the source."""

    @property
    def seq(self) -> int:
        """Its number in that life; of a gap, the last that it stands for."""

    @property
    def first_missing(self) -> int:
        """Of a gap, the first that it stands for; else 0."""

    @property
    def ts_ms(self) -> int:
        """When it happened."""

    @property
    def message(self) -> bytes:
        """The event, encoded."""


class Outbox(Protocol):
    """The events of one station, in the order in which they came; for any thread."""

    def read(self, after: int, limit: int) -> Sequence[Waiting]:
        """What waits behind a position, in order; it goes on waiting."""

    def boots(self) -> Mapping[str, int]:
        """Of each source that anything waits of, its newest boot; of others, it may be told too."""

    def new_boot(self) -> None:
        """What the gateway itself numbers from here on is of a newer boot than all before."""

    def delivered(self, positions: Iterable[int]) -> None:
        """Let go of these."""
