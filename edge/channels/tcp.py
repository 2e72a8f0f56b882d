"""Bytes over TCP: equipment that speaks it, or a serial server that passes its line on as it is."""

from __future__ import annotations

import asyncio
import socket

from edge.channels.failures import LinkError
from edge.channels.intake import ByteIntake
from edge.channels.settings import Line, TcpSettings
from sipe.errors import UsageError

READ_BYTES_MAX = 16_384

_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 25_000),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)
"""A machine that is gone, or a cable, is noticed within 25 s though nothing is sent; a program that hangs is not."""


class TcpLink:
    """One connection. While the reader of the channel is behind, nothing is read, and TCP holds the sender up."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, intake: ByteIntake) -> None:
        self._reader = reader
        self._writer = writer
        self._intake = intake

    async def serve(self) -> None:
        """See `Link`."""
        while True:
            await self._intake.room()
            data = await self._reader.read(READ_BYTES_MAX)
            if not data:
                raise LinkError("closed", "the other end hung up")
            self._received(data)

    async def write(self, data: bytes) -> None:
        """See `ByteLink`."""
        self._writer.write(data)
        await self._writer.drain()

    async def flush(self) -> None:
        """See `ByteLink`; the socket has had them since `write`."""
        await self._writer.drain()

    async def set_line(self, line: Line) -> None:
        """See `ByteLink`."""
        raise UsageError(f"the line cannot be set to {line} over plain TCP: use kind rfc2217, or set the server")

    async def close(self) -> None:
        """See `Link`."""
        self._writer.transport.abort()

    def _received(self, data: bytes) -> None:
        self._intake.take(data)


async def open_connection(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that notices when the other machine is gone, and holds back nothing that is written."""
    reader, writer = await asyncio.open_connection(host, port, limit=READ_BYTES_MAX)
    connection: socket.socket = writer.get_extra_info("socket")
    for level, option, value in _KEEPALIVE:
        connection.setsockopt(level, option, value)
    writer.transport.set_write_buffer_limits(high=0)
    return reader, writer


async def connect(settings: TcpSettings, intake: ByteIntake) -> TcpLink:
    """Connect."""
    return TcpLink(*await open_connection(settings.host, settings.port), intake)
