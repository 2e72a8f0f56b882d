"""The gateway's spool: what it has taken is on stable storage, and stays there until it is delivered.

    spool.append(events)         on disk when it returns; only then may the device hear that they were taken
    spool.take(limit)            what to send next, oldest first
    spool.delivered(positions)   the broker has acknowledged them: let go
    spool.give_back()            the uplink broke: what was taken and not delivered waits again

An SQLite file in WAL mode with `synchronous=FULL`: every append is one transaction and one fsync of the log, so kill -9
and power loss take nothing that `append` has returned for, and at most repeat what was delivered just before. Append in
groups: an fsync costs a few milliseconds on a good card, whatever the number of events.

The spool is bounded by bytes and by age. What does not fit pushes out the oldest, and a `gap_detected` takes its place:
in order, under the identity of the last event that it stands for, until it is delivered itself. So it is known exactly
what may be missing; what was dropped while its delivery report was on its way is declared too, and is there.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from edge.spool_file import count_boot, open_file, set_aside
from sipe.contracts.codec import encode
from sipe.contracts.events import GapDetected, StationEvent
from sipe.errors import SipeError

ROW_BYTES = 100
"""About what an event takes on disk beside its own bytes."""
DAY_MS = 86_400_000

_OLDEST_EVENT = """
SELECT position, station, source, boot, seq, ts_ms, appended_ms FROM waiting
WHERE first_missing = 0 ORDER BY position LIMIT 1
"""
_GAP_OF = """
SELECT position, first_missing FROM waiting WHERE station = ? AND source = ? AND boot = ? AND first_missing > 0
"""


@dataclass(frozen=True, kw_only=True)
class SpoolLimits:
    """How much may wait, and for how long."""

    bytes_max: int = 256_000_000
    age_ms_max: int = 30 * DAY_MS
    """In time that the gateway is running: a clock that is set, or a winter in a drawer, makes nothing old."""


class Waiting(NamedTuple):
    """An event that waits to be delivered: send `value` under the key `station`."""

    position: int
    station: str
    value: bytes


class _Event(NamedTuple):
    """What of a waiting event has to be known to drop it."""

    position: int
    station: str
    source: str
    boot: int
    seq: int
    ts_ms: int
    appended_ms: int


class Spool:
    """The events of one gateway that are not delivered yet; for one thread, and one process at a time."""

    def __init__(
        self,
        directory: Path,
        limits: SpoolLimits | None = None,
        *,
        monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        """Open the spool, or make a new one; a file that is damaged is set aside and counted in `set_aside`.

        Raises `SipeError` when the directory cannot be used, or a newer version has written it.
        """
        self._limits = limits or SpoolLimits()
        self._monotonic_ms = monotonic_ms
        self._path = directory / "spool.sqlite3"
        self._seqs: dict[tuple[str, str], int] = {}
        self._taken: set[int] = set()
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.boot = count_boot(directory / "boot")
            self._db = open_file(self._path)
        except (OSError, sqlite3.Error) as error:
            raise SipeError(
                f"the spool {directory} cannot be used: {error}; does another gateway run on it?"
            ) from error
        self.set_aside = len(set_aside(self._path))
        self._bytes = self._one(f"SELECT coalesce(sum(length(value) + {ROW_BYTES}), 0) FROM waiting")  # noqa: S608
        self._last_position = self._one("SELECT coalesce(max(position), 0) FROM waiting")
        self._began_ms = monotonic_ms() - self._one("SELECT coalesce(max(appended_ms), 0) FROM waiting")

    @property
    def waiting_bytes(self) -> int:
        """How much waits, as it is counted against the limit."""
        return self._bytes

    def next_identity(self, station: str, source: str) -> tuple[int, int]:
        """(boot, seq) of the next event that the gateway itself makes for a source; never given twice.

        `boot` grows at each start, whatever was lost before.
        """
        seq = self._seqs[station, source] = self._seqs.get((station, source), 0) + 1
        return self.boot, seq

    def append(self, events: Sequence[StationEvent]) -> int:
        """Take events in, for good when this returns; returns how many were new.

        An event whose (boot, seq) is not above the last of its station and source was taken before: it is left out, and
        may be acknowledged again. Raises `SipeError` when the disk takes nothing; then nothing was taken.
        """
        now_ms = self._running_ms()
        with self._transaction():
            new = sum(self._append(event, now_ms) for event in events)
            self._drop(now_ms)
        return new

    def trim(self) -> None:
        """Drop what has grown too old; `append` does it too."""
        with self._transaction():
            self._drop(self._running_ms())

    def take(self, limit: int = 500) -> list[Waiting]:
        """What waits and was not taken yet, oldest first."""
        rows = self._db.execute(
            "SELECT position, station, value FROM waiting ORDER BY position LIMIT ?", (limit + len(self._taken),)
        )
        found = [Waiting(*row) for row in rows if row[0] not in self._taken][:limit]
        self._taken.update(row.position for row in found)
        return found

    def give_back(self) -> None:
        """Whatever was taken and not delivered waits again, and may be sent again."""
        self._taken.clear()

    def delivered(self, positions: Iterable[int]) -> None:
        """Let go of what the broker has acknowledged; what is gone already is fine."""
        with self._transaction():
            for position in positions:
                self._delete(position)

    def close(self) -> None:
        """Close the file. Not needed for safety: a killed spool holds the same."""
        self._db.close()

    def _append(self, event: StationEvent, now_ms: int) -> bool:
        head = self._db.execute(
            "SELECT boot, seq FROM heads WHERE station = ? AND source = ?", (event.station, event.source)
        ).fetchone()
        if head is not None and (event.boot, event.seq) <= head:
            return False
        who = event.station, event.source, event.boot, event.seq
        self._db.execute("INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?)", who)
        self._last_position += 2 - self._last_position % 2  # never one that was used: its delivery report may yet come
        self._insert(self._last_position, event, 0, now_ms)
        return True

    def _insert(self, position: int, event: StationEvent, first_missing: int, now_ms: int) -> None:
        value = encode(event)
        row = event.station, event.source, event.boot, event.seq, event.ts_ms, first_missing, now_ms, value
        self._db.execute("INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (position, *row))
        self._bytes += len(value) + ROW_BYTES

    def _delete(self, position: int) -> None:
        deleted = self._db.execute("DELETE FROM waiting WHERE position = ? RETURNING length(value)", (position,))
        for (length,) in deleted.fetchall():
            self._bytes -= length + ROW_BYTES
        self._taken.discard(position)

    def _drop(self, now_ms: int) -> None:
        """Put gaps in the place of the oldest events until the rest is small and young enough; no gap is dropped."""
        old_ms = now_ms - self._limits.age_ms_max
        while row := self._db.execute(_OLDEST_EVENT).fetchone():
            oldest = _Event(*row)
            if self._bytes <= self._limits.bytes_max and oldest.appended_ms >= old_ms:
                return
            self._replace(oldest, now_ms)

    def _replace(self, event: _Event, now_ms: int) -> None:
        """Drop an event and declare it, in one gap with what was dropped before it of the same boot."""
        gap = self._db.execute(_GAP_OF, (event.station, event.source, event.boot)).fetchone()
        if gap is not None:
            self._delete(gap[0])
        self._delete(event.position)
        first_missing = gap[1] if gap is not None else event.seq
        declared = GapDetected(
            station=event.station, source=event.source, boot=event.boot, seq=event.seq, ts_ms=event.ts_ms,
            first_missing=first_missing, last_missing=event.seq,
        )  # fmt: skip
        self._insert(event.position + 1, declared, first_missing, now_ms)

    def _running_ms(self) -> int:
        """How long gateways have been running on this spool, as far as it knows; a clock that nobody can set."""
        return self._monotonic_ms() - self._began_ms

    def _one(self, query: str) -> int:
        value: int = self._db.execute(query).fetchone()[0]
        return value

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing, on disk at the end."""
        before = self._bytes
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            self._bytes = before
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise SipeError(f"the spool {self._path} took nothing: {error}; is the disk full?") from error
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
