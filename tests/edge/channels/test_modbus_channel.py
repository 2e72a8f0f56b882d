"""What Modbus channels do beside what every channel does, against pymodbus' server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from channel_peers import ModbusPeer
from modbus_device import BITS
from pymodbus.pdu import ExceptionResponse
from pymodbus.pdu.bit_message import ReadCoilsResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse

from edge.channels.channel import Channel
from edge.channels.intake import Message
from edge.channels.modbus import payload_of
from edge.channels.opening import open_channel
from edge.channels.settings import Block

WAIT_S = 20.0
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


async def until(holds: Callable[[], bool], channel: Channel[Message, Any, Any]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():
            await asyncio.sleep(0.005)
    assert holds(), channel.status()


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
            await until(lambda: channel.tally.lost["refused"] > 2, channel)
            await until(lambda: channel.status().items_in > 2, channel)
            assert channel.tally.errors.keys() == {"exception-2"}  # illegal data address
            assert channel.tally.connects == 1
            assert (await anext(channel)).topic == "there"

    asyncio.run(story())


def test_a_device_that_never_answers_leaves_the_others_alone_while_they_do(peer: ModbusPeer) -> None:
    async def story() -> None:
        silent = {"name": "silent", "unit": 9, "every_ms": 1_000}
        async with running(peer, silent, {"name": "there", "every_ms": 20}, timeout_ms=50) as channel:
            await until(lambda: channel.tally.lost["timeout"] + channel.tally.lost["refused"] > 1, channel)
            assert await first_of_each(channel, 1) == {"there": bytes(2)}
            assert channel.tally.connects == 1

    asyncio.run(story())


def test_polls_that_come_too_late_are_counted_and_not_made_up_for(peer: ModbusPeer) -> None:
    async def story() -> None:
        async with running(peer, {"every_ms": 10}, timeout_ms=5_000, timeouts_max=10) as channel:
            await until(lambda: channel.status().items_in > 0, channel)
            before = channel.status()
            peer.freeze()
            await asyncio.sleep(0.3)
            peer.thaw()
            await until(lambda: channel.status().lost.get("late", 0) >= before.lost.get("late", 0) + 25, channel)
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
