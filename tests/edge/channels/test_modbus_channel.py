"""What Modbus channels do beside what every channel does, against pymodbus' server."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import serial
from channel_peers import WAIT_S, ModbusPeer, until
from modbus_device import BITS
from pymodbus.pdu import ExceptionResponse
from pymodbus.pdu.bit_message import ReadCoilsResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse

from edge.channels.channel import Channel, monotonic_ms
from edge.channels.inbox import Inbox
from edge.channels.intake import Books, Message, MessageIntake
from edge.channels.lifecycle import Lifecycle, State
from edge.channels.modbus import connect, payload_of
from edge.channels.opening import open_channel
from edge.channels.settings import Block, ModbusRtuSettings, ModbusTcpSettings
from edge.channels.tally import Tally

BLOCK: dict[str, Any] = {"name": "said", "table": "holding", "address": 0, "every_ms": 10}


@pytest.fixture(params=["modbus-tcp", "modbus-rtu"])
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModbusPeer]:
    with ModbusPeer(tmp_path, request.param) as peer:
        assert isinstance(peer, ModbusPeer)
        yield peer


@asynccontextmanager
async def running(peer: ModbusPeer, *blocks: dict[str, Any], **more: Any) -> AsyncIterator[Channel[Message, Any, Any]]:
    channel = open_channel(peer.settings(blocks=[BLOCK | block for block in blocks], **more))
    async with channel:
        yield channel  # type: ignore[misc]  # it is a channel of messages


async def first_of_each(channel: Channel[Message, Any, Any], count: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    async with asyncio.timeout(WAIT_S):
        async for message in channel:
            found.setdefault(message.topic, message.payload)
            message.taken()
            if len(found) == count:
                break
    return found


def test_every_table_is_read_as_it_is_on_the_wire(peer: ModbusPeer) -> None:
    async def story() -> None:
        await asyncio.to_thread(peer.send, [b"\x01\x02\xff\xfe\x00\x00\x12\x34"])
        blocks = (
            {"name": "coils", "table": "coils", "count": len(BITS)},
            {"name": "one-coil", "table": "coils", "address": 3},
            {"name": "discrete", "table": "discrete", "count": 9},
            {"name": "holding", "address": 1, "count": 3},
            {"name": "input", "table": "input", "address": 7, "count": 2},
        )
        async with running(peer, *blocks) as channel:
            assert await first_of_each(channel, 5) == {
                "coils": bytes(BITS),
                "one-coil": b"\x01",
                "discrete": bytes(not bit for bit in BITS[:9]),
                "holding": b"\xff\xfe\x00\x00\x12\x34",
                "input": (1007).to_bytes(2, "big") + (1008).to_bytes(2, "big"),
            }
            assert not channel.tally.errors

    asyncio.run(story())


def test_a_block_that_the_device_refuses_leaves_the_others_alone(peer: ModbusPeer) -> None:
    async def story() -> None:
        async with running(peer, {"name": "nowhere", "address": 5_000}, {"name": "there"}) as channel:
            await until(lambda: channel.tally.lost["refused"] > 2, channel.status)
            await until(lambda: channel.status().items_in > 2, channel.status)
            assert channel.tally.errors.keys() == {"exception-2"}  # illegal data address
            assert channel.tally.connects == 1
            assert (await anext(channel)).topic == "there"

    asyncio.run(story())


def test_a_device_that_never_answers_leaves_the_others_alone_while_they_do(peer: ModbusPeer) -> None:
    async def story() -> None:
        silent = {"name": "silent", "unit": 9, "every_ms": 50}
        there = {"name": "there", "every_ms": 20}
        async with running(peer, silent, there, timeout_ms=50, timeouts_max=5) as channel:
            await until(lambda: channel.tally.lost["timeout"] + channel.tally.lost["refused"] > 10, channel.status)
            assert await first_of_each(channel, 1) == {"there": bytes(2)}
            assert channel.tally.connects == 1

    asyncio.run(story())


def test_as_many_answers_as_it_says_may_be_missing(peer: ModbusPeer) -> None:
    async def story() -> None:
        async with running(peer, {"every_ms": 10}, timeout_ms=20, timeouts_max=15) as channel:
            await until(lambda: channel.status().items_in > 0, channel.status)
            peer.freeze()
            await until(lambda: channel.tally.errors.total() > 0, channel.status)
            assert channel.tally.errors == {"timeout": 1}
            assert channel.tally.lost["timeout"] >= 15
            peer.thaw()

    asyncio.run(story())


def test_it_is_cancelled_by_whoever_cancels_it_just_when_an_answer_comes(peer: ModbusPeer) -> None:
    """`asyncio.wait_for`, which the library waits with, forgets the cancellation in Python 3.11."""

    async def story() -> None:
        settings = peer.settings()
        assert isinstance(settings, ModbusTcpSettings | ModbusRtuSettings)
        books = Books[Message](Inbox(1_000_000), Tally(), Lifecycle(0, idle_after_ms=1), monotonic_ms, lambda: None)
        link = await connect(settings, monotonic_ms, MessageIntake(books, 1))
        serving = asyncio.create_task(link.serve())
        async with asyncio.timeout(WAIT_S):
            while books.tally.items_in == 0 or link._client.ctx.response_future.done():
                await asyncio.sleep(0)
            link._client.ctx.response_future.add_done_callback(lambda _: serving.cancel())
            await asyncio.wait({serving})
        assert serving.cancelled()
        await link.close()

    asyncio.run(story())


def test_a_serial_port_is_its_own_until_it_is_stopped_and_free_at_once(tmp_path: Path) -> None:
    async def story(peer: ModbusPeer) -> None:
        port = peer.tables["port"]
        other = serial.Serial(port, exclusive=True)
        try:
            async with running(peer, {}) as channel:
                await until(lambda: channel.tally.errors["busy"] > 1, channel.status)
                assert channel.state is State.DEGRADED
                other.close()
                await until(lambda: channel.status().items_in > 0, channel.status)
                with pytest.raises(serial.SerialException, match="exclusively lock"):
                    serial.Serial(port, exclusive=True)
            serial.Serial(port, exclusive=True).close()
        finally:
            other.close()

    with ModbusPeer(tmp_path, "modbus-rtu") as peer:
        assert isinstance(peer, ModbusPeer)
        asyncio.run(story(peer))


def test_a_serial_line_that_is_not_set_as_it_should_be_is_counted_and_read(tmp_path: Path) -> None:
    async def story(peer: ModbusPeer) -> None:
        async with running(peer, {}, line={"rate_bd": 19_200, "parity": "even"}) as channel:
            await until(lambda: channel.status().items_in > 0, channel.status)
            assert channel.tally.errors == {"line-not-set": 1}

    with ModbusPeer(tmp_path, "modbus-rtu") as peer:
        assert isinstance(peer, ModbusPeer)
        asyncio.run(story(peer))


@pytest.mark.parametrize(
    "noise",
    [b"\x01\x03\x05" + bytes(7), bytes(range(256)) * 4, b"\x01\x83\x02\xc0\xf0", b"\x01\x03\x04\0\0\0\0\xfa\x33"],
    ids=["wrong sum", "everything", "wrong sum of an exception", "more than was asked for"],
)
def test_bytes_that_are_no_answer_are_none(tmp_path: Path, noise: bytes) -> None:
    async def story(peer: ModbusPeer) -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        try:
            async with running(peer, {}, port=os.ttyname(slave), timeout_ms=20) as channel:
                await until(lambda: channel.tally.connects > 0, channel.status)
                os.write(master, noise)
                await until(lambda: channel.tally.errors.total() > 0, channel.status)
                assert channel.tally.errors.keys() <= {"timeout", "protocol", "bad-answer"}, channel.status()
                assert channel.status().items_in == 0
        finally:
            os.close(master)
            os.close(slave)

    asyncio.run(story(ModbusPeer(tmp_path, "modbus-rtu")))


def test_polls_that_come_too_late_are_counted_and_not_made_up_for(peer: ModbusPeer) -> None:
    async def story() -> None:
        async with running(peer, {"every_ms": 10}, timeout_ms=5_000, timeouts_max=10) as channel:
            await until(lambda: channel.status().items_in > 0, channel.status)
            before = channel.status()
            peer.freeze()
            await asyncio.sleep(0.3)
            peer.thaw()
            await until(lambda: channel.status().lost.get("late", 0) >= before.lost.get("late", 0) + 25, channel.status)
            assert channel.tally.connects == 1

    asyncio.run(story())


def test_an_answer_that_is_shorter_than_asked_for_is_none() -> None:
    registers = Block(name="a", table="holding", address=0, count=3)
    coils = Block(name="b", table="coils", address=0, count=9)
    assert payload_of(ReadHoldingRegistersResponse(registers=[1, 2, 65_535]), registers) == b"\0\1\0\2\xff\xff"
    assert payload_of(ReadHoldingRegistersResponse(registers=[1, 2]), registers) is None
    assert payload_of(ReadHoldingRegistersResponse(registers=[1, 2, 3, 4]), registers) is None
    assert payload_of(ReadCoilsResponse(bits=[True] * 16), coils) == b"\1" * 9
    assert payload_of(ReadCoilsResponse(bits=[True] * 8), coils) is None
    assert payload_of(ExceptionResponse(3, 2), registers) is None
