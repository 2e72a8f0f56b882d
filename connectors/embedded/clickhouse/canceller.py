"""Ends the running statements of clients that cancel or go away, in the middle of whatever the engine is doing."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from connectors.embedded.clickhouse.engine import Engine
from connectors.embedded.clickhouse.errors import ServerError
from connectors.embedded.clickhouse.packets import FromClient

_POLL_S = 0.05
CANCEL = bytes([FromClient.CANCEL])
_GONE = b""


@dataclass(eq=False)
class Running:
    """A statement that is being run for a client."""

    client: socket.socket
    engine: Engine
    cancelled: bool = False


class Canceller:
    """Looks at the sockets of clients that wait for a result: all they can send is a wish to cancel it.

    A thread that is inside the engine cannot look by itself, and the engine's own way of cancelling waits for it, so
    the statement is killed from a session beside it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: list[Running] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name="canceller", daemon=True)
        self._thread.start()

    @contextmanager
    def watching(self, client: socket.socket, engine: Engine) -> Iterator[Running]:
        """Within the `with` block the client can cancel what its engine runs; afterwards nothing is killed any more."""
        running = Running(client, engine)
        with self._changed:
            self._running.append(running)
            self._changed.notify()
        try:
            yield running
        finally:
            with self._changed:
                self._running.remove(running)

    def close(self) -> None:
        """Stop watching."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._running)
                if self._closed:
                    return
                for running in self._running:
                    running.cancelled = running.cancelled or _peek(running.client) in {CANCEL, _GONE}
                    if running.cancelled:
                        self._kill(running.engine)
            time.sleep(_POLL_S)

    def _kill(self, victim: Engine) -> None:
        """Done again at each look until the statement ends, for the engine may not have begun with it yet."""
        try:
            self._engine.kill(victim)
        except ServerError as error:
            print(f"cannot cancel a statement: {error}", file=sys.stderr)  # noqa: T201 - the server's log


def _peek(client: socket.socket) -> bytes | None:
    """The next byte that the client has sent, none when it is gone, None when it sent nothing."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return _GONE
