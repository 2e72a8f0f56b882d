"""What a connection hands on, and where it tells of trouble; each connection has one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from edge.channels.failures import LinkError
from edge.channels.inbox import Inbox
from edge.channels.lifecycle import Lifecycle
from edge.channels.tally import Tally

T = TypeVar("T")


class Chunk(NamedTuple):
    """Bytes that came together."""

    at_ms: int
    """When, on the monotonic clock: when the last of them was read."""
    connection: int
    """Which connection they came over, counted from 1: between two of them anything may be missing."""
    data: bytes


def _nobody_waits() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Message:
    """Something that came as a whole."""

    at_ms: int
    """When, on the monotonic clock."""
    connection: int
    """Which connection it came over, counted from 1."""
    topic: str
    """An MQTT topic, the path of a request, or the name of a Modbus block."""
    payload: bytes
    """As it came. Registers are two bytes each, the higher first, as on the wire; coils a byte each, 0 or 1."""
    on_taken: Callable[[], None] = field(default=_nobody_waits, repr=False, compare=False)

    def taken(self) -> None:
        """Call it once the message is on stable storage: now its sender may forget it, and hears so. Twice is fine."""
        self.on_taken()


@dataclass(frozen=True)
class Books(Generic[T]):
    """What the connections of a channel have in common."""

    inbox: Inbox[T]
    tally: Tally
    lifecycle: Lifecycle
    monotonic_ms: Callable[[], int]
    on_data: Callable[[], None]


class Intake(Generic[T]):
    """One connection's way into the inbox. Once closed it takes nothing, however late a library calls back."""

    def __init__(self, books: Books[T], connection: int) -> None:
        self.connection = connection
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._books = books
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether there is no room."""
        return self._books.inbox.is_full

    async def room(self) -> None:
        """Wait until there is some; as long as nobody reads, the line's silence is not the line's fault."""
        if self._books.inbox.is_full:
            await self._books.inbox.room()
            self._books.lifecycle.excuse(self._books.monotonic_ms())

    def error(self, reason: str) -> None:
        """Count something that is wrong and ends nothing."""
        self._books.tally.errors[reason] += 1

    def lost(self, reason: str, count: int = 1) -> None:
        """Count what came, or was due, and is not handed on."""
        self._books.tally.lost[reason] += count

    def fail(self, reason: str, detail: str) -> None:
        """The connection has ended, or is of no use any more."""
        if not self.broken.done():
            self.broken.set_exception(LinkError(reason, detail))

    def close(self) -> None:
        """Take nothing more."""
        self._closed = True
        if not self.broken.done():
            self.broken.cancel()
        elif not self.broken.cancelled():
            self.broken.exception()  # nobody has to have looked at it

    def _now_ms(self, size_bytes: int) -> int | None:
        """The time, with something of that size counted as come; None when it comes too late."""
        if self._closed:
            return None
        self._books.tally.bytes_in += size_bytes
        self._books.tally.items_in += 1
        self._books.on_data()
        return self._books.monotonic_ms()


class ByteIntake(Intake[Chunk]):
    """Takes bytes."""

    def take(self, data: bytes) -> None:
        """From a source that waits for `room`."""
        now_ms = self._now_ms(len(data))
        if now_ms is not None:
            self._books.inbox.put(Chunk(now_ms, self.connection, data), len(data))

    def take_newest(self, data: bytes) -> None:
        """From a source that waits for nobody: the oldest bytes give way when nobody reads, and are counted."""
        now_ms = self._now_ms(len(data))
        if now_ms is not None:
            dropped_bytes = self._books.inbox.put_newest(Chunk(now_ms, self.connection, data), len(data))
            if dropped_bytes:
                self.lost("overflow", dropped_bytes)


class MessageIntake(Intake[Message]):
    """Takes messages."""

    def take(self, topic: str, payload: bytes, on_taken: Callable[[], None] = _nobody_waits) -> None:
        """Hand a message on; whoever can wait, or refuse, looks at `is_full` first."""
        now_ms = self._now_ms(len(payload))
        if now_ms is not None:
            self._books.inbox.put(Message(now_ms, self.connection, topic, payload, on_taken), len(payload))
