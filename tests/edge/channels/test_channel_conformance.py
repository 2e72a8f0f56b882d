"""What every channel keeps to, against a real other end of its kind; faults are done to that end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from channel_peers import WAIT_S, LinePeer, Peer, make_peer, proxied, until

from edge.channels.byte_channel import ByteChannel
from edge.channels.channel import MessageChannel
from edge.channels.failures import ChannelDown
from edge.channels.intake import Chunk
from edge.channels.lifecycle import Event, State
from edge.channels.opening import open_channel
from edge.channels.settings import KINDS

pytestmark = pytest.mark.long

STOP_S = 10.0
"""`stop` promises two seconds; the machine may be busy."""
ITEMS = [b"item%04d" % n for n in range(20)]
MORE = [b"more%04d" % n for n in range(20)]
BYTE_KINDS = ("serial", "tcp", "rfc2217")
AnyChannel = ByteChannel | MessageChannel


def kinds(*names: str) -> list[Any]:
    """As parameters; one of them needs its server."""
    return [pytest.param(name, marks=pytest.mark.needs("mosquitto") if name == "mqtt" else ()) for name in names]


@pytest.fixture(params=kinds(*KINDS))
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Peer]:
    peer = make_peer(request.param, tmp_path)
    yield peer
    peer.stop()


class Reader:
    """Reads a channel, acknowledges what it has, and keeps it as the items that were sent."""

    def __init__(self, channel: AnyChannel) -> None:
        self.channel = channel
        self.items: list[bytes] = []
        self.connections: list[int] = []
        self.size_bytes = 0
        self._rest = b""
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for came in self.channel:
            if isinstance(came, Chunk):
                self.size_bytes += len(came.data)
                self._rest += came.data
                found = [self._rest[at : at + 8] for at in range(0, len(self._rest) - 7, 8)]
                self._rest = self._rest[8 * len(found) :]
                self._keep([item for item in found if item != bytes(8)], came.connection)
            else:
                came.taken()
                if came.payload != bytes(8) and came.payload not in self.items:  # a message may come again
                    self._keep([came.payload], came.connection)

    def _keep(self, items: list[bytes], connection: int) -> None:
        self.items += items
        self.connections += [connection] * len(items)

    async def has(self, count: int) -> None:
        """Wait for so many items."""
        await until(lambda: len(self.items) >= count, lambda: (count, self.items, self.channel.status()))


async def say(peer: Peer, items: list[bytes], reader: Reader) -> None:
    """Have the peer say these, and see that just they come, in this order."""
    before = len(reader.items)
    for portion in [[item] for item in items] if peer.polled else [items]:
        saying = asyncio.create_task(asyncio.to_thread(peer.send, portion))
        await reader.has(len(reader.items) + len(portion))
        await saying
    assert reader.items[before:] == items


@asynccontextmanager
async def running(peer: Peer, **more: Any) -> AsyncIterator[tuple[AnyChannel, Reader]]:
    tasks = asyncio.all_tasks()
    channel = open_channel(peer.settings(**more))
    reader = Reader(channel)
    async with channel:
        yield channel, reader
        began_s = time.monotonic()
    assert time.monotonic() - began_s < STOP_S
    assert channel.state is State.STOPPED
    await asyncio.wait_for(reader.task, WAIT_S)  # the end of the channel is the end of the loop
    assert not channel.tally.errors["hung"]
    assert not channel.tally.errors["close"]
    assert not channel.tally.errors["unexpected"]
    await until(lambda: asyncio.all_tasks() <= tasks, asyncio.all_tasks)  # a port that was just being opened


async def connected(channel: AnyChannel, times: int = 1) -> None:
    await until(
        lambda: channel.tally.connects >= times and channel.state in {State.IDLE, State.ACTIVE},
        channel.status,
    )


async def failed(channel: AnyChannel, reason: str, times: int = 1) -> None:
    await until(lambda: channel.tally.errors[reason] >= times, channel.status)


async def greeted(peer: Peer, channel: AnyChannel) -> None:
    """See to it that equipment on a line knows of the newest connection, and says nothing more over an older one."""
    if isinstance(peer, LinePeer):
        assert isinstance(channel, ByteChannel)
        await channel.write(b"greeting")
        assert await asyncio.to_thread(peer.heard, 8) == b"greeting"


def names(channel: AnyChannel) -> list[Event]:
    return [transition.name for transition in channel.status().history]


def test_what_is_said_comes_in_order_once_and_stamped(peer: Peer) -> None:
    async def story() -> None:
        async with running(peer) as (channel, reader):
            before_ms = time.monotonic_ns() // 1_000_000
            await connected(channel)
            await say(peer, ITEMS, reader)
            status = channel.status()
            assert (status.name, status.kind, status.connects) == ("press-1", peer.kind, 1)
            assert set(reader.connections) == {1}
            assert status.bytes_in >= 8 * len(ITEMS)
            assert before_ms <= status.beaten_ms <= time.monotonic_ns() // 1_000_000
            assert set(status.lost) <= ({"late", "timeout"} if peer.polled else set())  # the machine may be busy
            assert names(channel)[:2] == [Event.CONNECTED, Event.DATA]

    with peer:
        asyncio.run(story())


@pytest.mark.parametrize("peer", kinds(*(kind for kind in KINDS if kind != "http")), indirect=True)
def test_it_waits_for_a_peer_that_is_not_there_yet(peer: Peer) -> None:
    async def story() -> None:
        async with running(peer) as (channel, reader):
            await until(lambda: channel.tally.errors.total() >= 3, channel.status)
            assert channel.state is State.DEGRADED
            assert channel.status().connects == 0
            cause = channel.status().cause
            assert cause.startswith(("refused:", "unplugged:")), cause
            await asyncio.to_thread(peer.start)
            await connected(channel)
            await say(peer, ITEMS[:3], reader)
            assert names(channel)[:2] == [Event.FAILED, Event.CONNECTED]

    asyncio.run(story())


def test_what_nobody_reads_is_bounded_and_waits_at_the_other_end_or_is_counted(peer: Peer) -> None:
    """Only a serial line and a device that is polled wait for nobody."""

    async def story() -> None:
        channel = open_channel(peer.settings(buffer_bytes=1024))
        items = [b"item%04d" % n for n in range(2000 if peer.kind in BYTE_KINDS else 20)]
        async with channel:
            await connected(channel)
            saying = asyncio.create_task(asyncio.to_thread(peer.send, items))
            if peer.kind in {"serial", "modbus-tcp", "modbus-rtu"}:
                await until(lambda: channel.tally.lost["overflow"] > 0, channel.status)
            else:
                await until(lambda: channel.status().waiting_bytes >= 1024, channel.status)
            assert channel.status().waiting_bytes < 1024 + 16_384 + 200  # it asks for room before it reads so much
            reader = Reader(channel)
            await asyncio.wait_for(saying, WAIT_S)
            await until(lambda: items[-1] in reader.items or channel.tally.lost.total() > 0, channel.status)
            await until(lambda: channel.status().waiting_bytes == 0, channel.status)
        await reader.task
        lost = channel.tally.lost["overflow"]
        if peer.kind == "serial":
            assert reader.size_bytes + lost == channel.tally.bytes_in
        elif not peer.polled:
            assert lost == 0
            assert reader.items == items

    with peer:
        asyncio.run(story())


def test_it_comes_back_to_a_peer_that_was_killed(peer: Peer) -> None:
    async def story() -> None:
        async with running(peer) as (channel, reader):
            await connected(channel)
            await say(peer, ITEMS, reader)
            for round_ in (2, 3):
                peer.kill()
                if peer.listens:
                    await until(lambda: channel.state is State.DEGRADED, channel.status)
                    await asyncio.to_thread(peer.start)
                    await connected(channel, round_)
                else:
                    await failed(channel, "reset", round_ - 1)
                await say(peer, [b"back%04d" % (10 * round_ + n) for n in range(3)], reader)
            if peer.listens:
                assert reader.connections[-1] >= 3
                assert names(channel).count(Event.LOST) >= 2
                assert channel.tally.errors.total() >= 2

    with peer:
        asyncio.run(story())


@pytest.mark.parametrize("peer", kinds("tcp", "rfc2217", "mqtt", "modbus-tcp"), indirect=True)
def test_it_comes_back_after_its_connections_were_reset(peer: Peer) -> None:
    async def story() -> None:
        proxy, more = proxied(peer)
        with proxy:
            async with running(peer, **more) as (channel, reader):
                await connected(channel)
                await say(peer, ITEMS[:3], reader)
                await asyncio.to_thread(proxy.cut)
                await connected(channel, 2)
                await greeted(peer, channel)
                await say(peer, MORE[:3], reader)
                await asyncio.to_thread(proxy.refuse)
                await until(lambda: channel.state is State.DEGRADED, channel.status)
                await asyncio.to_thread(proxy.heal)
                await connected(channel, 3)
                await greeted(peer, channel)
                await say(peer, [b"end 0000"], reader)
            assert proxy.cuts >= 2

    with peer:
        asyncio.run(story())


@asynccontextmanager
async def humming(peer: Peer) -> AsyncIterator[None]:
    """What is on a line says something all the time, so that silence is the line's and not that of a busy machine."""

    async def hum() -> None:
        while isinstance(peer, LinePeer):
            peer.send([bytes(8)])
            await asyncio.sleep(0.05)

    task = asyncio.create_task(hum())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def test_a_peer_that_hangs_is_noticed_and_heard_again_when_it_goes_on(peer: Peer) -> None:
    async def story() -> None:
        more = {"silence_max_ms": 1_000} if isinstance(peer, LinePeer) else {}
        async with running(peer, **more) as (channel, reader), humming(peer):
            await connected(channel)
            await say(peer, ITEMS[:3], reader)
            before = channel.tally.connects
            peer.freeze()
            await failed(channel, {"http": "http-408"}.get(peer.kind, "silent" if more else "timeout"))
            peer.thaw()
            if peer.listens:
                await connected(channel, before + 1)
                await greeted(peer, channel)
            await say(peer, MORE[:3], reader)

    with peer:
        asyncio.run(story())


@pytest.mark.parametrize("fault", ["absent", "frozen before", "frozen", "connected"])
def test_it_stops_promptly(peer: Peer, fault: str) -> None:
    async def story() -> None:
        async with running(peer) as (channel, _):
            if fault == "absent":
                await until(lambda: channel.state is not State.STARTING, channel.status)
                return
            if fault != "frozen before":
                await connected(channel)
            if fault == "frozen":
                peer.freeze()
            if fault != "connected":
                await asyncio.sleep(0.05)  # whatever it is doing by then

    if fault == "absent":
        asyncio.run(story())
        return
    with peer:
        began_s = time.monotonic()
        if fault == "frozen before" and peer.listens:
            peer.freeze()
        asyncio.run(story())
        assert time.monotonic() - began_s < WAIT_S
        peer.thaw()


def fast(peer: Peer) -> dict[str, Any]:
    return {} if peer.kind == "tcp" else {"line": {"rate_bd": 4_000_000}}


@pytest.mark.parametrize("peer", BYTE_KINDS, indirect=True)
def test_bytes_of_every_value_pass_both_ways(peer: LinePeer) -> None:
    async def story() -> None:
        channel = open_channel(peer.settings(**fast(peer)))
        assert isinstance(channel, ByteChannel)
        everything = bytes(range(256)) * 8
        async with channel:
            await connected(channel)
            await channel.write(everything)
            await channel.drain()
            assert await asyncio.to_thread(peer.heard, len(everything)) == everything
            assert channel.tally.bytes_out == len(everything)
            peer.send([everything])
            came = b""
            async for chunk in channel:
                came += chunk.data
                if len(came) >= len(everything):
                    break
            assert came == everything

    with peer:
        asyncio.run(story())


@pytest.mark.parametrize("peer", BYTE_KINDS, indirect=True)
def test_a_write_without_a_connection_says_so(peer: Peer) -> None:
    async def story() -> None:
        channel = open_channel(peer.settings())
        assert isinstance(channel, ByteChannel)
        async with channel:
            with pytest.raises(ChannelDown, match="press-1 has no connection"):
                await channel.write(b"x")
            await until(lambda: channel.tally.errors.total() > 0, channel.status)
            with pytest.raises(ChannelDown, match=r"press-1 has no connection: (refused|unplugged)"):
                await channel.drain()
        with pytest.raises(ChannelDown):
            await channel.write(b"x")

    asyncio.run(story())


@pytest.mark.parametrize("peer", ["serial", "tcp"], indirect=True)
def test_a_write_to_a_peer_that_hangs_ends_and_the_connection_is_made_anew(peer: Peer) -> None:
    async def story() -> None:
        channel = open_channel(peer.settings(**fast(peer)))
        assert isinstance(channel, ByteChannel)
        async with channel:
            await connected(channel)
            peer.freeze()
            with pytest.raises(ChannelDown, match="timeout"):
                await channel.write(bytes(20_000_000 if peer.kind == "tcp" else 20_000))  # more than what is between
            await failed(channel, "timeout")
            peer.thaw()
            await connected(channel, 2)
            await channel.write(b"x")

    with peer:
        asyncio.run(story())
