"""What waits between a channel and its one reader, bounded by bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

ITEM_BYTES = 160
"""About what an item takes in memory beside its own bytes."""


class Ended(Exception):
    """Nothing waits, and nothing will come."""


class Inbox(Generic[T]):
    """A queue of items and their sizes."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._items: deque[tuple[T, int]] = deque()
        self._ended = False
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    @property
    def waiting_bytes(self) -> int:
        """What waits, as it is counted against the limit."""
        return self._bytes

    @property
    def is_full(self) -> bool:
        """Whether the limit is reached."""
        return self._bytes >= self._bytes_max

    def put(self, item: T, size_bytes: int) -> None:
        """Take an item in. Whoever does not ask for room first goes over the limit by one item, and no further."""
        self._items.append((item, size_bytes))
        self._bytes += size_bytes + ITEM_BYTES
        self._filled.set()
        if self.is_full:
            self._emptied.clear()

    def put_newest(self, item: T, size_bytes: int) -> int:
        """Take an item in, and let go of the oldest until the rest is within the limit; how many bytes of them went."""
        self.put(item, size_bytes)
        dropped_bytes = 0
        while self._bytes > self._bytes_max and len(self._items) > 1:
            dropped_bytes += self._pop()[1]
        return dropped_bytes

    async def room(self) -> None:
        """Wait until there is some."""
        await self._emptied.wait()

    async def get(self) -> T:
        """The oldest item, once there is one; raises `Ended`. Giving up the wait loses nothing."""
        while not self._items:
            if self._ended:
                raise Ended
            self._filled.clear()
            await self._filled.wait()
        return self._pop()[0]

    def end(self) -> None:
        """Nothing more comes; what waits can still be taken."""
        self._ended = True
        self._filled.set()

    def _pop(self) -> tuple[T, int]:
        item, size_bytes = self._items.popleft()
        self._bytes -= size_bytes + ITEM_BYTES
        if not self.is_full:
            self._emptied.set()
        return item, size_bytes
