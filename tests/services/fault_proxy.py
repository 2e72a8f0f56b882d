"""A TCP proxy on loopback that breaks what it forwards, on command.

with FaultProxy("127.0.0.1", port) as proxy:
    client = connect(port=proxy.port)
    proxy.lose_answer(after_bytes=10_000)
    ...
    assert proxy.answers_lost == 1
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from server_process import free_port

_CHUNK_BYTES = 64 * 1024
_START_TIMEOUT_S = 10.0
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing is a reset."""


class FaultProxy:
    """Forwards connections to one target, from a port that stays the same; faults hold until `heal`.

    `connections` counts what clients opened, `cuts` the connections that were reset, `answers_lost` the answers that
    never reached their client, `held` what a black hole swallowed: for a test to assert that its fault happened.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        listen: Callable[[], socket.socket] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`listen` opens the listener where it is not on loopback; with `tls` clients speak it as far as here."""
        self.port = free_port()
        self._open = listen or (lambda: socket.create_server(("127.0.0.1", self.port)))
        self._tls = tls
        self.latency_s = 0.0
        """Held up for so long in each direction, chunk by chunk; may be set at any time."""
        self.connections = 0
        self.cuts = 0
        self.answers_lost = 0
        self.held = 0
        self._target = (host, port)
        self._links: set[_Link] = set()
        self._answers_to_lose = 0
        self._lose_after_bytes = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)
        self._started = threading.Event()
        self._ended = asyncio.Event()
        self._flowing = asyncio.Event()
        self._listener: asyncio.Server | None = None

    def has_lost_more_than(self, answers: int) -> Callable[[], bool]:
        """Asks whether more answers were lost than those."""
        return lambda: self.answers_lost > answers

    def cut(self) -> None:
        """Reset every connection there is, towards both ends; new ones are welcome."""
        self._call(self._cut)

    def blackhole(self) -> None:
        """Let nothing through in either direction, and close nothing; what waits goes on after `heal`."""
        self._call(self._flowing.clear)

    def refuse(self) -> None:
        """Refuse new connections, and reset those there are: the look of a server that is down."""
        self._call(self._close_listener)
        self._call(self._cut)

    def lose_answer(self, *, after_bytes: int = 0, count: int = 1) -> None:
        """Reset a connection when the server next answers and the client has uploaded `after_bytes` from now on.

        The server has taken the request by then, the client will never know. `count` such answers are lost.
        """

        def arm() -> None:
            self._answers_to_lose, self._lose_after_bytes = count, after_bytes
            for link in self._links:
                link.uploaded_bytes = 0

        self._call(arm)

    def heal(self) -> None:
        """Forward as if nothing had been; returns when connections are taken again."""

        async def heal() -> None:
            self.latency_s, self._answers_to_lose = 0.0, 0
            self._flowing.set()
            if self._listener is None:
                await self._listen()

        asyncio.run_coroutine_threadsafe(heal(), self._loop).result(_START_TIMEOUT_S)

    def _call(self, act: Callable[[], None]) -> None:
        async def acted() -> None:
            act()

        asyncio.run_coroutine_threadsafe(acted(), self._loop).result(_START_TIMEOUT_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._flowing.set()
        await self._listen()
        self._started.set()
        await self._ended.wait()
        self._close_listener()
        for link in self._links:
            link.reset()

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._forward, sock=self._open(), ssl=self._tls)

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _cut(self) -> None:
        self.cuts += len(self._links)
        for link in self._links:
            link.reset()

    async def _forward(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        self.connections += 1
        link = _Link(client_out)
        self._links.add(link)
        try:
            server_in, server_out = await asyncio.open_connection(*self._target)
            link.ends.append(server_out)
            await asyncio.gather(self._upload(link, client_in, server_out), self._answer(link, server_in, client_out))
        except OSError:
            pass  # one end is gone; the other learns it by the reset
        finally:
            link.reset()
            self._links.discard(link)

    async def _upload(self, link: _Link, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(_CHUNK_BYTES):
            await self._hold_up()
            link.uploaded_bytes += len(chunk)
            target.write(chunk)
            await target.drain()
        target.write_eof()

    async def _answer(self, link: _Link, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(_CHUNK_BYTES):
            await self._hold_up()
            if self._answers_to_lose and link.uploaded_bytes >= self._lose_after_bytes:
                self._answers_to_lose -= 1
                self.answers_lost += 1
                link.reset()
                return
            target.write(chunk)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
        else:
            target.close()  # TLS has no half that ends

    async def _hold_up(self) -> None:
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        self.held += not self._flowing.is_set()
        await self._flowing.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(_START_TIMEOUT_S):
            raise TimeoutError("the fault proxy did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._ended.set)
        self._thread.join(_START_TIMEOUT_S)


class _Link:
    """A client's connection and, once it is there, the one to the server."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.ends = [client]
        self.uploaded_bytes = 0

    def reset(self) -> None:
        """Close both at once, without what is still on the way."""
        for end in self.ends:
            if not end.is_closing():
                connection: socket.socket = end.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.transport.abort()
