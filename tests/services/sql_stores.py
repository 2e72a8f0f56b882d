"""Transactional stores to test against: SQLite in a file, and MariaDB on a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mariadb_server import SERVICE, MariaDbServer
from real_services import require
from sqlalchemy import exists, literal, select, text, union_all

from connectors.sql import grants, migrate
from connectors.sql.schema.columns import METADATA
from connectors.sql.schema.trail import AUDIT_HEAD, OUTBOX_HEAD
from connectors.sql.work import Store
from models.audit import GENESIS
from sipe.clock import Clock, ManualClock

KINDS = ("sqlite", "mariadb")
START_MS = 1_790_000_000_000
"""2026-09-21: when the tests begin, by the clock that they hold."""


@contextmanager
def store_of(made: Callable[[Store], None], clock: Clock) -> Iterator[Store]:
    """A SQLite store as `made` leaves a new one; it is made once in a process, and copied for each test."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "store.sqlite3"
        path.write_bytes(_image(made))
        store = Store(f"sqlite:///{path}", clock)
        try:
            yield store
        finally:
            store.close()


@cache
def _image(made: Callable[[Store], None]) -> bytes:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "store.sqlite3"
        store = Store(f"sqlite:///{path}", ManualClock(START_MS))
        migrate.upgrade(store.transactions.engine)
        made(store)
        store.close()
        return path.read_bytes()


def empty(_: Store) -> None:
    """A store with nothing in it but its tables."""


def content(store: Store) -> dict[str, list[Any]]:
    """Everything in a store."""
    with store.reading() as connection:
        return {table.name: list(connection.execute(select(table))) for table in METADATA.sorted_tables}


def _empty_again(owner: Store) -> None:
    """What a test has left goes, which is quicker than tables made anew; TRUNCATE fires no trigger."""
    with owner.transactions.engine.begin() as connection:
        asked = [select(literal(table.name)).where(exists(select(table))) for table in METADATA.tables.values()]
        filled = connection.execute(union_all(*asked)).scalars().all()
        connection.execute(text("SET foreign_key_checks = 0"))
        for name in filled:
            connection.execute(text(f"TRUNCATE {name}"))
        connection.execute(text("SET foreign_key_checks = 1"))
        connection.execute(AUDIT_HEAD.insert().values(id=1, seq=0, seal=GENESIS))
        connection.execute(OUTBOX_HEAD.insert().values(id=1, position=0, told=0))


class SqlServers:
    """Makes empty stores; MariaDB is started when the first test asks for it.

    There a store has the rights of the web service, and no more.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._mariadb: MariaDbServer | None = None
        self._owner: Store | None = None

    @contextmanager
    def store(self, kind: str, clock: Clock) -> Iterator[Store]:
        """An empty store of a kind with today's schema, for one test."""
        if kind == "sqlite":
            with store_of(empty, clock) as store:
                yield store
            return
        owner = self.owner()
        store = Store(self.mariadb.service_url, clock)
        try:
            yield store
        finally:
            store.close()
            _empty_again(owner)

    @property
    def mariadb(self) -> MariaDbServer:
        """The server, started when it is first asked for."""
        require("mariadb")
        if self._mariadb is None:
            self._mariadb = MariaDbServer(self._directory / "mariadb")
            self._mariadb.start()
        return self._mariadb

    def owner(self) -> Store:
        """The store as the owner of the database has it, with every table, and the service's rights given."""
        if self._owner is None:
            self._owner = Store(self.mariadb.url, ManualClock(START_MS))
            migrate.upgrade(self._owner.transactions.engine)
            grants.apply(self._owner.transactions.engine, grants.user_of(f"{SERVICE}@127.0.0.1"))
        return self._owner

    def close(self) -> None:
        """Stop what was started."""
        if self._owner:
            self._owner.close()
        if self._mariadb:
            self._mariadb.stop()
