"""A wire at a port, in the time of the running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from edge.sim.bus import Bus
from edge.sim.ports import Port


def loop_ms() -> float:
    """The time that a wire goes by."""
    return asyncio.get_running_loop().time() * 1000


@asynccontextmanager
async def played(bus: Bus, port: Port) -> AsyncIterator[asyncio.Task[None]]:
    """The meters of the wire are there, at the port, until the block ends. Raises `UsageError` for the port's sake.

    The wire is made with `now_ms=loop_ms()`. The task ends only when the wire breaks, which it must not: that is told
    at the end of the block.
    """
    said = asyncio.Event()

    def hear(data: bytes) -> None:
        bus.say(data, loop_ms(), port.rate_bd)
        said.set()

    async def play() -> None:
        while True:
            said.clear()
            bus.advance(loop_ms())
            data = bus.take(port.rate_bd)
            if data:
                port.say(data)
            due_ms = bus.next_ms()
            try:
                async with asyncio.timeout(None if due_ms is None else max(0.0, due_ms - loop_ms()) / 1000):
                    await said.wait()
            except TimeoutError:
                pass

    await port.open(hear)
    playing = asyncio.get_running_loop().create_task(play(), name=f"meter at {port.where}")
    try:
        yield playing
    finally:
        was_broken = playing.done()
        playing.cancel()
        await asyncio.wait({playing})
        await port.close()
        if was_broken:
            playing.result()
