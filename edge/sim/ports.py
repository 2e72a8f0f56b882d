"""Where a simulated meter is found: a pseudo terminal, a TCP port, or a link within this process.

What nobody reads is lost, as on a line at which nobody listens.
"""

from __future__ import annotations

import asyncio
import os
import pty
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from edge.channels.intake import ByteIntake
from edge.channels.settings import Line
from sipe.errors import UsageError

Hear = Callable[[bytes], None]
READ_BYTES_MAX = 4096

_RATES = {
    getattr(termios, f"B{rate}"): rate
    for rate in (50, 75, 110, 150, 300, 600, 1200, 1800, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200)
}


class Port(Protocol):
    """The side of the wire where the gateway is."""

    @property
    def where(self) -> str:
        """What the gateway has to open."""

    @property
    def rate_bd(self) -> float | None:
        """The rate that the gateway has set; None where nobody can know."""

    async def open(self, hear: Hear) -> None:
        """Be there; what the gateway says goes to `hear`. Raises `UsageError`."""

    def say(self, data: bytes) -> None:
        """Give the gateway these bytes, now."""

    async def close(self) -> None:
        """Be gone."""


class PtyPort:
    """A pseudo terminal: it takes any rate, which can be read here, and carries eight bits whatever is set."""

    def __init__(self, link: Path | None = None) -> None:
        """`link` is a name for it that stays the same from one time to the next."""
        self._link = link
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._name = os.ttyname(self._slave)

    @property
    def where(self) -> str:
        """See `Port`."""
        return str(self._link or self._name)

    @property
    def rate_bd(self) -> float | None:
        """See `Port`."""
        return _RATES.get(termios.tcgetattr(self._slave)[5])

    async def open(self, hear: Hear) -> None:
        """See `Port`; a link of that name is replaced, another file is not."""
        if self._link is not None:
            try:
                if self._link.is_symlink():
                    self._link.unlink()
                self._link.symlink_to(self._name)
            except OSError as error:
                raise UsageError(f"{self._link}: no link can be made there: {error.strerror}") from error
        asyncio.get_running_loop().add_reader(self._master, lambda: hear(os.read(self._master, READ_BYTES_MAX)))

    def say(self, data: bytes) -> None:
        """See `Port`."""
        with suppress(BlockingIOError):
            os.write(self._master, data)

    async def close(self) -> None:
        """See `Port`."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        if self._link is not None:
            self._link.unlink(missing_ok=True)


class TcpPort:
    """A server of one serial line, for one connection at a time: the next one takes its place."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, rate_bd: float | None = None) -> None:
        """Port 0 is any. `rate_bd` is how the server's line is set; None goes along with the meter."""
        self._host = host
        self._port = port
        self._rate_bd = rate_bd
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._hear: Hear | None = None

    @property
    def where(self) -> str:
        """See `Port`."""
        return f"{self._host}:{self._port}"

    @property
    def port(self) -> int:
        """Its number, once it is open."""
        return self._port

    @property
    def rate_bd(self) -> float | None:
        """See `Port`."""
        return self._rate_bd

    async def open(self, hear: Hear) -> None:
        """See `Port`."""
        self._hear = hear
        try:
            self._server = await asyncio.start_server(self._converse, self._host, self._port)
        except OSError as error:
            raise UsageError(f"{self.where}: nobody can listen there: {error.strerror}") from error
        self._port = self._server.sockets[0].getsockname()[1]

    def say(self, data: bytes) -> None:
        """See `Port`."""
        if self._writer is not None and self._writer.transport.get_write_buffer_size() < READ_BYTES_MAX:
            self._writer.write(data)

    async def close(self) -> None:
        """See `Port`."""
        if self._server is not None:
            self._server.close()
        self._hang_up()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._hang_up()
        self._writer = writer
        with suppress(OSError, asyncio.CancelledError):  # asyncio cancels it when the loop ends, and complains of that
            while data := await reader.read(READ_BYTES_MAX):
                if self._hear is not None and self._writer is writer:
                    self._hear(data)
        writer.transport.abort()
        if self._writer is writer:
            self._writer = None

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._writer = None


class DirectPort:
    """A link within this process, for a `ByteChannel` that is made with `connect`: no time but the loop's."""

    def __init__(self) -> None:
        self._hear: Hear = _nobody
        self._link: DirectLink | None = None

    @property
    def where(self) -> str:
        """See `Port`."""
        return "this process"

    @property
    def rate_bd(self) -> float | None:
        """See `Port`."""
        return self._link.rate_bd if self._link is not None else None

    async def open(self, hear: Hear) -> None:
        """See `Port`."""
        self._hear = hear

    def say(self, data: bytes) -> None:
        """See `Port`."""
        if self._link is not None:
            self._link.take(data)

    async def close(self) -> None:
        """See `Port`."""
        self._hear = _nobody

    async def connect(self, intake: ByteIntake) -> DirectLink:
        """What makes the channel's connections."""
        self._link = DirectLink(intake, self._pass_on)
        return self._link

    def _pass_on(self, data: bytes) -> None:
        self._hear(data)


class DirectLink:
    """See `edge.channels.byte_channel.ByteLink`."""

    def __init__(self, intake: ByteIntake, hear: Hear) -> None:
        self.rate_bd: float | None = None
        self._intake = intake
        self._hear = hear

    def take(self, data: bytes) -> None:
        """Bytes came."""
        self._intake.take_newest(data)

    async def serve(self) -> None:
        """See `Link`."""
        await asyncio.get_running_loop().create_future()

    async def write(self, data: bytes) -> None:
        """See `ByteLink`."""
        self._hear(data)

    async def flush(self) -> None:
        """See `ByteLink`; nothing is held back."""

    async def set_line(self, line: Line) -> None:
        """See `ByteLink`."""
        self.rate_bd = line.rate_bd

    async def close(self) -> None:
        """See `Link`."""


def _nobody(data: bytes) -> None:
    pass
