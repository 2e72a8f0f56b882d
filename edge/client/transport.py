"""One request and its answer over a connection that is kept: what went wrong is told apart by whether it was sent."""

from __future__ import annotations

import select
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from sipe.errors import SipeError, UsageError

ANSWER_BYTES_MAX = 64_000_000
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

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Received:
        """One request, never repeated here; raises `NotSent`, `Lost`."""
        try:
            if self._connection.sock is not None and _has_hung_up(self._connection.sock):
                self.close()
            if self._connection.sock is None:
                self._connection.connect()
        except OSError as error:
            self.close()
            raise NotSent(f"{self._connection.host} does not answer: {error}") from error
        try:
            self._connection.request(method, path, body, dict(headers))
            answer = self._connection.getresponse()
            found = answer.read(ANSWER_BYTES_MAX + 1)
        except (OSError, HTTPException) as error:
            self.close()
            raise Lost(f"{self._connection.host} was lost: {error or type(error).__name__}") from error
        if len(found) > ANSWER_BYTES_MAX:
            self.close()
            raise Lost(f"{self._connection.host} answers more than {ANSWER_BYTES_MAX} bytes")
        if answer.will_close:
            self.close()
        return Received(answer.status, {name.lower(): text for name, text in answer.getheaders()}, found)

    def close(self) -> None:
        """Hang up; the next request opens a connection of its own."""
        self._connection.close()


def _has_hung_up(connection: socket) -> bool:
    """Whether a connection on which nothing was asked can be read all the same: what comes is its end."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
