"""The spool's file and its count of starts: opened, made, checked, and set aside when damaged."""

from __future__ import annotations

import sqlite3
from itertools import count
from pathlib import Path

from sipe.errors import SipeError
from sipe.private_files import replace_durably

SCHEMA_VERSION = 1
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_SCHEMA = """
CREATE TABLE waiting (
    position INTEGER PRIMARY KEY, -- even: an event; odd: the gap that ends with the event before
    station TEXT NOT NULL, source TEXT NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL, ts_ms INTEGER NOT NULL,
    first_missing INTEGER NOT NULL, -- of a gap, else 0
    appended_ms INTEGER NOT NULL,
    value BLOB NOT NULL
);
CREATE INDEX events ON waiting (position) WHERE first_missing = 0;
CREATE UNIQUE INDEX gaps ON waiting (station, source, boot) WHERE first_missing > 0;
CREATE TABLE heads (
    station TEXT NOT NULL, source TEXT NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (station, source)
) WITHOUT ROWID;
"""


def open_file(path: Path) -> sqlite3.Connection:
    """The file, made when there is none, for this process alone; a damaged one is set aside and a new one made.

    Raises `SipeError` when a newer version has written it, `sqlite3.Error` when it cannot be used.
    """
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        aside = next(
            name for n in count(1) if not (name := path.with_name(f"{path.stem}.damaged-{n}{path.suffix}")).exists()
        )
        path.rename(aside)
        log = path.with_name(path.name + "-wal")
        if log.exists():  # what was appended last may be nowhere else
            log.rename(aside.with_name(aside.name + "-wal"))
        return _connect(path)


def set_aside(path: Path) -> list[Path]:
    """The damaged files of before."""
    return sorted(path.parent.glob(f"{path.stem}.damaged-*{path.suffix}"))


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=0.0, isolation_level=None)
    try:
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
            db.execute(f"PRAGMA {pragma}")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise SipeError(f"the spool {path} was written by a newer gateway: run that version, or a newer one")
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            damaged = sqlite3.DatabaseError(f"{path} is damaged")
            damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damaged
    except BaseException:
        db.close()
        raise
    return db


def count_boot(path: Path) -> int:
    """Count a start for good, in a file of its own: a damaged spool must not make the gateway use numbers again."""
    text = path.read_text().strip() if path.exists() else "0"
    if not text.isdecimal():
        raise SipeError(f"{path} holds {text!r}: write the newest boot of this gateway's sources in the store into it")
    boot = int(text) + 1
    replace_durably(path, f"{boot}\n".encode())
    return boot
