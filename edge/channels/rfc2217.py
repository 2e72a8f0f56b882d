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
        """Agree with the server on how the line is set; what came over the line before that is not handed on."""
        await super().write(Telnet.opening() + Telnet.request(line))
        while not self._is_set_to(line):
            received = await self._reader.read(READ_BYTES_MAX)
            if not received:
                raise LinkError("closed", "the server hung up before its line was set")
            early = self._data_of(received)
            if early:
                self._intake.lost("line-not-set", len(early))

    async def write(self, data: bytes) -> None:
        """See `ByteLink`."""
        await super().write(Telnet.escaped(data))

    async def set_line(self, line: Line) -> None:
        """See `ByteLink`; returns when the server says that it is done."""
        self._telnet.agreed.clear()
        await super().write(Telnet.request(line))
        while not self._is_set_to(line):
            self._answered.clear()
            await self._answered.wait()

    def _is_set_to(self, line: Line) -> bool:
        """Whether the server has answered that it is; raises `LinkError` when it has answered something else."""
        if self._telnet.is_refused:
            raise LinkError("protocol", "the server does not let its line be set (RFC 2217): use kind tcp")
        wanted = Telnet.values(line)
        if not wanted.keys() <= self._telnet.agreed.keys():
            return False
        set_to = {command: self._telnet.agreed[command] for command in wanted}
        if set_to != wanted:
            raise LinkError("line-not-set", f"the server did not set its line to {line}, but to {set_to}")
        return True

    def _received(self, received: bytes) -> None:
        data = self._data_of(received)
        self._answered.set()
        if data:
            self._intake.take(data)

    def _data_of(self, received: bytes) -> bytes:
        """What the line said of what the server sent; the server's own words are answered."""
        discarded_bytes = self._telnet.discarded_bytes
        data, answer = self._telnet.feed(received)
        if answer:
            self._writer.write(answer)
        if self._telnet.discarded_bytes > discarded_bytes:
            self._intake.lost("telnet", self._telnet.discarded_bytes - discarded_bytes)
        return data


async def connect(settings: Rfc2217Settings, intake: ByteIntake) -> Rfc2217Link:
    """Connect, and set the line."""
    link = Rfc2217Link(*await open_connection(settings.host, settings.port), intake)
    try:
        await link.begin(settings.line)
    except BaseException:
        await link.close()
        raise
    return link
