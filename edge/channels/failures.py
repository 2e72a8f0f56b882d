"""Why a connection failed, as one word out of a few, to count by."""

from __future__ import annotations

import errno
import socket
import termios
from collections.abc import Iterator
from ssl import SSLError

from sipe.errors import SipeError


class ChannelDown(SipeError):
    """There is no connection to write to, or it broke while writing; how much was sent is not known."""


class LinkError(Exception):
    """A connection did not come about, or ended."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason}: {self.args[0]}"


_REASONS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ECONNABORTED: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EBUSY: "busy",
    errno.EAGAIN: "busy",  # another process holds the lock of a serial port
    errno.EADDRINUSE: "busy",
    errno.ENOENT: "unplugged",
    errno.ENODEV: "unplugged",
    errno.ENXIO: "unplugged",
    errno.EIO: "unplugged",
}


def as_link_error(error: Exception) -> LinkError:
    """The failure in one word and a line, whatever library told of it."""
    for inner in _chain(error):
        if isinstance(inner, LinkError):
            return inner
        if isinstance(inner, socket.gaierror):
            return LinkError("unresolved", str(inner))
        if isinstance(inner, SSLError):
            return LinkError("tls", str(inner))
        if isinstance(inner, TimeoutError) and inner.errno is None:
            return LinkError("timeout", str(inner) or "no answer in time")
        if isinstance(inner, termios.error):
            return LinkError(_REASONS.get(inner.args[0], "line-not-set"), str(inner))
        if isinstance(inner, OSError):
            return LinkError(_REASONS.get(inner.errno or 0, "io"), str(inner))
    # Nobody expects it, so it is told in full; the channel goes on trying, and the others never notice.
    return LinkError("unexpected", repr(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those it came from: some libraries hide the one that says why."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
