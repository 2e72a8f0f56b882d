"""The network between a gateway and its office, which can be pulled out."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65_536


class Network:
    """Forwards each connection from a port of its own to another one, as long as it is not cut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._is_cut = False
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """Where the other side is found, as long as nothing is cut."""
        assert self._server is not None  # noqa: S101  it is asked for within the block
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Break what is connected, and let nobody connect."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        """Forward as if nothing had been."""
        self._is_cut = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here = {writer}
        self._writers |= here
        with suppress(OSError, asyncio.CancelledError):  # asyncio cancels it when the loop ends, and complains of that
            if not self._is_cut:
                there_reader, there_writer = await asyncio.open_connection(*self._target)
                here.add(there_writer)
                self._writers |= here
                await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))
        for one in here:
            one.transport.abort()
        self._writers -= here


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
