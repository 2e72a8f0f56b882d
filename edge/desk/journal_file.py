"""A file in which a station writes down what must outlive a power cut: SQLite in WAL mode, `synchronous=FULL`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sipe.errors import SipeError


class JournalFile:
    """One file and its schema, on disk after each change; for one thread at a time, and one gateway."""

    def __init__(self, path: Path, schema: str, version: int) -> None:
        """Open the file, or make it; raises `SipeError` when it cannot be used, or a newer gateway has written it."""
        self._path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = _open(path, schema, version)
        except (OSError, sqlite3.Error) as error:
            raise SipeError(f"the journal {path} cannot be used: {error}; does another gateway run on it?") from error

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """The rows of a query."""
        return self._db.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, on disk at the end; raises `SipeError` when the disk takes nothing."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise SipeError(f"the journal {self._path} took nothing: {error}; is the disk full?") from error
            raise

    def close(self) -> None:
        """Close the file. Not needed for safety."""
        self._db.close()


def _open(path: Path, schema: str, version: int) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            db.execute(f"PRAGMA {pragma}")
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found > version:
            raise SipeError(f"the journal {path} was written by a newer gateway: run that version, or a newer one")
        if found == 0:
            db.executescript(f"BEGIN; {schema} PRAGMA user_version = {version}; COMMIT;")
    except BaseException:
        db.close()
        raise
    return db
