"""A serial port beneath pymodbus' client.

The library's own way opens and closes the port in the event loop, where a stuck adapter holds up every channel, and
leaves it open and locked when it is unplugged while it is set.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pymodbus.transaction import TransactionManager

from edge.channels import serial_port
from edge.channels.intake import MessageIntake
from edge.channels.settings import ModbusRtuSettings


class ModbusLine(asyncio.Transport):
    """An open port as the transport of the library's protocol, to which it passes on what comes."""

    def __init__(self, protocol: TransactionManager, intake: MessageIntake) -> None:
        super().__init__()
        self._protocol = protocol
        self._intake = intake
        self._port: serial_port.SerialLink | None = None

    async def open(self, settings: ModbusRtuSettings) -> None:
        """Open the port and have the library use it."""
        self._port = await serial_port.open_link(settings.port, settings.line, self)
        self._port.listen()
        self._protocol.connection_made(self)

    async def let_go(self) -> None:
        """Close the port, in a thread."""
        if self._port is not None:
            await self._port.close()

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """See `asyncio.Transport`. Of a request that the system does not take no answer will come, and that is seen."""
        if self._port is not None:
            self._port.write_now(bytes(data))

    def close(self) -> None:
        """See `asyncio.Transport`; the library lets go of the port, and `let_go` closes it."""

    def take_newest(self, data: bytes) -> None:
        """See `Hearer`."""
        try:
            self._protocol.data_received(data)
        except Exception as error:  # the library raises this and that where frames make no sense
            self._intake.fail("protocol", repr(error))

    def error(self, reason: str) -> None:
        """See `Hearer`."""
        self._intake.error(reason)

    def fail(self, reason: str, detail: str) -> None:
        """See `Hearer`."""
        self._intake.fail(reason, detail)
