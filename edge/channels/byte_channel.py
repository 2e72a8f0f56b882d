"""Channels of bytes: chunks as they came, and writing for protocols in which one side asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from edge.channels.channel import Channel, Link
from edge.channels.failures import ChannelDown, LinkError, as_link_error
from edge.channels.intake import ByteIntake, Chunk
from edge.channels.settings import ChannelSettings, Line

ADAPTER_MS = 5
"""A USB adapter passes on what it is given a little later."""


class ByteLink(Link, Protocol):
    """One connection that takes bytes as well."""

    async def write(self, data: bytes) -> None:
        """Hand bytes to the system; returns when it has taken all of them."""

    async def flush(self) -> None:
        """Return when the system holds none of them back."""

    async def set_line(self, line: Line) -> None:
        """Set the serial line; raises `UsageError` where that is impossible."""


class ByteChannel(Channel[Chunk, ByteLink, ByteIntake]):
    """`async for chunk in channel` reads; a write and what follows it are for one task at a time.

    Echoes, as half-duplex lines have them, come in like everything else: the codecs know what they sent.
    """

    def __init__(
        self,
        settings: ChannelSettings,
        connect: Callable[[ByteIntake], Awaitable[ByteLink]],
        line: Line | None = None,
        **more: Any,
    ) -> None:
        """`line` is how the serial line is set at first, if it is known; `more` as for `Channel`."""
        super().__init__(settings, connect, ByteIntake, **more)
        self._first_line = self._line = line
        self._sent_ms = 0.0
        self._writing = asyncio.Lock()

    async def write(self, data: bytes) -> None:
        """Send bytes; returns when they are on their way. Raises `ChannelDown`."""
        async with self._writing, self._sending(len(data)) as link:
            now_ms = self._monotonic_ms()
            await link.write(data)
            self.tally.bytes_out += len(data)
            self._sent_ms = max(self._sent_ms, now_ms) + self._on_line_ms(len(data))

    async def drain(self) -> None:
        """Return when the last character that was written has left the wire. Raises `ChannelDown`.

        No system tells that of every adapter, so it is what the system still holds, and then the time that the
        characters take at the line's rate.
        """
        async with self._writing, self._sending() as link:
            await link.flush()
        if self._line is not None:
            left_ms = self._sent_ms + ADAPTER_MS - self._monotonic_ms()
            await asyncio.sleep(max(0.0, left_ms) / 1000)

    async def set_line(self, line: Line) -> None:
        """Change rate, bits and parity for this connection; the next one begins with the settings again.

        Drain first. Raises `ChannelDown`, and `UsageError` where the line cannot be set from here.
        """
        async with self._writing, self._sending() as link:
            await link.set_line(line)
            self._line = line

    async def _connected(self, intake: ByteIntake) -> ByteLink:
        self._line, self._sent_ms = self._first_line, 0.0
        return await super()._connected(intake)

    def _on_line_ms(self, size_bytes: int) -> float:
        return size_bytes * self._line.character_ms if self._line is not None else 0.0

    @asynccontextmanager
    async def _sending(self, size_bytes: int = 0) -> AsyncIterator[ByteLink]:
        """The connection, for as long as sending may take; what goes wrong ends the connection."""
        link, intake = self._link, self._intake
        if link is None or intake is None or intake.broken.done():
            raise ChannelDown(f"channel {self.name} has no connection: {self._lifecycle.cause or 'none was made yet'}")
        left_ms = max(0.0, self._sent_ms - self._monotonic_ms()) + self._on_line_ms(size_bytes)
        try:
            async with asyncio.timeout((self.settings.write_timeout_ms + left_ms) / 1000):
                yield link
        except (OSError, LinkError) as error:
            failure = as_link_error(error)
            intake.fail(failure.reason, f"while writing: {failure.args[0]}")
            raise ChannelDown(f"channel {self.name} broke while writing: {failure}") from error
