"""`/metrics`, `/live` and `/ready` over HTTP, in a thread of their own beside whatever the process does."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import NamedTuple, Self

from connectors.monitor.process import ProcessMonitor
from connectors.monitor.registry import CONTENT_TYPE
from sipe.errors import SipeError
from sipe.settings import Settings

REQUEST_BYTES_MAX = 8 * 1024
REQUEST_TIMEOUT_S = 5.0
"""From the connection to the last byte of the answer; the answer may first ask a server."""
CONNECTIONS_MAX = 32

_JSON = "application/json"


class _Answer(NamedTuple):
    status: HTTPStatus
    body: bytes
    content_type: str = _JSON


class MonitorServer:
    """Answers GET and HEAD of three paths while it is open, and closes each connection after its answer.

    A slow, long or odd request ends in an error and touches nothing else. Port 0 takes a free one.
    """

    def __init__(self, monitor: ProcessMonitor, host: str, port: int) -> None:
        self._monitor = monitor
        self._host = host
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="monitor", daemon=True)
        self._server: asyncio.Server | None = None
        self._connections = 0

    def start(self) -> None:
        """Listen; raises `SipeError` when the port is taken."""
        self._thread.start()
        listening = asyncio.start_server(self._serve, self._host, self.port, limit=REQUEST_BYTES_MAX)
        try:
            self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        except (OSError, OverflowError) as error:
            self.stop()
            raise SipeError(
                f"the monitor cannot listen on {self._host}:{self.port} ({getattr(error, 'strerror', error)}): "
                "name another port in SIPE_MONITOR_PORT"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Close; stopping twice is fine."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        if self._server:
            self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._loop.shutdown_default_executor()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= CONNECTIONS_MAX:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    writer.write(await self._exchange(reader))
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()  # whoever asked is too slow, or gone; an answer must not wait for him
        finally:
            self._connections -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _response(_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response(_error(HTTPStatus.BAD_REQUEST))
        if words[0] not in {b"GET", b"HEAD"}:
            return _response(_error(HTTPStatus.METHOD_NOT_ALLOWED))
        return _response(await self._answer(words[1]), with_body=words[0] == b"GET")

    async def _answer(self, path: bytes) -> _Answer:
        if path == b"/metrics":
            return _Answer(HTTPStatus.OK, self._monitor.page(), CONTENT_TYPE)
        if path == b"/live":
            return _verdict(self._monitor.vitals.stuck())
        if path == b"/ready":
            return _verdict(await asyncio.to_thread(self._monitor.vitals.missing))
        return _error(HTTPStatus.NOT_FOUND)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextmanager
def monitored(monitor: ProcessMonitor, settings: Settings) -> Iterator[None]:
    """Serve the monitor within the `with` block where the settings name a port; raises `SipeError`."""
    if not settings.monitor_port:
        yield
        return
    with MonitorServer(monitor, settings.monitor_host, settings.monitor_port):
        yield


def _verdict(reasons: list[str]) -> _Answer:
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    return _Answer(status, json.dumps({"ok": not reasons, "reasons": reasons}).encode() + b"\n")


def _error(status: HTTPStatus) -> _Answer:
    return _Answer(status, json.dumps({"error": status.phrase}).encode() + b"\n")


def _response(answer: _Answer, *, with_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
        f"{'Allow: GET, HEAD' + chr(13) + chr(10) if answer.status == HTTPStatus.METHOD_NOT_ALLOWED else ''}\r\n"
    )
    return head.encode() + (answer.body if with_body else b"")
