"""The newest changes of the outbox, read once for all the streams of this process.

What wakes it is a hint: a unit of work of this process, a message of Redis, or its own impatience. What it tells comes
from the outbox always, so nothing that rings too seldom or too often makes a stream lose or repeat anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import anyio.to_thread
import msgspec
from anyio import CapacityLimiter
from sqlalchemy.exc import SQLAlchemyError

from api.background.numbering import give_positions
from api.http.problems import unavailable
from connectors.sql import outbox
from connectors.sql.work import Store
from models.refusal import TooMuch
from sipe.contracts.changes import Change
from sipe.errors import SipeError
from sipe.metrics import STREAMS, UNMONITORED, Monitor

STREAMS_MAX = 500
STREAMS_EACH_MAX = 8
"""Of one person or device, such as a browser with many tabs."""
WINDOW = 1_000
"""How many changes are kept at hand; a stream that is further behind reads the outbox itself."""
POLL_S = 0.5
HEARTBEAT_S = 15.0
READERS = 4
"""How many threads read the outbox at a time."""

_log = logging.getLogger(__name__)


class News(NamedTuple):
    """A change at its position, and the text that is told of it."""

    position: int
    change: Change
    body: str


class Ended(Exception):
    """No more is told here: go on at another process."""


class Live:
    """One per process; all but `wake` and `close` is for its event loop only."""

    def __init__(self, store: Store, monitor: Monitor = UNMONITORED) -> None:
        self._store = store
        self._monitor = monitor
        self._open: Counter[str] = Counter()
        self._position = 0
        self._window: list[News] = []
        self._rung = asyncio.Event()
        self._turned = asyncio.Event()
        self._is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._follower: asyncio.Task[None] | None = None
        self._limiter: CapacityLimiter | None = None
        store.when_told(self.wake)

    @property
    def streams(self) -> int:
        """How many are open."""
        return self._open.total()

    def wake(self) -> None:
        """Look into the outbox now; from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has just ended
                self._loop.call_soon_threadsafe(self._rung.set)

    def close(self) -> None:
        """End every stream; from any thread."""
        self._is_closed = True
        self.wake()

    @asynccontextmanager
    async def joined(self, identity: str, position: int) -> AsyncIterator[None]:
        """A stream of somebody, from a position on; raises `NotNow` when there are too many."""
        if self._is_closed or self._open.total() >= STREAMS_MAX:
            raise unavailable("too many streams are open here: ask again", retry_after_s=5)
        if self._open[identity] >= STREAMS_EACH_MAX:
            detail = f"{identity} has {STREAMS_EACH_MAX} streams open: close one"
            raise TooMuch("too_many_streams", detail, 5)
        self._open[identity] += 1
        self._monitor.set(STREAMS, self._open.total())
        self._follow_from(position)
        try:
            yield
        finally:
            self._open[identity] -= 1
            self._open += Counter()  # forget whoever has none
            self._monitor.set(STREAMS, self._open.total())

    async def behind(self, position: int) -> list[News]:
        """What comes behind a position, a lot at most; nothing after `HEARTBEAT_S` of silence. Raises `Ended`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_S):
                while position >= self._position and not self._is_closed:
                    await self._turned.wait()
        if self._is_closed:
            raise Ended
        if position >= self._position:
            return []
        if self._window and position >= self._window[0].position - 1:
            first = position + 1 - self._window[0].position
            return self._window[first : first + outbox.LOT]
        return await self._read(position)

    def _follow_from(self, position: int) -> None:
        if self._follower is None or self._follower.done():
            self._loop = asyncio.get_running_loop()
            self._limiter = CapacityLimiter(READERS)
            self._position, self._window = position, []
            self._follower = asyncio.create_task(self._follow(), name="live")

    async def _follow(self) -> None:
        """Read on while anybody listens."""
        while self._open and not self._is_closed:
            self._rung.clear()
            try:
                news = await self._read(self._position)
            except (SipeError, SQLAlchemyError) as error:
                _log.warning("the outbox cannot be read; it is tried again", extra={"error": str(error)})
                news = []
            if news:
                self._position = news[-1].position
                self._window = [*self._window, *news][-WINDOW:]
                self._tell()
            if len(news) < outbox.LOT:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._rung.wait()
        self._tell()

    def _tell(self) -> None:
        self._turned.set()
        self._turned = asyncio.Event()

    async def _read(self, position: int) -> list[News]:
        return await anyio.to_thread.run_sync(self._news, position, limiter=self._limiter)

    def _news(self, position: int) -> list[News]:
        give_positions(self._store)
        with self._store.reading() as connection:
            rows = outbox.behind(connection, position)
        return [News(row.position, msgspec.json.decode(row.body, type=Change), row.body) for row in rows]
