"""An operator's scanner: whole lines, of now, and never one that was scanned while a unit was in work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from edge.agent.operator import ScannerOperator
from edge.channels.intake import Chunk

T = TypeVar("T")


class Hand:
    """A scanner of which each chunk is given by hand, and a clock."""

    def __init__(self) -> None:
        self.now_ms = 1_000
        self.chunks: asyncio.Queue[Chunk] = asyncio.Queue()
        self.operator = ScannerOperator("pack-1", self._read(), "lines", lambda: self.now_ms)

    def scan(self, text: str, *, connection: int = 1) -> None:
        self.now_ms += 10
        self.chunks.put_nowait(Chunk(self.now_ms, connection, text.encode()))

    async def _read(self) -> AsyncIterator[Chunk]:
        while True:
            yield await self.chunks.get()


def within(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, 10))


def test_lines_come_whole_and_in_order() -> None:
    async def story() -> list[str]:
        hand = Hand()
        asked = asyncio.create_task(hand.operator.scan())
        await asyncio.sleep(0)
        for piece in ("OP-", "1\r", "\n0000001", "7\r\n"):
            hand.scan(piece)
        first = await asked
        second = asyncio.create_task(hand.operator.scan())
        return [first, await second]

    assert within(story()) == ["OP-1", "00000017"]


def test_what_was_scanned_while_a_unit_was_in_work_is_not_taken_for_the_next() -> None:
    async def story() -> tuple[str, int]:
        hand = Hand()
        hand.scan("00000017\r\n")
        hand.scan("00000017\r\n")
        hand.now_ms += 10
        asked = asyncio.create_task(hand.operator.scan())
        await asyncio.sleep(0)
        hand.scan("00000018\r\n")
        return await asked, hand.operator.ignored

    assert within(story()) == ("00000018", 2)


def test_half_a_line_of_a_connection_that_broke_is_none() -> None:
    async def story() -> str:
        hand = Hand()
        asked = asyncio.create_task(hand.operator.scan())
        await asyncio.sleep(0)
        hand.scan("0000")
        hand.scan("1234\r\n", connection=2)
        return await asked

    assert within(story()) == "1234"
