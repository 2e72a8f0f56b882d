"""A serial port of this machine: pyserial opens and sets it, and the event loop reads and writes.

It is opened for this process alone. A line that arrives inverted, as behind some opto couplers, is a matter of the
wiring: no driver turns it round, so swap the transistor stage or use an adapter that inverts. With a parity, a
character that comes with a wrong one is handed on as NUL, which is in no message of these protocols.
"""

from __future__ import annotations

import asyncio
import os
import termios
from contextlib import suppress
from typing import Protocol

import serial

from edge.channels.failures import LinkError, as_link_error
from edge.channels.intake import ByteIntake
from edge.channels.patience import in_thread, nothing
from edge.channels.settings import Line, SerialSettings

READ_BYTES_MAX = 4096
_FLUSH_POLL_S = 0.002
_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_FORMAT_BITS = termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB


class Hearer(Protocol):
    """Who is told what comes over a port and what becomes of it, as a `ByteIntake` is."""

    def take_newest(self, data: bytes) -> None:
        """These bytes came."""

    def error(self, reason: str) -> None:
        """Something is wrong, and ends nothing."""

    def fail(self, reason: str, detail: str) -> None:
        """The port is of no use any more."""


class SerialLink:
    """One time that the port is open."""

    def __init__(self, port: serial.Serial, hearer: Hearer) -> None:
        self._port = port
        self._hearer = hearer
        self._loop = asyncio.get_running_loop()

    def listen(self) -> None:
        """From now on the hearer hears."""
        self._loop.add_reader(self._port.fileno(), self._readable)

    async def serve(self) -> None:
        """See `Link`; it ends when the intake breaks."""
        self.listen()
        await self._loop.create_future()

    async def write(self, data: bytes) -> None:
        """See `ByteLink`."""
        rest = memoryview(data)
        while rest := rest[self.write_now(rest) :]:
            await self._writable()

    def write_now(self, data: bytes | memoryview) -> int:
        """Hand the system what it takes at once; how many bytes that is. Raises `OSError`."""
        try:
            return os.write(self._port.fileno(), data)
        except BlockingIOError:
            return 0

    async def flush(self) -> None:
        """See `ByteLink`. `tcdrain` would wait better, but for ever where an adapter is stuck, and none can stop it."""
        while self._port.out_waiting:
            await asyncio.sleep(_FLUSH_POLL_S)

    async def set_line(self, line: Line) -> None:
        """See `ByteLink`."""
        try:
            await in_thread(lambda: _set(self._port, line), nothing)
            self.note_line(line)
        except termios.error as error:  # which is no OSError
            raise as_link_error(error) from error

    def note_line(self, line: Line) -> None:
        """Count a line that is not set as it should be: some adapters, and every pseudo terminal, know 8N1 alone."""
        if termios.tcgetattr(self._port.fileno())[2] & _FORMAT_BITS != _format_bits(line):
            self._hearer.error("line-not-set")

    async def close(self) -> None:
        """See `Link`. What was not sent is thrown away: Linux would wait for it half a minute."""
        self._loop.remove_reader(self._port.fileno())
        self._loop.remove_writer(self._port.fileno())
        await in_thread(lambda: _close(self._port), nothing)

    def _readable(self) -> None:
        try:
            data = os.read(self._port.fileno(), READ_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError as error:
            self._unplugged(str(error))
            return
        if data:
            self._hearer.take_newest(data)
        else:
            self._unplugged("it has hung up")

    def _unplugged(self, detail: str) -> None:
        self._loop.remove_reader(self._port.fileno())  # it would be readable for ever
        self._hearer.fail("unplugged", f"{self._port.name}: {detail}")

    async def _writable(self) -> None:
        writable = asyncio.Event()
        self._loop.add_writer(self._port.fileno(), writable.set)
        try:
            await writable.wait()
        finally:
            self._loop.remove_writer(self._port.fileno())


async def connect(settings: SerialSettings, intake: ByteIntake) -> SerialLink:
    """Open the port of a channel of bytes."""
    return await open_link(settings.port, settings.line, intake, dtr=settings.dtr, rts=settings.rts)


async def open_link(name: str, line: Line, hearer: Hearer, *, dtr: bool = True, rts: bool = True) -> SerialLink:
    """Open a port, in a thread: a broken adapter takes seconds to say so."""
    port = await in_thread(lambda: _open(name, line, dtr=dtr, rts=rts), _close)
    link = SerialLink(port, hearer)
    try:
        link.note_line(line)
    except BaseException:
        await link.close()
        raise
    return link


def _open(name: str, line: Line, *, dtr: bool, rts: bool) -> serial.Serial:
    port = serial.Serial(exclusive=True, timeout=0)
    port.port = name
    port.dtr, port.rts = dtr, rts
    port.open()
    try:
        _set(port, line)
        port.reset_input_buffer()  # what came before the line was set
    except BaseException:
        port.close()
        raise
    return port


def _set(port: serial.Serial, line: Line) -> None:
    """Set an open port as near to the line as it can be; `SerialLink.note_line` sees how near that was."""
    wanted = {
        "baudrate": line.rate_bd,
        "bytesize": line.bits,
        "parity": _PARITIES[line.parity],
        "stopbits": line.stop_bits,
    }
    try:
        with suppress(termios.error):  # the rate is set first, and is set where the others are impossible
            port.apply_settings(wanted)
    except ValueError as error:
        raise LinkError("line-not-set", f"{port.port} cannot be set to {line}: {error}") from error
    _mark_bad_characters(port, line)


def _mark_bad_characters(port: serial.Serial, line: Line) -> None:
    """Have them as NUL; pyserial lets them through as if they were good."""
    if line.parity != "none":
        attributes = termios.tcgetattr(port.fileno())
        attributes[0] |= termios.INPCK
        termios.tcsetattr(port.fileno(), termios.TCSANOW, attributes)


def _close(port: serial.Serial) -> None:
    with suppress(OSError, termios.error):  # it is gone; there is nothing in it
        port.reset_output_buffer()
    port.close()


def _format_bits(line: Line) -> int:
    bits = termios.CS7 if line.bits == 7 else termios.CS8
    if line.parity != "none":
        bits |= termios.PARENB
    if line.parity == "odd":
        bits |= termios.PARODD
    return bits | (termios.CSTOPB if line.stop_bits == 2 else 0)
