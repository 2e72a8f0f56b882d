"""Transactional stores to test against: SQLite in a file, and MariaDB on a real server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mariadb_server import MariaDbServer
from real_services import require

from connectors.sql import migrate
from connectors.sql.work import Store
from sipe.clock import Clock

KINDS = ("sqlite", "mariadb")


class SqlServers:
    """Makes empty stores; MariaDB is started when the first test asks for it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._mariadb: MariaDbServer | None = None

    @contextmanager
    def store(self, kind: str, clock: Clock) -> Iterator[Store]:
        """A store of a kind with today's schema, for one test."""
        with self._url(kind) as url:
            store = Store(url, clock)
            try:
                migrate.upgrade(store.transactions.engine)
                yield store
            finally:
                store.close()

    @contextmanager
    def _url(self, kind: str) -> Iterator[str]:
        name = f"sipe_{secrets.token_hex(6)}"
        if kind == "sqlite":
            yield f"sqlite:///{self._directory / name}.sqlite3"
            return
        require("mariadb")
        if self._mariadb is None:
            self._mariadb = MariaDbServer(self._directory / "mariadb")
            self._mariadb.start()
        self._mariadb.ask(f"CREATE DATABASE {name}")
        try:
            yield self._mariadb.url(name)
        finally:
            self._mariadb.ask(f"DROP DATABASE {name}")

    def close(self) -> None:
        """Stop what was started."""
        if self._mariadb:
            self._mariadb.stop()
