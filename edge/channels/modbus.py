"""Registers and coils, asked for at their intervals; each answer is a message with the block's name as its topic.

Modbus devices say nothing by themselves, so what changes and changes back between two polls is not seen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType
from pymodbus.pdu import ModbusPDU

from edge.channels.failures import LinkError
from edge.channels.intake import MessageIntake
from edge.channels.modbus_line import ModbusLine
from edge.channels.polls import Polls
from edge.channels.settings import Block, ModbusRtuSettings, ModbusTcpSettings

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what goes wrong is counted here, once for each poll


class ModbusLink:
    """One connection, and the polls that are due over it."""

    def __init__(
        self,
        client: ModbusBaseClient,
        line: ModbusLine | None,
        settings: ModbusTcpSettings | ModbusRtuSettings,
        intake: MessageIntake,
        monotonic_ms: Callable[[], int],
    ) -> None:
        self._client = client
        self._line = line
        self._intake = intake
        self._monotonic_ms = monotonic_ms
        self._blocks = settings.blocks
        self._timeouts_max = settings.timeouts_max
        self._timeouts = 0
        self._read = {
            "coils": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }

    async def serve(self) -> None:
        """See `Link`."""
        polls = Polls([block.every_ms for block in self._blocks], self._monotonic_ms())
        while True:
            await asyncio.sleep(polls.wait_ms(self._monotonic_ms()) / 1000)
            index, missed = polls.take(self._monotonic_ms())
            if missed:
                self._intake.lost("late", missed)
            if self._intake.is_full:
                self._intake.lost("overflow")
            else:
                await self._poll(self._blocks[index])
                _raise_if_cancelled()

    async def close(self) -> None:
        """See `Link`."""
        self._client.close()
        if self._line is not None:
            await self._line.let_go()

    async def _poll(self, block: Block) -> None:
        try:
            answer = await self._read[block.table](block.address, count=block.count, device_id=block.unit)
        except ModbusException as error:
            self._timeouts += 1
            self._intake.lost("timeout")
            if self._timeouts >= self._timeouts_max:
                missing = f"{self._timeouts} answers in a row did not come, the last for {block.name}"
                raise LinkError("timeout", missing) from error
            return
        self._timeouts = 0
        payload = payload_of(answer, block)
        if payload is not None:
            self._intake.take(block.name, payload)
        else:
            reason = f"exception-{answer.exception_code}" if answer.isError() else "bad-answer"
            self._intake.error(reason)
            self._intake.lost("refused" if answer.isError() else reason)


def payload_of(answer: ModbusPDU, block: Block) -> bytes | None:
    """What was read, as bytes; None when the device refuses, or answers with less than it was asked for."""
    if answer.isError():
        return None
    if block.table in {"coils", "discrete"}:
        bits = answer.bits[: block.count]  # they come in whole bytes, filled up
        return bytes(bits) if len(bits) == block.count else None
    registers = answer.registers
    return b"".join(value.to_bytes(2, "big") for value in registers) if len(registers) == block.count else None


async def connect(
    settings: ModbusTcpSettings | ModbusRtuSettings, monotonic_ms: Callable[[], int], intake: MessageIntake
) -> ModbusLink:
    """Connect; how often that is tried is for the channel to say, so the library's own attempts are off."""
    if isinstance(settings, ModbusTcpSettings):
        return ModbusLink(await _over_tcp(settings, intake), None, settings, intake, monotonic_ms)
    client = AsyncModbusSerialClient(settings.port, timeout=settings.timeout_ms / 1000, retries=0, reconnect_delay=0)
    line = ModbusLine(client.ctx, intake)
    await line.open(settings)
    return ModbusLink(client, line, settings, intake, monotonic_ms)


async def _over_tcp(settings: ModbusTcpSettings, intake: MessageIntake) -> ModbusBaseClient:
    def on_connection(is_up: bool) -> None:
        if not is_up:
            intake.fail("closed", "the connection ended")

    client = AsyncModbusTcpClient(
        settings.host,
        port=settings.port,
        framer=FramerType.RTU if settings.framing == "rtu" else FramerType.SOCKET,
        timeout=settings.timeout_ms / 1000,
        retries=0,
        reconnect_delay=0,
        trace_connect=on_connection,
    )
    client.set_max_no_responses(settings.timeouts_max)  # else the library hangs up after five
    # `client.connect` is this too, but says nothing of what failed.
    client.ctx.transport, _ = await client.ctx.call_create()
    return client


def _raise_if_cancelled() -> None:
    """What `asyncio.wait_for` forgets in Python 3.11: of an answer and a cancellation at once it tells the answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
