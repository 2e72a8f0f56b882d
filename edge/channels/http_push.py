"""A small HTTP listener for equipment that POSTs what it has to say.

204 is answered once the message is taken, which means that it is on stable storage. In doubt it is 503, and the
equipment has to send again; it may then come twice. Each connection is for one request.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import ssl
from contextlib import suppress
from http import HTTPStatus

from edge.channels.http_request import BadRequest, Head, parse_head
from edge.channels.intake import MessageIntake
from edge.channels.settings import HttpSettings

HEAD_BYTES_MAX = 8192
_END_OF_HEAD = b"\r\n\r\n"


class HttpLink:
    """The listener, and the connections of those who have come."""

    def __init__(self, settings: HttpSettings, token: str | None, intake: MessageIntake) -> None:
        self._settings = settings
        self._bearer = None if token is None else f"Bearer {token}".encode()
        self._peers = [ipaddress.ip_network(peer) for peer in settings.peers]
        self._intake = intake
        self._answering: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, tls: ssl.SSLContext | None) -> None:
        """Begin to listen; raises `OSError` when the address is taken."""
        settings = self._settings
        self._server = await asyncio.start_server(
            self._accept, settings.host, settings.port, limit=HEAD_BYTES_MAX, ssl=tls
        )

    async def serve(self) -> None:
        """See `Link`; it ends when it is cancelled."""
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None:
        """See `Link`. Who is still answered hears nothing, and will send again."""
        if self._server is not None:
            self._server.close()
        for task in self._answering:
            task.cancel()
        if self._answering:
            await asyncio.wait(self._answering)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._answering) >= self._settings.connections_max:
            self._intake.error(f"http-{HTTPStatus.SERVICE_UNAVAILABLE.value}")
            writer.write(_answer(HTTPStatus.SERVICE_UNAVAILABLE))
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status = await self._take(reader, writer)
            if status is not HTTPStatus.NO_CONTENT:
                self._intake.error(f"http-{status.value}")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
                    await _say_last(_answer(status), reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            self._intake.error("reset")  # it hung up in the middle, and will send again
        finally:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> HTTPStatus:
        """What to answer."""
        peer = writer.get_extra_info("peername")[0]
        if self._peers and not any(ipaddress.ip_address(peer) in network for network in self._peers):
            return HTTPStatus.FORBIDDEN
        try:
            async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
                path, body = await self._request(reader, writer)
        except BadRequest as bad:
            return bad.status
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT
        return await self._hand_on(path, body)

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, bytes]:
        try:
            head = parse_head(await reader.readuntil(_END_OF_HEAD))
        except asyncio.LimitOverrunError:
            raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
        self._check(head)
        if head.is_told_to_go_on:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return head.path, await reader.readexactly(head.body_bytes)

    def _check(self, head: Head) -> None:
        if self._bearer is not None and not hmac.compare_digest(head.authorization, self._bearer):
            raise BadRequest(HTTPStatus.UNAUTHORIZED)
        if head.path not in self._settings.paths:
            raise BadRequest(HTTPStatus.NOT_FOUND)
        if head.body_bytes > self._settings.body_bytes_max:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if self._intake.is_full:
            raise BadRequest(HTTPStatus.SERVICE_UNAVAILABLE)

    async def _hand_on(self, path: str, body: bytes) -> HTTPStatus:
        if self._intake.is_full:
            return HTTPStatus.SERVICE_UNAVAILABLE
        taken = asyncio.Event()
        self._intake.take(path, body, taken.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.request_timeout_ms / 1000):
                await taken.wait()
        return HTTPStatus.NO_CONTENT if taken.is_set() else HTTPStatus.SERVICE_UNAVAILABLE


async def connect(
    settings: HttpSettings, token: str | None, tls: ssl.SSLContext | None, intake: MessageIntake
) -> HttpLink:
    """Begin to listen."""
    link = HttpLink(settings, token, intake)
    await link.listen(tls)
    return link


async def _say_last(answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send it, and wait for the other side to hang up: what it still sends would reset the connection before that."""
    writer.write(answer)
    await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    while await reader.read(HEAD_BYTES_MAX):
        pass


def _answer(status: HTTPStatus) -> bytes:
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", "Connection: close"]
    if status is not HTTPStatus.NO_CONTENT:
        lines.append("Content-Length: 0")
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append("Retry-After: 1")
    if status is HTTPStatus.UNAUTHORIZED:
        lines.append("WWW-Authenticate: Bearer")
    return "\r\n".join([*lines, "", ""]).encode()
