"""The operator of a station: a barcode scanner on a channel, and a screen that is the status page."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable

from edge.channels.intake import Chunk
from edge.protocols.lines import LineDecoder, ScannedLine
from edge.stations.display import Display

_log = logging.getLogger(__name__)

SILENCE_S = 1.0
"""A scanner sends a line in one go: what is unfinished after that was none."""


class ScannerOperator:
    """An `Operator`. What is scanned while a unit is in work is not kept: nobody shall wonder what it is good for."""

    def __init__(
        self, station: str, channel: AsyncIterator[Chunk], framing: str, monotonic_ms: Callable[[], int]
    ) -> None:
        self._station = station
        self._channel = channel
        self._decoder = LineDecoder(framing)
        self._monotonic_ms = monotonic_ms
        self._connection = 0
        self._lines: deque[str] = deque()
        self.display = Display(state="waiting", text="the station starts")
        self.ignored = 0
        """How many lines were scanned at the wrong moment."""

    async def scan(self) -> str:
        """The next line that is scanned from now on."""
        asked_ms = self._monotonic_ms()
        while True:
            if self._lines:
                return self._lines.popleft()
            chunk = await self._next()
            if chunk is None:
                self._decoder.end()
                continue
            if chunk.connection != self._connection:
                self._decoder.end()
                self._connection = chunk.connection
            lines = [found.text for found in self._decoder.feed(chunk.data) if isinstance(found, ScannedLine)]
            if chunk.at_ms >= asked_ms:
                self._lines.extend(lines)
            elif lines:
                self.ignored += len(lines)
                _log.warning(
                    "%s: %d lines were scanned while a unit was in work, and ignored", self._station, len(lines)
                )

    def show(self, display: Display) -> None:
        """Change the screen."""
        self.display = display
        _log.info("%s: %s: %s", self._station, display.state, display.text)

    async def _next(self) -> Chunk | None:
        """The next bytes; nothing after a second of silence."""
        try:
            async with asyncio.timeout(SILENCE_S):
                return await anext(self._channel)
        except TimeoutError:
            return None
        except StopAsyncIteration:  # the channel was stopped, and so will the station be
            await asyncio.Event().wait()
            raise
