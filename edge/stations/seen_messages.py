"""Which messages were taken before: brokers and equipment may send one twice, and then it counts once."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from edge.desk.journal_file import JournalFile

KEPT = 10_000
SCHEMA = """
CREATE TABLE messages (id INTEGER PRIMARY KEY, key TEXT NOT NULL, number TEXT NOT NULL, UNIQUE (key, number));
"""


def is_known(file: JournalFile, messages: Collection[tuple[str, str]]) -> bool:
    """Whether one of these was taken before: each by what has numbered it, and its number."""
    query = "SELECT 1 FROM messages WHERE key = ? AND number = ?"
    return any(file.read(query, message) for message in messages)


def note(db: sqlite3.Connection, messages: Collection[tuple[str, str]]) -> None:
    """These are taken, when the transaction is; the newest are remembered."""
    db.executemany("INSERT OR IGNORE INTO messages (key, number) VALUES (?, ?)", messages)
    db.execute("DELETE FROM messages WHERE id <= (SELECT max(id) FROM messages) - ?", (KEPT,))
