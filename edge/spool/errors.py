"""What can go wrong with a spool, for those who use it and between its modules."""

from __future__ import annotations

import sqlite3
from typing import Any

from sipe.errors import SipeError

_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_ERROR,  # a table is gone: the schema was overwritten
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_CONSTRAINT,
    }
)
_UNREADABLE = frozenset(
    {
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
        sqlite3.SQLITE_IOERR_DATA,
    }
)

SqliteErrors = (sqlite3.Error, UnicodeDecodeError)
"""What Python's module raises; the latter when SQLite quotes a name that was damaged."""


class NotTaken(SipeError):
    """What was appended was not taken, as there is no room, or the disk refuses: keep it, and append it again later."""


class DiskRefuses(SipeError):
    """The disk is full, read-only or broken: the store is as it was before."""


class SegmentDamaged(Exception):
    """A file of the spool holds what nobody wrote; `segment` is the one to set aside."""

    def __init__(self, segment: Any, reason: str) -> None:
        super().__init__(reason)
        self.segment = segment


def is_damage(error: Exception) -> bool:
    """Whether one of `SqliteErrors` says that the bytes of a file are wrong, and not that the disk takes no more."""
    if isinstance(error, UnicodeDecodeError):
        return True
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
    return code & 0xFF in _DAMAGE or code in _UNREADABLE
