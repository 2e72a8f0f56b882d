"""A serial line behind a server that lets its line be set over the same connection (RFC 2217)."""

from __future__ import annotations

import asyncio

from edge.channels.failures import LinkError
from edge.channels.intake import ByteIntake
from edge.channels.settings import Line, Rfc2217Settings
from edge.channels.tcp import READ_BYTES_MAX, TcpLink, open_connection
from edge.channels.telnet import Telnet


class Rfc2217Link(TcpLink):
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, intake: ByteIntake) -> None:
        super().__init__(reader, writer, intake)
        self._telnet = Telnet()
        self._answered = asyncio.Event()

    async def begin(self, line: Line) -> None:
        """Agree with the server on how the line is set, before anything is read from it."""
        await super().write(Telnet.opening())
        setting = asyncio.ensure_future(self.set_line(line))
        try:
            while not setting.done():
                data = await self._reader.read(READ_BYTES_MAX)
                if not data:
                    raise LinkError("closed", "the server hung up before its line was set")
                self._received(data)
                await asyncio.sleep(0)  # let it see what was answered
            setting.result()
        finally:
            setting.cancel()

    async def write(self, data: bytes) -> None:
        """See `ByteLink`."""
        await super().write(Telnet.escaped(data))

    async def set_line(self, line: Line) -> None:
        """See `ByteLink`; returns when the server says that it is done."""
        wanted = Telnet.values(line)
        self._telnet.agreed.clear()
        await super().write(Telnet.request(line))
        while not wanted.keys() <= self._telnet.agreed.keys():
            if self._telnet.is_refused:
                raise LinkError("protocol", "the server does not let its line be set (RFC 2217): use kind tcp")
            self._answered.clear()
            await self._answered.wait()
        set_to = {command: self._telnet.agreed[command] for command in wanted}
        if set_to != wanted:
            raise LinkError("line-not-set", f"the server did not set its line to {line}, but to {set_to}")

    def _received(self, data: bytes) -> None:
        discarded_bytes = self._telnet.discarded_bytes
        data, answer = self._telnet.feed(data)
        if answer:
            self._writer.write(answer)
        if self._telnet.discarded_bytes > discarded_bytes:
            self._intake.lost("telnet", self._telnet.discarded_bytes - discarded_bytes)
        self._answered.set()
        if data:
            self._intake.take(data)


async def connect(settings: Rfc2217Settings, intake: ByteIntake) -> Rfc2217Link:
    """Connect, and set the line."""
    link = Rfc2217Link(*await open_connection(settings.host, settings.port), intake)
    try:
        await link.begin(settings.line)
    except BaseException:
        await link.close()
        raise
    return link
