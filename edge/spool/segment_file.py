"""The file of a segment: made, opened, checked, and brought up from version 1."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from edge.spool import heads
from edge.spool.heads import Head
from sipe.contracts.event_classes import EVENT_CLASSES
from sipe.private_files import sync_directory

VERSION = 2
PAGE_BYTES = 4096

_BESIDE_WAITING = """
CREATE TABLE damaged (
    position INTEGER PRIMARY KEY,
    station, source, boot, seq, ts_ms, first_missing, appended_ms, value, prev_seq, identity_crc, value_crc
);
CREATE INDEX gaps ON waiting (station, source, boot, seq) WHERE first_missing > 0;
CREATE TABLE heads (
    station TEXT NOT NULL, source TEXT NOT NULL, event_class TEXT NOT NULL,
    boot INTEGER NOT NULL, seq INTEGER NOT NULL, position INTEGER NOT NULL, taken_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (station, source, event_class)
) WITHOUT ROWID;
CREATE TABLE began (ms INTEGER NOT NULL);
"""
_SCHEMA = f"""
CREATE TABLE waiting (
    position INTEGER PRIMARY KEY,
    station TEXT NOT NULL, source TEXT NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL, ts_ms INTEGER NOT NULL,
    first_missing INTEGER NOT NULL, appended_ms INTEGER NOT NULL, value BLOB NOT NULL,
    prev_seq INTEGER NOT NULL, identity_crc INTEGER, value_crc INTEGER
);
{_BESIDE_WAITING}
"""
_FROM_VERSION_1 = f"""
ALTER TABLE waiting ADD COLUMN prev_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE waiting ADD COLUMN identity_crc INTEGER;
ALTER TABLE waiting ADD COLUMN value_crc INTEGER;
DROP INDEX events;
DROP INDEX gaps;
ALTER TABLE heads RENAME TO heads_of_version_1;
{_BESIDE_WAITING}
"""


def create(path: Path, known: Iterable[Head], began_ms: int) -> None:
    """An empty segment, on disk when this returns; until then there is none. Raises `OSError` or `sqlite3.Error`."""

    def fill(db: sqlite3.Connection) -> None:
        db.executescript(f"PRAGMA journal_mode = WAL; BEGIN; {_SCHEMA}")
        put_heads(db, known)
        db.execute("INSERT INTO began VALUES (?)", (began_ms,))
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")

    make(path, fill)


def make(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Put a new file there that is filled already, for good; raises `OSError` or `sqlite3.Error`."""
    draft = path.with_name(f"{path.name}.new")
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = OFF")  # nobody knows of it yet
            fill(db)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.rename(path)
        sync_directory(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def connect(path: Path, wal_pages: int = 1_000) -> sqlite3.Connection:
    """A segment that is there, checked; raises `sqlite3.Error`, as SQLite would also where only we find it damaged.

    A commit is on disk before it returns; the log is taken over into the file whenever it has grown to `wal_pages`.
    With `psow=0` SQLite fills up the sector that a commit ends in, so no later write can tear what was acknowledged.
    """
    uri = f"{path.as_uri()}?mode=rw&psow=0"
    db = sqlite3.connect(uri, uri=True, timeout=0.0, isolation_level=None, check_same_thread=False)
    try:
        db.text_factory = lambda text: text.decode(errors="replace")  # what is damaged is found by its checksum
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {wal_pages}")
        if mode != "wal" or db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise damage("its pages do not fit together")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 1:
            _bring_up(db)
        elif version != VERSION:
            raise damage(f"it says that it is of version {version}")
    except BaseException:
        db.close()
        raise
    return db


def damage(reason: str) -> sqlite3.DatabaseError:
    """An error as SQLite raises it for a damaged file."""
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def put_heads(db: sqlite3.Connection, known: Iterable[Head]) -> None:
    """Write heads; within a transaction."""
    db.executemany("INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(heads.columns_of, known))


def get_heads(db: sqlite3.Connection) -> list[Head]:
    """The heads that are whole."""
    found = db.execute("SELECT * FROM heads").fetchall()
    return [head for columns in found if (head := heads.checked(columns)) is not None]


def _bring_up(db: sqlite3.Connection) -> None:
    """Version 1 becomes this one, in one transaction; its rows stay as they are, without checksums."""
    (last,) = db.execute("SELECT coalesce(max(position), 0) FROM waiting").fetchone()
    (appended_ms,) = db.execute("SELECT coalesce(max(appended_ms), 0) FROM waiting").fetchone()
    db.executescript(f"BEGIN IMMEDIATE; {_FROM_VERSION_1}")
    taken = db.execute("SELECT station, source, boot, seq FROM heads_of_version_1").fetchall()
    for event_class in EVENT_CLASSES:
        known = (Head(who, source, event_class, boot, seq, last, appended_ms) for who, source, boot, seq in taken)
        put_heads(db, known)
    for statement in ("DROP TABLE heads_of_version_1", f"PRAGMA user_version = {VERSION}", "COMMIT"):
        db.execute(statement)  # a script would commit what is before it
