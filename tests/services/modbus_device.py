"""A program that stands for a Modbus device, unit 1, by pymodbus' own server; its registers are set over the same port.

python modbus_device.py tcp PORT
python modbus_device.py rtu PORT LINK   frames of a serial line, over TCP and over the pseudo terminal behind LINK
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from line_relay import Side, open_pty
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

BITS = [True, False, True, True, False, False, False, False, True, False]
REGISTERS = 100


def device() -> SimDevice:
    return SimDevice(
        1,
        simdata=(
            [SimData(0, values=[*BITS, *[False] * 6], datatype=DataType.BITS)],
            [SimData(0, values=[not bit for bit in BITS] + [False] * 6, datatype=DataType.BITS)],
            [SimData(0, count=REGISTERS, values=0, datatype=DataType.REGISTERS)],
            [SimData(0, values=list(range(1000, 1000 + REGISTERS)), datatype=DataType.REGISTERS)],
        ),
    )


async def main(framing: str, port: str, link: str = "") -> None:
    server = ModbusTcpServer(
        device(),
        framer=FramerType.RTU if framing == "rtu" else FramerType.SOCKET,
        address=("127.0.0.1", int(port)),
    )
    await server.serve_forever(background=True)
    if link:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
        line, answers = Side(), Side()
        answers.open(writer.write)
        open_pty(Path(link), line, answers)
        while data := await reader.read(4096):
            line.say(data)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
