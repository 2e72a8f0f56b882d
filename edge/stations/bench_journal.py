"""What a bench has said, until it is known what became of it: of units that are not complete, and of those that are.

record ─▶ waiting ─▶ working ─▶ done
└─▶ refused: the office does not let the unit in; its values are said all the same
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.desk.journal_file import JournalFile
from edge.stations import seen_messages
from edge.stations.bench_format import Record

SCHEMA_VERSION = 1
REFUSED_KEPT = 10_000
_SCHEMA = f"""
{seen_messages.SCHEMA}
CREATE TABLE records (id INTEGER PRIMARY KEY, serial TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE results (
    id INTEGER PRIMARY KEY AUTOINCREMENT, serial TEXT NOT NULL, state TEXT NOT NULL, body BLOB NOT NULL,
    visit TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',
    said BLOB -- the events that the spool has yet to take, a line each
);
"""


class Result(NamedTuple):
    """All that was said of a unit."""

    id: int
    serial: str
    records: tuple[Record, ...]
    visit: str = ""
    """The key under which the unit came."""


class BenchJournal:
    """The journal of one bench; for one thread at a time. What writes raises `SipeError`."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; raises `SipeError` when it cannot be used, or a newer gateway has written it."""
        self._file = JournalFile(path, _SCHEMA, SCHEMA_VERSION)

    def knows(self, messages: Collection[tuple[str, str]]) -> bool:
        """Whether one of these messages was taken before."""
        return seen_messages.is_known(self._file, messages)

    def take(self, records: Iterable[Record], complete: Iterable[str], messages: Collection[tuple[str, str]]) -> None:
        """Keep what was said, and of which units it is all; at once."""
        with self._file.writing() as db:
            seen_messages.note(db, messages)
            rows = ((record.serial, msgspec.json.encode(record)) for record in records)
            db.executemany("INSERT INTO records (serial, body) VALUES (?, ?)", rows)
            for serial in dict.fromkeys(complete):
                found = db.execute("DELETE FROM records WHERE serial = ? RETURNING id, body", (serial,)).fetchall()
                body = b"\n".join(line for _, line in sorted(found))
                db.execute("INSERT INTO results (serial, state, body) VALUES (?, 'waiting', ?)", (serial, body))

    def incomplete(self) -> list[str]:
        """The units of which not all was said."""
        return [serial for (serial,) in self._file.read("SELECT serial FROM records GROUP BY serial ORDER BY min(id)")]

    def results(self, state: str) -> list[Result]:
        """The results in a state, the oldest first."""
        query = "SELECT id, serial, body, visit FROM results WHERE state = ? ORDER BY id"
        return [_result(*row) for row in self._file.read(query, (state,))]

    def refused(self) -> int:
        """How many results there are that the office did not let in."""
        count: int = self._file.read("SELECT count(*) FROM results WHERE state = 'refused'")[0][0]
        return count

    def work(self, result: Result, visit: str) -> None:
        """What became of the unit is about to be written down, under this key."""
        with self._file.writing() as db:
            db.execute("UPDATE results SET state = 'working', visit = ? WHERE id = ?", (visit, result.id))

    def wait(self, result: Result) -> None:
        """It was not written down after all."""
        with self._file.writing() as db:
            db.execute("UPDATE results SET state = 'waiting', visit = '' WHERE id = ?", (result.id,))

    def done(self, result: Result) -> None:
        """It is written down."""
        with self._file.writing() as db:
            db.execute("DELETE FROM results WHERE id = ?", (result.id,))

    def refuse(self, result: Result, detail: str, said: Sequence[bytes]) -> None:
        """The office does not let the unit in; `said` are its values. The newest of these are kept for somebody."""
        with self._file.writing() as db:
            query = "UPDATE results SET state = 'refused', detail = ?, said = ? WHERE id = ?"
            db.execute(query, (detail, b"\n".join(said) or None, result.id))
            query = "DELETE FROM results WHERE state = 'refused' AND said IS NULL AND id <= ?"
            db.execute(query, (result.id - REFUSED_KEPT,))

    def unspooled(self) -> list[tuple[int, list[bytes]]]:
        """The events of refused results that the spool may not have yet, the oldest first."""
        rows = self._file.read("SELECT id, said FROM results WHERE said IS NOT NULL ORDER BY id")
        return [(result, said.split(b"\n")) for result, said in rows]

    def spooled(self, result: int) -> None:
        """The spool has these."""
        with self._file.writing() as db:
            db.execute("UPDATE results SET said = NULL WHERE id = ?", (result,))

    def close(self) -> None:
        """Close the file. Not needed for safety."""
        self._file.close()


def _result(number: int, serial: str, body: bytes, visit: str) -> Result:
    return Result(number, serial, tuple(msgspec.json.decode(line, type=Record) for line in body.split(b"\n")), visit)
