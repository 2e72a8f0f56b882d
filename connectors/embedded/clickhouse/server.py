"""Listens on loopback and gives every client a thread."""

from __future__ import annotations

import shutil
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from connectors.embedded.clickhouse import packets
from connectors.embedded.clickhouse.canceller import Canceller
from connectors.embedded.clickhouse.engine import SPOOL, Engine
from connectors.embedded.clickhouse.errors import Code, ServerError
from connectors.embedded.clickhouse.session import Database, serve
from sipe.errors import SipeError

_HOST = "127.0.0.1"
_CLIENTS_MAX = 128
_CLOSE_TIMEOUT_S = 4.0
_ACCEPT_AGAIN_S = 0.1


class Server:
    """Serves the database in a directory until closed; raises `SipeError` when it cannot open it or the port."""

    def __init__(self, directory: Path, port: int, password: str) -> None:
        try:
            self._listener = socket.create_server((_HOST, port), backlog=_CLIENTS_MAX)
        except OSError as error:
            raise SipeError(f"cannot listen on {_HOST}:{port} ({error.strerror}): name another port") from error
        _empty(directory / SPOOL)
        try:
            # Its own session keeps the engine open while no client is there.
            self._engine = Engine(directory)
        except ServerError as error:
            self._listener.close()
            raise SipeError(f"cannot open the ClickHouse data in {directory}: {error.message}") from error
        self._database = Database(directory, password, Canceller(self._engine))
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._clients_changing = threading.Lock()
        self._closing = False
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """Hang up on all clients, undo what they did not finish, and close the engine."""
        with self._clients_changing:
            self._closing = True
            clients = dict(self._clients)
            for client in clients:
                _hang_up(client)
        end_s = time.monotonic() + _CLOSE_TIMEOUT_S
        for thread in clients.values():
            thread.join(max(0.0, end_s - time.monotonic()))
        if late := sum(thread.is_alive() for thread in clients.values()):
            _log(f"{late} clients' statements did not end within {_CLOSE_TIMEOUT_S:g} s")
        self._database.canceller.close()
        self._engine.close()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError as error:
                if self._closing:
                    return
                _log(f"cannot accept a client: {error}")
                time.sleep(_ACCEPT_AGAIN_S)
                continue
            with self._clients_changing:
                if self._closing:
                    client.close()
                    return
                if len(self._clients) >= _CLIENTS_MAX:
                    _turn_away(client)
                    continue
                thread = threading.Thread(target=self._serve, args=(client,), name="client", daemon=True)
                self._clients[client] = thread
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(client, self._database)
        finally:
            with self._clients_changing:
                del self._clients[client]
                client.close()


def _empty(directory: Path) -> None:
    """Leave nothing of what a killed server was about to store."""
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(mode=0o700)


def _hang_up(client: socket.socket) -> None:
    with suppress(OSError):  # it may have hung up first
        client.shutdown(socket.SHUT_RDWR)


def _turn_away(client: socket.socket) -> None:
    error = ServerError(Code.TOO_MANY_SIMULTANEOUS_QUERIES, f"{_CLIENTS_MAX} clients are connected, which is the most")
    with client:
        client.send(packets.exception(error))


def _log(problem: str) -> None:
    print(problem, file=sys.stderr)  # noqa: T201 - the parent keeps it in a file
