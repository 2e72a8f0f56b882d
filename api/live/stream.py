"""A stream of changes as server-sent events (WHATWG HTML, 9.2): an answer that goes on until its token ends.

    id: 4711
    event: change
    data: {"at_ms":1790000000000,"kind":"order_changed","line":"manaus.final.line-1","on":"order/OP-1", ...}

The id is the change's position. `event: reset` says that changes were missed which are not kept any more, or that the
position is not known here: read everything anew, the stream goes on from its id. Every 15 s without a change there is a
comment, with the position up to which there was nothing to tell. Who takes nothing for `SLOW_S` is cut off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass

from fastapi import Response
from starlette.types import Receive, Scope, Send

from api.http.problems import answer_to
from api.live.live import Ended, Live, News
from api.live.sight import Sight
from models.refusal import NotNow, Refused
from sipe.errors import SipeError
from sipe.metrics import STREAMS_CUT, Monitor

MEDIA = "text/event-stream"
RETRY_MS = 1_000
SLOW_S = 20.0
PIECE_CHARS = 16_384

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Following:
    """A stream that somebody may open: what it shows, from where on, and for how long."""

    sight: Sight
    position: int
    is_reset: bool
    """Whether what comes behind the position that was asked for is not kept, or not known."""
    check: Callable[[], object]
    """Raises `Refused` once the access token has ended."""


class EventStream(Response):
    """The answer, which is a problem document when there are too many of them."""

    media_type = MEDIA

    def __init__(self, live: Live, following: Following, monitor: Monitor) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._live = live
        self._following = following
        self._monitor = monitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until the reader goes, is too slow, or may read no more."""
        try:
            async with self._live.joined(self._following.sight.principal.identity, self._following.position):
                await self._serve(receive, send)
        except NotNow as refused:
            await answer_to(refused)(scope, receive, send)

    async def _serve(self, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            came = await asyncio.gather(sending, leaving, return_exceptions=True)
        if isinstance(error := came[0], Exception):
            raise error

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for text in texts(self._live, self._following):
                async with asyncio.timeout(SLOW_S):
                    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        except TimeoutError:
            self._monitor.count(STREAMS_CUT)
            _log.info("a stream was too slow, and is cut off", extra={"wait_s": SLOW_S})
            return  # without an end: the server closes the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def texts(live: Live, following: Following) -> AsyncIterator[str]:
    """What goes out, piece by piece; the token is looked at before each."""
    position = following.position
    yield f"retry: {RETRY_MS}\n" + (_reset(position) if following.is_reset else f"id: {position}\n\n")
    try:
        while True:
            news = await live.behind(position)
            following.check()
            if news:
                position = news[-1].position
                for text in pieces(_event(one) for one in news if following.sight.sees(one.change)):
                    yield text
            else:
                yield f": still here\nid: {position}\n\n"
    except (Ended, Refused, SipeError):  # without its store this process has nothing to tell
        return


def pieces(events: Iterable[str]) -> Iterator[str]:
    """The same, in texts of about `PIECE_CHARS`: so much of a stream waits for its reader, and no more."""
    piece: list[str] = []
    size = 0
    for event in events:
        piece.append(event)
        size += len(event)
        if size >= PIECE_CHARS:
            yield "".join(piece)
            piece, size = [], 0
    if piece:
        yield "".join(piece)


def _event(news: News) -> str:
    return f"id: {news.position}\nevent: change\ndata: {news.body}\n\n"


def _reset(position: int) -> str:
    return f'id: {position}\nevent: reset\ndata: {{"position":{position}}}\n\n'


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
