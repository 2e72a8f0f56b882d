"""What a station has begun and has to say yet, in a file of its own: power may go at any moment.

    ask ─▶ working ─▶ finished ─▶ told
     └─▶ (refused, or it was never asked: gone)

A visit is written before the office is asked to let a unit in, under the key that the question carries: when the answer
is lost, or the power goes, the same question is asked again and is known there. What came of the unit is written before
anybody is told, together with the events that say so: they are given to the spool next, and again after a power cut, as
it knows them by their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from edge.desk.journal_file import JournalFile

SCHEMA_VERSION = 1
State = Literal["asking", "working", "finished", "told"]
Result = Literal["passed", "failed"]

_SCHEMA = """
CREATE TABLE visits (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
    "order" TEXT NOT NULL, serial TEXT, -- none while the office is asked for the next one
    lease TEXT, -- that it is worked on under; none: the office has let it in
    entered_ms INTEGER NOT NULL, left_ms INTEGER, result TEXT, reason TEXT NOT NULL DEFAULT '',
    outcome TEXT, detail TEXT NOT NULL DEFAULT '', -- what the office said to it
    said BLOB -- the events that the spool has yet to take, a line each
);
CREATE INDEX by_state ON visits (state, id);
CREATE INDEX by_lease ON visits (lease);
CREATE TABLE leases (
    id TEXT PRIMARY KEY, "order" TEXT NOT NULL, signed TEXT NOT NULL, expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE public_keys (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = 'id, key, state, "order", serial, lease, entered_ms, left_ms, result, reason, outcome, detail'


class Visited(NamedTuple):
    """A unit at a station, from the question on whether it may come to what the office said to its result."""

    id: int
    key: str
    state: State
    order: str
    serial: str | None
    lease: str | None
    entered_ms: int
    left_ms: int | None
    result: Result | None
    reason: str
    outcome: str | None
    detail: str


class KeptLease(NamedTuple):
    """A lease as it was signed."""

    id: str
    order: str
    signed: str
    expires_ms: int


class Journal:
    """The visits and leases of one station; for one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; raises `SipeError` when it cannot be used, or a newer gateway has written it."""
        self._file = JournalFile(path, _SCHEMA, SCHEMA_VERSION)

    def ask(self, key: str, order: str, serial: str | None, now_ms: int) -> Visited:
        """Keep that the office will be asked to let a unit in; `serial` is None for the next one of the order."""
        query = """INSERT INTO visits (key, state, "order", serial, entered_ms) VALUES (?, 'asking', ?, ?, ?)"""
        return self._changed(query, (key, order, serial, now_ms))

    def forget(self, visit: Visited) -> None:
        """The office has refused: nothing was begun."""
        with self._file.writing() as db:
            db.execute("DELETE FROM visits WHERE id = ? AND state = 'asking'", (visit.id,))

    def work(self, visit: Visited, serial: str, now_ms: int, lease: str | None = None) -> Visited:
        """The unit is in work from now on, let in by the office or under a lease."""
        query = "UPDATE visits SET state = 'working', serial = ?, lease = ?, entered_ms = ? WHERE id = ?"
        return self._changed(query, (serial, lease, now_ms, visit.id))

    def finish(self, visit: Visited, result: Result, reason: str, now_ms: int, said: Sequence[bytes] = ()) -> Visited:
        """Keep what came of a unit that is in work, and the events about it: the clock may have been set back."""
        left_ms = max(now_ms, visit.entered_ms)
        query = "UPDATE visits SET state = 'finished', result = ?, reason = ?, left_ms = ?, said = ? WHERE id = ?"
        return self._changed(query, (result, reason, left_ms, b"\n".join(said) or None, visit.id))

    def unspooled(self) -> list[tuple[int, list[bytes]]]:
        """The events that the spool may not have yet, by visit, the oldest first."""
        rows = self._file.read("SELECT id, said FROM visits WHERE said IS NOT NULL ORDER BY id")
        return [(visit, said.split(b"\n")) for visit, said in rows]

    def spooled(self, visit: int) -> None:
        """The spool has the events of a visit."""
        with self._file.writing() as db:
            db.execute("UPDATE visits SET said = NULL WHERE id = ?", (visit,))

    def told(self, visit: Visited, outcome: str, detail: str = "") -> Visited:
        """Keep what the office said to a result."""
        query = "UPDATE visits SET state = 'told', outcome = ?, detail = ? WHERE id = ?"
        return self._changed(query, (outcome, detail, visit.id))

    def visits(self, state: State) -> list[Visited]:
        """The visits in a state, the oldest first."""
        query = f"SELECT {_COLUMNS} FROM visits WHERE state = ? ORDER BY id"  # noqa: S608  columns
        return [Visited(*row) for row in self._file.read(query, (state,))]

    def visit(self, key: str) -> Visited | None:
        """The visit that was asked for under a key."""
        rows = self._file.read(f"SELECT {_COLUMNS} FROM visits WHERE key = ?", (key,))  # noqa: S608  columns
        return Visited(*rows[0]) if rows else None

    def of_lease(self, lease: str) -> list[Visited]:
        """The visits under a lease, the oldest first."""
        query = f"SELECT {_COLUMNS} FROM visits WHERE lease = ? ORDER BY id"  # noqa: S608  columns
        return [Visited(*row) for row in self._file.read(query, (lease,))]

    def result_since(self, serial: str, since_ms: int) -> Visited | None:
        """The newest visit of a unit that came to its end here at a time or later, if there is one."""
        query = f"""SELECT {_COLUMNS} FROM visits WHERE serial = ? AND left_ms >= ? AND result IS NOT NULL
            ORDER BY id DESC LIMIT 1"""  # noqa: S608  columns
        rows = self._file.read(query, (serial, since_ms))
        return Visited(*rows[0]) if rows else None

    def keep_lease(self, lease: KeptLease, keys: dict[str, bytes]) -> None:
        """Keep a lease, and the public keys that leases are checked with."""
        with self._file.writing() as db:
            db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", lease)
            db.execute("DELETE FROM public_keys")
            db.executemany("INSERT INTO public_keys VALUES (?, ?)", keys.items())

    def leases(self) -> list[KeptLease]:
        """The leases that are not closed, the one that ends first before the others."""
        return [KeptLease(*row) for row in self._file.read("SELECT * FROM leases ORDER BY expires_ms, id")]

    def public_keys(self) -> dict[str, bytes]:
        """The keys that came with the newest lease."""
        return dict(self._file.read("SELECT id, bytes FROM public_keys"))

    def drop_lease(self, lease: str) -> None:
        """The lease is closed."""
        with self._file.writing() as db:
            db.execute("DELETE FROM leases WHERE id = ?", (lease,))

    def prune(self, before_ms: int) -> int:
        """Forget what was told of visits that ended before a time; how many there were."""
        with self._file.writing() as db:
            query = "DELETE FROM visits WHERE state = 'told' AND said IS NULL AND left_ms < ?"
            return db.execute(query, (before_ms,)).rowcount

    def close(self) -> None:
        """Close the file. Not needed for safety."""
        self._file.close()

    def _changed(self, query: str, values: tuple[object, ...]) -> Visited:
        with self._file.writing() as db:
            (row,) = db.execute(f"{query} RETURNING {_COLUMNS}", values).fetchall()
        return Visited(*row)
