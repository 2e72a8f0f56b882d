"""What serial ports and serial servers do beside what every channel does."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest
import serial
from channel_peers import LinePeer, until
from hypothesis import given
from hypothesis import strategies as st
from serial.rfc2217 import PortManager
from server_process import free_port

from edge.channels.byte_channel import ByteChannel
from edge.channels.failures import ChannelDown
from edge.channels.lifecycle import State
from edge.channels.opening import open_channel
from edge.channels.serial_port import _format_bits
from edge.channels.settings import Line, parse_channels
from edge.channels.telnet import COM_PORT, DO, DONT, IAC, SB, SE, SUBNEGOTIATION_BYTES_MAX, WILL, WONT, Telnet
from sipe.errors import UsageError

QUICK = {"backoff_base_ms": 10, "backoff_cap_ms": 20, "connect_timeout_ms": 1_000}


def channel_of(**table: Any) -> ByteChannel:
    (settings,) = parse_channels({"channel": [{"name": "line", **QUICK, **table}]})
    channel = open_channel(settings)
    assert isinstance(channel, ByteChannel)
    return channel


async def until_connected(channel: ByteChannel) -> None:
    await until(lambda: channel.state in {State.IDLE, State.ACTIVE}, channel.status)


class Terminal:
    """Both ends of a pseudo terminal, in this process."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_a_port_is_for_one_process_alone(terminal: Terminal) -> None:
    async def story() -> None:
        other = serial.Serial(terminal.port, exclusive=True)
        try:
            async with channel_of(kind="serial", port=terminal.port) as channel:
                await until(lambda: channel.tally.errors["busy"] > 1, channel.status)
                other.close()
                await until_connected(channel)
                with pytest.raises(serial.SerialException, match="exclusively lock"):
                    serial.Serial(terminal.port, exclusive=True)
        finally:
            other.close()

    asyncio.run(story())


def test_a_line_that_cannot_be_set_is_counted_each_time_and_still_read(terminal: Terminal) -> None:
    """A pseudo terminal knows 8N1 alone, as some adapters do; the rate it takes."""

    async def story() -> None:
        channel = channel_of(kind="serial", port=terminal.port, line={"rate_bd": 300, "bits": 7, "parity": "even"})
        async with channel:
            await until_connected(channel)
            assert channel.tally.errors == {"line-not-set": 1}
            assert termios.tcgetattr(terminal.slave)[4:6] == [termios.B300, termios.B300]
            os.write(terminal.master, b"\xaf?!")
            assert (await anext(channel)).data == b"\xaf?!"
            await channel.set_line(Line(rate_bd=9600, bits=7, parity="even"))
            assert termios.tcgetattr(terminal.slave)[4:6] == [termios.B9600, termios.B9600]
            assert channel.tally.errors == {"line-not-set": 2}
            await channel.set_line(Line(rate_bd=4800))
            assert termios.tcgetattr(terminal.slave)[4:6] == [termios.B4800, termios.B4800]
            assert channel.tally.errors == {"line-not-set": 2}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("line", "bits"),
    [
        (Line(), termios.CS8),
        (Line(bits=7, parity="even"), termios.CS7 | termios.PARENB),
        (Line(parity="odd", stop_bits=2), termios.CS8 | termios.PARENB | termios.PARODD | termios.CSTOPB),
    ],
)
def test_how_a_line_stands_in_termios(line: Line, bits: int) -> None:
    assert _format_bits(line) == bits


def test_the_line_of_the_settings_is_back_after_the_port_was_unplugged(tmp_path: Path) -> None:
    async def story() -> None:
        first, second, name = Terminal(), Terminal(), tmp_path / "port"
        name.symlink_to(first.port)
        channel = channel_of(kind="serial", port=str(name), line={"rate_bd": 300})
        async with channel:
            await until_connected(channel)
            await channel.set_line(Line(rate_bd=9600))
            name.unlink()
            first.close()
            await until(lambda: channel.state is State.DEGRADED, channel.status)
            with pytest.raises(ChannelDown, match="unplugged"):
                await channel.write(b"x")
            name.symlink_to(second.port)
            await until_connected(channel)
            assert termios.tcgetattr(second.slave)[4] == termios.B300
            assert channel.tally.errors.keys() == {"unplugged"}
        second.close()

    asyncio.run(story())


def test_a_closed_channel_leaves_no_file_open(terminal: Terminal) -> None:
    async def story() -> None:
        for _ in range(3):
            async with channel_of(kind="serial", port=terminal.port) as channel:
                await until_connected(channel)

    async def nothing() -> None:
        await asyncio.to_thread(lambda: None)

    asyncio.run(nothing())
    before = len(os.listdir("/proc/self/fd"))
    asyncio.run(story())
    assert len(os.listdir("/proc/self/fd")) == before


def test_plain_tcp_has_no_line_to_set(tmp_path: Path) -> None:
    async def story(peer: LinePeer) -> None:
        channel = channel_of(kind="tcp", host="127.0.0.1", port=peer.tables["port"])
        async with channel:
            await until_connected(channel)
            with pytest.raises(UsageError, match="300 Bd 7E1 over plain TCP: use kind rfc2217"):
                await channel.set_line(Line(rate_bd=300, bits=7, parity="even"))
            await channel.write(b"x")
            assert channel.tally.connects == 1

    with LinePeer(tmp_path, "tcp") as peer:
        assert isinstance(peer, LinePeer)
        asyncio.run(story(peer))


class SerialServer:
    """pyserial's own server of RFC 2217, before a port that is not there."""

    def __init__(self) -> None:
        self.line: Any = serial.serial_for_url("loop://")
        self.received = b""
        self.say: Callable[[bytes], None]

    def settings(self) -> tuple[object, ...]:
        return self.line.baudrate, self.line.bytesize, self.line.parity, self.line.stopbits

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        manager: Any = PortManager(self.line, cast("Any", writer))
        self.say = lambda data: writer.write(b"".join(manager.escape(data)))
        while data := await reader.read(1):  # a byte at a time: no cut of the negotiation may matter
            self.received += b"".join(manager.filter(data))


@asynccontextmanager
async def listening(converse: Callable[..., Any]) -> AsyncIterator[int]:
    conversations: list[asyncio.Task[None]] = []

    async def conversed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):  # the channel hangs up as it likes
            await converse(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.append(asyncio.create_task(conversed(reader, writer)))

    port = free_port()
    server = await asyncio.start_server(accept, "127.0.0.1", port)
    yield port
    server.close()
    await asyncio.gather(*conversations)


def test_a_serial_server_sets_its_line_as_it_is_told() -> None:
    async def story() -> None:
        server = SerialServer()
        line = {"rate_bd": 300, "bits": 7, "parity": "even"}
        async with listening(server.converse) as port:
            channel = channel_of(kind="rfc2217", host="127.0.0.1", port=port, line=line)
            async with channel:
                await until_connected(channel)
                assert server.settings() == (300, 7, "E", 1)
                await channel.write(b"/?!\xff\r\n")
                reading = asyncio.create_task(anext(channel))
                await channel.set_line(Line(rate_bd=65_535, parity="odd", stop_bits=2))  # a rate with IAC in it
                assert server.settings() == (65_535, 8, "O", 2)
                assert server.received == b"/?!\xff\r\n"
                server.say(b"/EMH\xff\xff")
                assert (await reading).data == b"/EMH\xff\xff"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (bytes([IAC, DONT, COM_PORT]), "protocol"),
        (b"220 mail ready\r\n", "timeout"),
        (b"", "closed"),
        (
            b"".join(
                bytes([IAC, SB, COM_PORT, 100 + command]) + value + bytes([IAC, SE])
                for command, value in [(1, (9600).to_bytes(4)), (2, b"\x08"), (3, b"\x01"), (4, b"\x02"), (5, b"\x01")]
            ),
            "line-not-set",
        ),
    ],
    ids=["no such option", "another protocol", "hangs up", "another line"],
)
def test_a_server_that_does_not_set_the_line_is_no_connection(answer: bytes, reason: str) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        if answer:
            while await reader.read(1000):
                pass

    async def story() -> None:
        async with listening(converse) as port:
            channel = channel_of(kind="rfc2217", host="127.0.0.1", port=port, connect_timeout_ms=100)
            async with channel:
                await until(lambda: channel.tally.errors[reason] > 0, channel.status)
                assert channel.tally.connects == 0
                assert channel.state is State.DEGRADED
                assert channel.status().items_in == 0

    asyncio.run(story())


def test_what_a_line_says_before_it_is_set_is_counted_and_not_handed_on() -> None:
    async def story() -> None:
        server = SerialServer()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"at another rate")
            await asyncio.sleep(0.05)  # so that it comes by itself
            await server.converse(reader, writer)

        async with listening(converse) as port, channel_of(kind="rfc2217", host="127.0.0.1", port=port) as channel:
            await until_connected(channel)
            assert channel.tally.lost == {"line-not-set": len(b"at another rate")}
            server.say(b"at this one")
            assert (await anext(channel)).data == b"at this one"

    asyncio.run(story())


pieces = st.one_of(
    st.binary(max_size=20),
    st.builds(
        lambda verb, option: bytes([IAC, verb, option]), st.sampled_from([WILL, WONT, DO, DONT]), st.integers(0, 255)
    ),
    st.builds(lambda body: bytes([IAC, SB]) + body + bytes([IAC, SE]), st.binary(max_size=20)),
    st.sampled_from([bytes([IAC]), bytes([IAC, IAC]), bytes([IAC, SB]), bytes([IAC, SE]), bytes([IAC, 241])]),
)


@given(st.lists(pieces, max_size=12).map(b"".join), st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_any_bytes_in_any_pieces_are_the_same_to_telnet(received: bytes, sizes: list[int]) -> None:
    whole, cut = Telnet(), Telnet()
    data, answer = whole.feed(received)
    got, said, at, step = b"", b"", 0, 0
    while at < len(received):
        size = sizes[step % len(sizes)]
        more, reply = cut.feed(received[at : at + size])
        got, said, at, step = got + more, said + reply, at + size, step + 1
    assert (got, said) == (data, answer)
    assert (cut.agreed, cut.is_refused, cut.discarded_bytes) == (whole.agreed, whole.is_refused, whole.discarded_bytes)
    assert len(answer) <= len(received)


@given(st.lists(pieces, max_size=12).map(b"".join), st.binary(max_size=50))
def test_telnet_is_in_step_again_after_one_subnegotiation(noise: bytes, data: bytes) -> None:
    telnet = Telnet()
    telnet.feed(noise + bytes(SUBNEGOTIATION_BYTES_MAX + 3))
    assert telnet.feed(Telnet.escaped(data)) == (data, b"")


def unescaped(data: bytes) -> bytes:
    """By hand: of two IAC one."""
    out, at = bytearray(), 0
    while at < len(data):
        out.append(data[at])
        at += 2 if data[at] == IAC else 1
    return bytes(out)


@given(st.binary(max_size=100))
def test_data_is_escaped_as_the_telnet_protocol_says(data: bytes) -> None:
    escaped = Telnet.escaped(data)
    assert unescaped(escaped) == data
    assert Telnet().feed(escaped) == (data, b"")


def test_the_bytes_of_a_request_are_those_of_the_standard() -> None:
    """RFC 2217, 3: the command, its value, the rate in network order; parity 3 is even, flow control 1 is none."""
    assert Telnet.request(Line(rate_bd=300, bits=7, parity="even")) == bytes.fromhex(
        "fffa2c01 0000012c fff0 fffa2c0207fff0 fffa2c0303fff0 fffa2c0401fff0 fffa2c0501fff0"
    )
    assert Telnet.opening() == bytes.fromhex("fffb00 fffd00 fffb03 fffd03 fffb2c")


def test_options_that_nobody_wants_are_refused_once() -> None:
    telnet = Telnet()
    assert telnet.feed(bytes([IAC, DO, 24, IAC, WILL, 1])) == (b"", bytes([IAC, WONT, 24, IAC, DONT, 1]))
    assert telnet.feed(bytes([IAC, DO, COM_PORT, IAC, WILL, 0, IAC, DONT, 24])) == (b"", b"")
    assert not telnet.is_refused
