"""One request and its answer over a connection that is kept: what went wrong is told apart by whether it was sent."""

from __future__ import annotations

import select
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from socket import SHUT_RDWR, socket
from typing import NamedTuple
from urllib.parse import urlsplit

from sipe.errors import SipeError, UsageError

ANSWER_BYTES_MAX = 64_000_000
WHOLE = 6
"""A request and its answer may take so many times as long as a word of it may be waited for."""
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class NotSent(SipeError):
    """No connection came about: the service has seen nothing."""


class Lost(SipeError):
    """The connection broke, or took too long, behind the request: whether it was done is not known."""


class Received(NamedTuple):
    """An answer; names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """A connection to one service; for one thread."""

    def __init__(self, url: str, timeout_s: float = 10, tls: ssl.SSLContext | None = None) -> None:
        """`url` such as https://sipe.plant:8443, or http:// on this machine alone; raises `UsageError`."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise UsageError(f"{url!r} is no address of a service: write https://host:port")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise UsageError(f"{url!r} would send tokens for everybody to read: write https://")
        if parts.scheme == "https":
            context = tls or ssl.create_default_context()
            self._connection: HTTPConnection = HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout_s, context=context
            )
        else:
            self._connection = HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        self._connection.auto_open = 0  # it is opened where the two kinds of failure are told apart
        self._whole_s = WHOLE * timeout_s

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Received:
        """One request, never repeated here; raises `NotSent`, `Lost`."""
        try:
            if self._was_closed():
                self.close()
            if self._connection.sock is None:
                self._connection.connect()
        except OSError as error:
            self.close()
            raise NotSent(f"{self._connection.host} does not answer: {error}") from error
        try:
            with self._bounded():
                self._connection.request(method, path, body, dict(headers))
                answer = self._connection.getresponse()
                found = answer.read(ANSWER_BYTES_MAX + 1)
                if answer.length and len(found) <= ANSWER_BYTES_MAX:
                    raise IncompleteRead(found, answer.length)  # which it does not say by itself when given a limit
        except (OSError, HTTPException) as error:
            self.close()
            raise Lost(f"{self._connection.host} was lost: {error or type(error).__name__}") from error
        if len(found) > ANSWER_BYTES_MAX:
            self.close()
            raise Lost(f"{self._connection.host} answers more than {ANSWER_BYTES_MAX} bytes")
        if answer.will_close:
            self.close()
        return Received(answer.status, {name.lower(): text for name, text in answer.getheaders()}, found)

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Hang up when it takes too long: an answer that drips, a byte now and then, keeps each single wait short."""
        hung_up = threading.Event()
        hang_up = threading.Timer(self._whole_s, self._shut, [hung_up])
        hang_up.daemon = True
        hang_up.start()
        try:
            yield
        finally:
            hang_up.cancel()
        if hung_up.is_set():  # what looks like the end of an answer was none
            raise TimeoutError(f"no whole answer within {self._whole_s:g} s")

    def _shut(self, hung_up: threading.Event) -> None:
        """From another thread: whoever reads is at the end of it then."""
        hung_up.set()
        if self._connection.sock is not None:
            with suppress(OSError):
                socket.shutdown(self._connection.sock, SHUT_RDWR)  # an SSLSocket's own would take its state away, too

    def _was_closed(self) -> bool:
        """Whether a connection that was kept is none any more: a service closes what is idle (RFC 9112, 9.5).

        It says nothing unasked, so what there is to read is its end. To send into that would count as lost.
        """
        if self._connection.sock is None:
            return False
        ready = select.poll()
        ready.register(self._connection.sock, select.POLLIN)
        return bool(ready.poll(0))

    def close(self) -> None:
        """Hang up; the next request opens a connection of its own."""
        self._connection.close()
