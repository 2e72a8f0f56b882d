"""Connections to the transactional store, and transactions that are done again when another one was in the way.

Measured: SQLite's deferred BEGIN fails under load where BEGIN IMMEDIATE waits; MariaDB deadlocks where a child row is
inserted before its parent is locked, and then says so with 1205 or 1213.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sipe.errors import SipeError, UsageError

ATTEMPTS = 8
CONNECTIONS_MAX = 32
WAIT_S = 10
_READ_ONLY = "sipe_read_only"
_WRITE_AGAIN = frozenset({1020, 1205, 1213})
"""MariaDB: the row has changed since it was read, a lock was not got in time, a deadlock was broken."""
_SQLITE_BUSY = ("database is locked", "database table is locked", "database is busy")


class StoreUnavailable(SipeError):
    """The transactional store does not answer, or is too busy to; nothing was changed, and asking again may work."""


class OutcomeUnknown(StoreUnavailable):
    """The store went away while it committed: whether the change stands is not known until it is looked up."""


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///PATH` or `mariadb+pymysql://USER:PASSWORD@HOST:PORT/DATABASE`; raises `UsageError`."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError("SIPE_SQL_URL is no URL: write mariadb+pymysql://user:password@host:3306/database") from None
    match parsed.drivername:
        case "sqlite":
            engine = create_engine(parsed, pool_size=CONNECTIONS_MAX, max_overflow=0, pool_timeout=WAIT_S)
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        case "mariadb+pymysql":
            engine = create_engine(
                parsed,
                pool_size=CONNECTIONS_MAX,
                max_overflow=0,
                pool_timeout=WAIT_S,
                pool_pre_ping=True,
                pool_recycle=1800,
                isolation_level="READ COMMITTED",
                connect_args={"charset": "utf8mb4", "connect_timeout": WAIT_S, "init_command": _MARIADB_SESSION},
            )
        case other:
            raise UsageError(f"SIPE_SQL_URL begins with {other}: SIPE works with sqlite and mariadb+pymysql")
    return engine


_MARIADB_SESSION = (
    f"SET SESSION innodb_lock_wait_timeout = {WAIT_S}, time_zone = '+00:00', "
    "sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
)


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    for pragma in ("journal_mode = wal", "synchronous = full", f"busy_timeout = {WAIT_S * 1000}", "foreign_keys = on"):
        connection.execute(f"pragma {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READ_ONLY)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


class Transactions:
    """Hands out transactions of one engine. In SQLite writers queue here, in order, instead of polling for its lock."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reader = engine.execution_options(**{_READ_ONLY: True})
        self._turn: threading.Lock | None = threading.Lock() if engine.dialect.name == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees one state of the store; raises `StoreUnavailable`."""
        try:
            with self._reader.connect() as connection, connection.begin() as transaction:
                yield connection
                transaction.rollback()
        except (OperationalError, PoolTimeoutError) as error:
            raise unavailable(error) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that ends with a commit, or with nothing changed."""
        if self._turn is None:
            with self._begun() as connection:
                yield connection
            return
        if not self._turn.acquire(timeout=WAIT_S):
            raise StoreUnavailable(f"no turn to write within {WAIT_S} s")
        try:
            with self._begun() as connection:
                yield connection
        finally:
            self._turn.release()

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        with self.engine.connect() as connection, connection.begin() as transaction:
            yield connection
            try:
                transaction.commit()
            except OperationalError as error:
                if is_busy(error):
                    raise
                raise OutcomeUnknown(f"the store went away while it committed: {error.orig}") from error

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def is_busy(error: SQLAlchemyError) -> bool:
    """Whether another transaction was in the way, and nothing was changed."""
    cause = getattr(error, "orig", None)
    if cause is None or not cause.args:
        return False
    return cause.args[0] in _WRITE_AGAIN or any(word in str(cause.args[0]) for word in _SQLITE_BUSY)


def step_aside(attempt: int) -> None:
    """Wait for a moment that differs between those that collided, and grows with their attempts."""
    time.sleep(random.uniform(0, 0.001 * 2**attempt))  # noqa: S311  spreads colliding threads, no secret


def unavailable(error: SQLAlchemyError) -> StoreUnavailable:
    """What people read; never the URL, which holds a password."""
    return StoreUnavailable(f"the transactional store does not answer: {getattr(error, 'orig', None) or error}")
