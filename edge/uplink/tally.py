"""What became of each event that has left a station's spool: by hour, as runs of numbers, in a file of its own.

It is what `sipe gateway reconcile` holds against the office's store. What left is noted before the spool lets go of it,
so an event is in one of the two at any moment; noted twice is noted once. A file that is damaged is set aside, and one
that cannot be written holds nothing up: results have to get through, and the disk has to get room again.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from edge.spool.errors import SqliteErrors, is_damage
from edge.spool.segment_file import damage
from edge.uplink.outbox import Waiting
from sipe.errors import SipeError

HOUR_MS = 3_600_000
KEEP_MS = 92 * 24 * HOUR_MS
UNNOTED_MAX = 1_000
"""So many runs are kept in memory while the disk takes nothing."""

Outcome = Literal["taken", "refused", "declared"]
"""The office has it in Kafka; the office will never take it; it is lost, and a gap that says so is in Kafka."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    source TEXT NOT NULL, boot INTEGER NOT NULL, hour_ms INTEGER NOT NULL, outcome TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (source, boot, hour_ms, outcome, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS began (ms INTEGER NOT NULL);
"""
_TAKE_TOUCHING = """
DELETE FROM runs WHERE source = ? AND boot = ? AND hour_ms = ? AND outcome = ? AND first <= ? + 1 AND last >= ? - 1
RETURNING first, last, at_ms
"""
_IN_HOURS = "SELECT * FROM runs WHERE hour_ms >= ? AND hour_ms < ? ORDER BY source, boot, first"

_log = logging.getLogger(__name__)


class Run(NamedTuple):
    """Numbers of one source without a gap between them, of events of one hour, that have left in the same way."""

    source: str
    boot: int
    hour_ms: int
    """When it began; that of the event's own time."""
    outcome: Outcome
    first: int
    last: int
    at_ms: int
    """When the last of them left."""


class Noting(Protocol):
    """What a courier notes in; a tally does."""

    def note(self, rows: Sequence[Waiting], outcome: Outcome) -> None:
        """These are about to leave the spool."""


class Tally:
    """The runs of one station; for any thread, and one process at a time."""

    def __init__(self, path: Path, wall_ms: Callable[[], int]) -> None:
        """Open the file, or make it anew; raises `SipeError` when neither can be done."""
        self._wall_ms = wall_ms
        self._lock = threading.Lock()
        self._unnoted: list[Run] = []
        self._pruned_hour_ms = 0
        try:
            self._db = _opened(path, wall_ms())
        except (OSError, sqlite3.Error) as error:
            raise SipeError(f"{path}: what was sent cannot be noted here: {error}") from error

    @property
    def began_ms(self) -> int:
        """What has left before that is noted nowhere."""
        with self._lock:
            found: int = self._db.execute("SELECT min(ms) FROM began").fetchone()[0]
        return found

    def note(self, rows: Sequence[Waiting], outcome: Outcome) -> None:
        """These are about to leave the spool. What the disk does not take now is noted with what comes next."""
        at_ms = self._wall_ms()
        with self._lock:
            self._unnoted += runs_of(rows, outcome, at_ms)
            try:
                self._write(at_ms)
            except sqlite3.Error as error:
                _log.error("what was sent could not be noted: %s", error)
                del self._unnoted[:-UNNOTED_MAX]

    def runs(self, from_ms: int, to_ms: int) -> list[Run]:
        """What has left of the hours that begin within this time; raises `SipeError`."""
        with self._lock:
            try:
                return [Run(*columns) for columns in self._db.execute(_IN_HOURS, (from_ms, to_ms))]
            except sqlite3.Error as error:
                raise SipeError(f"what was sent cannot be read back: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _write(self, now_ms: int) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for run in self._unnoted:
                self._join(run)
            if now_ms // HOUR_MS != self._pruned_hour_ms // HOUR_MS:
                self._db.execute("DELETE FROM runs WHERE at_ms < ?", (now_ms - KEEP_MS,))
        self._pruned_hour_ms = now_ms
        self._unnoted.clear()

    def _join(self, run: Run) -> None:
        """Put a run in, as one with those that it touches."""
        *who, first, last, at_ms = run
        for one in self._db.execute(_TAKE_TOUCHING, (*who, last, first)).fetchall():
            first, last, at_ms = min(first, one[0]), max(last, one[1]), max(at_ms, one[2])
        self._db.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", (*who, first, last, at_ms))


def runs_of(rows: Iterable[Waiting], outcome: Outcome, at_ms: int) -> list[Run]:
    """What waits, as runs; a gap that is taken declares all that it stands for."""
    runs: dict[tuple[str, int, int, Outcome], list[Run]] = {}
    for row in rows:
        came: Outcome = "declared" if row.first_missing and outcome == "taken" else outcome
        who = (row.source, row.boot, row.ts_ms - row.ts_ms % HOUR_MS, came)
        run = Run(*who, row.first_missing or row.seq, row.seq, at_ms)
        same = runs.setdefault(who, [])
        if same and same[-1].last + 1 == run.first:
            same[-1] = same[-1]._replace(last=run.last)
        else:
            same.append(run)
    return [run for same in runs.values() for run in same]


def _opened(path: Path, now_ms: int) -> sqlite3.Connection:
    try:
        return _connect(path, now_ms)
    except SqliteErrors as error:
        if not is_damage(error):
            raise
        aside = path.with_suffix(".damaged.sqlite3")
        path.replace(aside)
        for name in ("-wal", "-shm"):
            path.with_name(path.name + name).unlink(missing_ok=True)
        _log.error("%s is damaged, and set aside as %s: %s", path, aside, error)
        return _connect(path, now_ms)


def _connect(path: Path, now_ms: int) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise damage("its pages do not fit together")
        db.executescript(_SCHEMA)
        db.execute("INSERT INTO began SELECT ? WHERE NOT EXISTS (SELECT 1 FROM began)", (now_ms,))
    except BaseException:
        db.close()
        raise
    return db
