"""A segment: one file of the events of one class, which is opened when somebody wants to know what is in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from edge.spool import rows, segment_file
from edge.spool.errors import DiskRefuses, SegmentDamaged, SqliteErrors, is_damage
from edge.spool.heads import Head
from edge.spool.quarantine import log_of
from edge.spool.rows import DamagedRow, Row, legible
from sipe.contracts.event_classes import EventClass

NUMBER_BITS = 32
"""A position is the number of its segment, followed by so many bits that grow within it."""

_PUT = "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SET_ASIDE = "INSERT OR REPLACE INTO damaged SELECT * FROM waiting WHERE position = ?"


class Segment:
    """What waits in one file. Everything raises `SegmentDamaged` or `DiskRefuses`; the latter leaves it as it was."""

    def __init__(self, path: Path, number: int, event_class: EventClass, wal_pages: int) -> None:
        self.path = path
        self.number = number
        self.event_class = event_class
        self.waiting_bytes = sum(file.stat().st_size for file in self.files())
        """How much waits; until it was opened, about how much that can be."""
        self.is_known = False
        """Whether it was opened since the start; it may be closed again."""
        self._wal_pages = wal_pages
        self._connection: sqlite3.Connection | None = None
        self._waiting = 0
        self._gone: set[int] = set()

    def files(self) -> list[Path]:
        """Its file, and the log of it if there is one."""
        return [path for path in (self.path, log_of(self.path)) if path.exists()]

    def open(self) -> None:
        """Open the file, and count what waits in it."""
        self._db()

    @property
    def waiting(self) -> int:
        """How many events and gaps wait."""
        self._db()
        return self._waiting

    @property
    def holds_events(self) -> bool:
        """Whether there waits more than gaps."""
        with self._guard():
            events = self._db().execute("SELECT position FROM waiting WHERE first_missing = 0")
            return any(position not in self._gone for (position,) in events)

    @property
    def holds_damaged_rows(self) -> bool:
        """Whether rows of it were set aside."""
        with self._guard():
            return self._db().execute("SELECT 1 FROM damaged LIMIT 1").fetchone() is not None

    def began_ms(self) -> int:
        """When it was made, in running time; 0 when it does not say so."""
        with self._guard():
            found = self._db().execute("SELECT max(ms) FROM began").fetchone()[0]
            return found if isinstance(found, int) else 0

    def newest_ms(self) -> int | None:
        """When what waits here was appended last, in running time; None when nothing waits, or it cannot be read."""
        with self._guard():
            columns = self._db().execute("SELECT * FROM waiting ORDER BY position DESC LIMIT 1").fetchone()
            row = rows.checked(columns) if columns is not None else None
            return row.appended_ms if isinstance(row, Row) else None

    def last_position(self) -> int:
        """The highest position of what waits, of those that can be in this file; 0 when nothing does."""
        with self._guard():
            query = "SELECT coalesce(max(position), 0) FROM waiting WHERE position < ?"
            last: int = self._db().execute(query, ((self.number + 1) << NUMBER_BITS,)).fetchone()[0]
            return last

    def heads(self) -> list[Head]:
        """The heads that are in it and whole."""
        with self._guard():
            return segment_file.get_heads(self._db())

    def read(self, limit: int | None = None, skip: Collection[int] = (), after: int = 0) -> list[Row | DamagedRow]:
        """The oldest rows behind a position that are not delivered and not to be skipped."""
        with self._guard():
            found = self._db().execute("SELECT * FROM waiting WHERE position > ? ORDER BY position", (after,))
            left = (columns for columns in found if columns[0] not in skip and columns[0] not in self._gone)
            return [rows.checked(columns) for columns in islice(left, limit)]

    def gaps(self, before: int) -> list[Row]:
        """The gaps at positions before this one."""
        return self._gaps("position < ?", (before,))

    def gap_at(self, station: str, source: str, boot: int, seq: int) -> Row | None:
        """The gap that ends with this event, if there is one."""
        found = self._gaps("station = ? AND source = ? AND boot = ? AND seq = ?", (station, source, boot, seq))
        return found[-1] if found else None

    def write(
        self,
        new: Iterable[Row],
        known: Iterable[Head] = (),
        *,
        instead_of: Iterable[int] = (),
        set_aside: Collection[int] = (),
    ) -> None:
        """Put rows in, and heads, in the place of others: all or nothing, on disk when this returns.

        What is set aside is kept, where nobody looks for what waits.
        """
        before = self._waiting, self.waiting_bytes
        try:
            with self._transaction() as db:
                db.executemany(_SET_ASIDE, ((position,) for position in set_aside))
                for position in (*instead_of, *set_aside):
                    self._delete(db, position)
                for row in new:
                    db.execute(_PUT, rows.columns_of(row))
                    self._waiting += 1
                    self.waiting_bytes += row.size_bytes
                segment_file.put_heads(db, known)
        except BaseException:
            self._waiting, self.waiting_bytes = before
            raise

    def let_go(self, positions: Iterable[int]) -> None:
        """These are delivered: they do not wait any more."""
        db = self._db()
        with self._guard():
            for position in positions:
                size = db.execute("SELECT length(value) FROM waiting WHERE position = ?", (position,)).fetchone()
                if size is not None and position not in self._gone:
                    self._gone.add(position)
                    self._waiting -= 1
                    self.waiting_bytes -= (size[0] or 0) + rows.ROW_BYTES

    def forget_gone(self) -> bool:
        """Delete what was let go; False when the disk refuses, and then it is tried again the next time.

        Not synced: the next `write` does that too, and all that a power cut can do is to have them delivered again.
        """
        if not self._gone:
            return True
        try:
            with self._transaction(synchronous="NORMAL") as db:
                db.executemany("DELETE FROM waiting WHERE position = ?", ((position,) for position in self._gone))
        except DiskRefuses:
            return False
        self._gone.clear()
        return True

    def tidy(self) -> None:
        """Take the log over into the file, and make it short."""
        with suppress(DiskRefuses), self._guard():
            self._db().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _gaps(self, condition: str, values: tuple[int | str, ...]) -> list[Row]:
        """Gaps, the damaged ones too as far as they can be read."""
        with self._guard():
            query = f"SELECT * FROM waiting WHERE first_missing > 0 AND {condition} ORDER BY position"  # noqa: S608  ours
            found = map(rows.checked, self._db().execute(query, values).fetchall())
            return [gap for row in found if (gap := legible(row)) is not None and row.position not in self._gone]

    def _delete(self, db: sqlite3.Connection, position: int) -> None:
        for (length,) in db.execute("DELETE FROM waiting WHERE position = ? RETURNING length(value)", (position,)):
            if position not in self._gone:
                self._waiting -= 1
                self.waiting_bytes -= (length or 0) + rows.ROW_BYTES

    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            if not self.path.exists():
                raise SegmentDamaged(self, "it is gone")
            with self._guard():
                self._connection = segment_file.connect(self.path, self._wal_pages)
                counted = self._connection.execute("SELECT count(*), coalesce(sum(length(value)), 0) FROM waiting")
                self._waiting, value_bytes = counted.fetchone()
                self.waiting_bytes = value_bytes + self._waiting * rows.ROW_BYTES
            self.is_known = True
            gone, self._gone = self._gone, set()
            self.let_go(gone)
        return self._connection

    @contextmanager
    def _transaction(self, synchronous: str = "FULL") -> Iterator[sqlite3.Connection]:
        """All of it or nothing; with FULL it is on disk at the end."""
        db = self._db()
        with self._guard():
            db.execute(f"PRAGMA synchronous = {synchronous}")
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    with suppress(sqlite3.Error):
                        db.execute("ROLLBACK")
                raise

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Errors of SQLite, as what they mean."""
        try:
            yield
        except SqliteErrors as error:
            if is_damage(error):
                raise SegmentDamaged(self, str(error)) from error
            raise DiskRefuses(f"{self.path}: {error}") from error
