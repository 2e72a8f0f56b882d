"""Transactional stores to test against: SQLite in a file, and MariaDB on a real server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mariadb_server import MariaDbServer
from real_services import require

from connectors.sql import migrate
from connectors.sql.schema.columns import METADATA
from connectors.sql.schema.trail import AUDIT_HEAD
from connectors.sql.work import Store
from models.audit import GENESIS
from sipe.clock import Clock

KINDS = ("sqlite", "mariadb")
LITERALLY = {"literal_binds": True}


class SqlServers:
    """Makes empty stores; MariaDB is started when the first test asks for it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._mariadb: MariaDbServer | None = None

    @contextmanager
    def store(self, kind: str, clock: Clock) -> Iterator[Store]:
        """An empty store of a kind with today's schema, for one test."""
        store = Store(self._sqlite_url() if kind == "sqlite" else self._mariadb_url(), clock)
        try:
            migrate.upgrade(store.transactions.engine)
            yield store
        finally:
            store.close()

    def _sqlite_url(self) -> str:
        return f"sqlite:///{self._directory / secrets.token_hex(6)}.sqlite3"

    def _mariadb_url(self) -> str:
        require("mariadb")
        if self._mariadb is None:
            self._mariadb = MariaDbServer(self._directory / "mariadb")
            self._mariadb.start()
        elif self._mariadb.ask("SHOW TABLES"):
            # Emptied, which takes a tenth of the time of making it anew; TRUNCATE fires no trigger.
            tables = (f"TRUNCATE {table.name}" for table in METADATA.tables.values())
            first_head = str(AUDIT_HEAD.insert().values(id=1, seq=0, seal=GENESIS).compile(compile_kwargs=LITERALLY))
            self._mariadb.ask("; ".join(("SET foreign_key_checks = 0", *tables, first_head)))
        return self._mariadb.url

    def close(self) -> None:
        """Stop what was started."""
        if self._mariadb:
            self._mariadb.stop()
