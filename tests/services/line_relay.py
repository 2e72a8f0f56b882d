"""A program that stands for equipment on a line: what it is told over its control port it says, and the other way.

python line_relay.py pty LINK CONTROL_PORT       a pseudo terminal; LINK leads to the end that a gateway opens
python line_relay.py tcp PORT CONTROL_PORT
python line_relay.py rfc2217 PORT CONTROL_PORT   pyserial's own server of that protocol
"""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import serial
from serial.rfc2217 import PortManager

Write = Callable[[bytes], object]


class Side:
    """One of the two sides; what comes before somebody is there waits."""

    def __init__(self) -> None:
        self._write: Write | None = None
        self._waiting = bytearray()

    def open(self, write: Write) -> None:
        self._write = write
        if self._waiting:
            write(bytes(self._waiting))
            self._waiting.clear()

    def close(self, write: Write) -> None:
        if self._write == write:  # somebody else may be there by now
            self._write = None

    def say(self, data: bytes) -> None:
        if self._write is None:
            self._waiting += data
        else:
            self._write(data)


def open_pty(link: Path, line: Side, control: Side) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    draft = link.with_name(link.name + ".new")
    draft.symlink_to(os.ttyname(slave))
    draft.replace(link)
    waiting = bytearray()
    loop = asyncio.get_running_loop()

    def write(data: bytes = b"") -> None:
        waiting.extend(data)
        try:
            del waiting[: os.write(master, waiting)]
        except BlockingIOError:
            loop.add_writer(master, write)
        else:
            loop.remove_writer(master)

    line.open(write)
    loop.add_reader(master, lambda: control.say(os.read(master, 65_536)))


async def serve(port: int, here: Side, there: Side, *, rfc2217: bool = False) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        manager: Any = None
        if rfc2217:
            port: Any = serial.serial_for_url("loop://")
            manager = PortManager(port, cast("Any", writer))

        def write(data: bytes) -> None:
            writer.write(b"".join(manager.escape(data)) if manager else data)

        here.open(write)
        try:
            while data := await reader.read(65_536):
                there.say(b"".join(manager.filter(data)) if manager else data)
        except OSError:
            pass
        finally:
            here.close(write)
            writer.close()

    await asyncio.start_server(converse, "127.0.0.1", port)


async def main(kind: str, where: str, control_port: str) -> None:
    line, control = Side(), Side()
    if kind == "pty":
        open_pty(Path(where), line, control)
    else:
        await serve(int(where), line, control, rfc2217=kind == "rfc2217")
    await serve(int(control_port), control, line)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
