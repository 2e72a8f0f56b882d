"""What a counting station has to know after a power cut: the order, the counters, and the events that are not kept yet.

Where a counter stands and the events that say what it has counted are written down at once: nothing counts twice, and
what a counter counts while nobody looks is there when somebody does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.client.shapes import Contract
from edge.desk.journal_file import JournalFile
from edge.stations import seen_messages

SCHEMA_VERSION = 1
_SCHEMA = f"""
CREATE TABLE at_work (contract BLOB NOT NULL);
CREATE TABLE counters (key TEXT PRIMARY KEY, value INTEGER NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;
{seen_messages.SCHEMA}CREATE TABLE unordered (
    id INTEGER PRIMARY KEY,
    result TEXT NOT NULL, qty INTEGER NOT NULL, cycle_ms INTEGER NOT NULL, ts_ms INTEGER NOT NULL
);
CREATE TABLE said (id INTEGER PRIMARY KEY AUTOINCREMENT, lines BLOB NOT NULL);
"""


class Cycle(NamedTuple):
    """Pieces of one result that came together."""

    result: str
    qty: int
    cycle_ms: int
    ts_ms: int


class CountJournal:
    """The journal of one counting station; for one thread at a time. What writes raises `SipeError`."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; raises `SipeError` when it cannot be used, or a newer gateway has written it."""
        self._file = JournalFile(path, _SCHEMA, SCHEMA_VERSION)

    def contract(self) -> Contract | None:
        """What was at work."""
        rows = self._file.read("SELECT contract FROM at_work")
        return msgspec.json.decode(rows[0][0], type=Contract) if rows else None

    def counters(self) -> dict[str, tuple[int, int]]:
        """(where it stood, when that was written down) of each counter, by its key."""
        return {key: (value, at_ms) for key, value, at_ms in self._file.read("SELECT * FROM counters")}

    def knows(self, messages: Collection[tuple[str, str]]) -> bool:
        """Whether one of these messages was counted before."""
        return seen_messages.is_known(self._file, messages)

    def unordered(self) -> list[Cycle]:
        """What was made while no order was at work."""
        return [
            Cycle(*row) for row in self._file.read("SELECT result, qty, cycle_ms, ts_ms FROM unordered ORDER BY id")
        ]

    def begin(self, contract: Contract, said: Iterable[bytes]) -> None:
        """The contract is at work from now on; `said` says what was made without one."""
        with self._file.writing() as db:
            db.execute("DELETE FROM at_work")
            db.execute("INSERT INTO at_work VALUES (?)", (msgspec.json.encode(contract),))
            db.execute("DELETE FROM unordered")
            db.executemany("INSERT INTO said (lines) VALUES (?)", _joined(said))

    def count(
        self,
        counters: Mapping[str, int],
        messages: Collection[tuple[str, str]],
        now_ms: int,
        said: Iterable[bytes],
        unordered: Iterable[Cycle] = (),
    ) -> None:
        """All that came of one message, at once."""
        with self._file.writing() as db:
            for counter in counters.items():
                db.execute("INSERT OR REPLACE INTO counters VALUES (?, ?, ?)", (*counter, now_ms))
            seen_messages.note(db, messages)
            db.executemany("INSERT INTO unordered (result, qty, cycle_ms, ts_ms) VALUES (?, ?, ?, ?)", unordered)
            db.executemany("INSERT INTO said (lines) VALUES (?)", _joined(said))

    def unspooled(self) -> list[tuple[int, list[bytes]]]:
        """The events that the spool may not have yet, the oldest first."""
        rows = self._file.read("SELECT id, lines FROM said ORDER BY id")
        return [(said, lines.split(b"\n")) for said, lines in rows]

    def spooled(self, said: int) -> None:
        """The spool has these."""
        with self._file.writing() as db:
            db.execute("DELETE FROM said WHERE id = ?", (said,))

    def close(self) -> None:
        """Close the file. Not needed for safety."""
        self._file.close()


def _joined(said: Iterable[bytes]) -> list[tuple[bytes]]:
    lines = b"\n".join(said)
    return [(lines,)] if lines else []
