"""The spool of a gateway: what its threads share."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from edge.spool.boots import count_boot
from edge.spool.directory import prepare
from edge.spool.errors import DiskRefuses, NotTaken
from edge.spool.group_commit import Call, GroupCommit
from edge.spool.heads import Key, Number
from edge.spool.limits import SpoolLimits, SpoolStatus
from edge.spool.quarantine import damaged_files
from edge.spool.room import Room
from edge.spool.rows import Row
from edge.spool.store import Store
from sipe.contracts.event_classes import EventClass
from sipe.contracts.events import StationEvent
from sipe.errors import SipeError

_log = logging.getLogger(__name__)


class Waiting(NamedTuple):
    """An event that waits to be delivered: send `value` under the key `station`."""

    position: int
    station: str
    value: bytes


class Spool:
    """The events of one gateway that are not delivered yet; for any thread, and one process at a time.

    The events of one source have to come from one thread at a time, or they may change places.
    """

    def __init__(
        self,
        directory: Path,
        limits: SpoolLimits | None = None,
        *,
        monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        """Open the spool, or make a new one. What is damaged is set aside and counted, and never keeps it from opening.

        Raises `SipeError` when the directory cannot be used, or a newer version has written it.
        """
        limits = limits or SpoolLimits()
        self._directory = directory.absolute()
        self._monotonic_ms = monotonic_ms
        self._file_lock = prepare(self._directory)
        try:
            self._store = Store(self._directory, limits)
        except BaseException:
            self._file_lock.close()
            raise
        self._room = Room(self._store, self._directory, limits)
        self._began_ms = monotonic_ms() - self._store.known_ms
        self._thread_lock = threading.RLock()
        self._group = GroupCommit(self._commit)
        self._is_open = True
        self._boot: int | None = None
        self._known_boot = self._store.last_boot
        self._seqs: dict[tuple[str, str], int] = {}
        self._taken: set[int] = set()
        self._refused = 0
        self._full: set[EventClass] = set()

    @property
    def boot(self) -> int:
        """Which start of the gateway this is; it grows, whatever was lost before. Raises `SipeError` on a full disk."""
        with self._use():
            if self._boot is None:
                self._boot = count_boot(self._directory, self._known_boot)
            return self._boot

    @property
    def set_aside(self) -> int:
        """How many damaged files there are, for somebody to look at and to delete."""
        return len(damaged_files(self._directory))

    @property
    def waiting_bytes(self) -> int:
        """How much waits, as it is counted against the limits; 0 when nothing does."""
        with self._use():
            return self._store.waiting_bytes

    @property
    def status(self) -> SpoolStatus:
        """What a status page shows."""
        with self._use():
            return SpoolStatus(
                traceability_bytes=self._store.kept.waiting_bytes,
                telemetry_bytes=self._store.telemetry.waiting_bytes,
                is_full=bool(self._full),
                refused=self._refused,
                dropped=self._room.dropped,
                damaged_rows=self._store.damaged_rows,
                damaged_files=self.set_aside + self._store.missing_files,
                segments=self._store.segments,
            )

    def next_identity(self, station: str, source: str) -> tuple[int, int]:
        """(boot, seq) of the next event that the gateway itself makes for a source; never given twice."""
        with self._use():
            boot = self.boot
            seq = self._seqs[station, source] = self._seqs.get((station, source), 0) + 1
            return boot, seq

    def append(self, events: Sequence[StationEvent]) -> int:
        """Take events in, for good when this returns; returns how many were new.

        An event whose (boot, seq) is not above the last of its station, source and class was taken before: it is left
        out, and may be acknowledged again. Raises `NotTaken` when what is never dropped has no room, or the disk takes
        nothing: keep all of them then, and append them again before any later ones of their sources.
        """
        return self._group.append(events)

    def trim(self) -> None:
        """Drop the telemetry that has grown too old; `append` does it too. Raises `NotTaken` when the disk refuses."""
        self.append(())

    def take(self, limit: int = 500) -> list[Waiting]:
        """What waits and was not taken yet, oldest first; raises `SipeError` where no file can be opened any more."""
        with self._use():
            rows = self._store.endure(lambda: self._store.read(limit, self._taken))
            self._taken.update(row.position for row in rows)
        return [Waiting(row.position, row.station, row.message) for row in rows]

    def read(self, after: int, limit: int) -> list[Row]:
        """What waits behind a position, oldest first, taken or not; nothing is changed by that."""
        with self._use():
            return self._store.endure(lambda: self._store.read(limit, (), after))

    def boots(self) -> dict[str, int]:
        """Of each source that anything was ever taken of, its newest boot."""
        with self._use():
            return self._store.boots

    def new_boot(self) -> None:
        """What is numbered here from now on is of a newer boot than all before. Raises `SipeError` on a full disk."""
        with self._use():
            self._boot = count_boot(self._directory, self.boot)
            self._seqs.clear()

    def give_back(self) -> None:
        """Whatever was taken and not delivered waits again, and may be sent again."""
        with self._use():
            self._taken.clear()

    def delivered(self, positions: Iterable[int]) -> None:
        """Let go of what the broker has acknowledged; what is gone already is fine.

        Raises `SipeError` where no file can be opened any more; then `give_back`, and what was delivered is sent again.
        """
        gone = set(positions)
        with self._use():
            self._store.endure(lambda: self._store.let_go(gone))
            self._taken -= gone

    def close(self) -> None:
        """Close the files. Not needed for safety: a killed spool holds the same."""
        with self._thread_lock:
            self._is_open = False
            self._store.close()
            self._file_lock.close()

    def _commit(self, calls: Sequence[Call]) -> None:
        with self._use():
            self._answer(calls)

    def _answer(self, calls: Sequence[Call]) -> None:
        """Take in what these calls append; one by one when that is refused, as it may be one that is too big."""
        taken: dict[Key, Number] = {}
        new: set[EventClass] = set()
        for call in calls:
            classes = self._store.classes_of_new(call.events, taken)
            call.new = len(classes)
            new.update(classes)
        events = [event for call in calls for event in call.events]
        try:
            self._take_in(events)
        except NotTaken as error:
            if len(calls) == 1:
                calls[0].error = error
                self._note_refused(events, error)
            else:
                for call in calls:
                    self._answer([call])
        else:
            self._note_taken(new)

    def _take_in(self, events: Sequence[StationEvent]) -> None:
        """All of them; what there is no room for at first, again once there may be."""

        def once() -> None:
            self._store.endure(lambda: self._room.take_in(self._store.arrivals(events), self._running_ms()))

        try:
            try:
                once()
            except DiskRefuses:
                self._store.endure(lambda: self._room.free_disk(self._running_ms()))
                once()
        except DiskRefuses as error:
            raise NotTaken(f"the spool {self._directory} took nothing: {error}; is the disk full?") from error

    def _note_refused(self, events: Sequence[StationEvent], error: NotTaken) -> None:
        refused = self._store.classes_of_new(events, {})
        self._refused += len(refused)
        if not self._full:
            _log.error("the spool is full", extra={"path": str(self._directory), "error": str(error)})
        self._full |= set(refused)

    def _note_taken(self, new: set[EventClass]) -> None:
        was_full = bool(self._full)
        self._full -= new
        if was_full and not self._full:
            _log.warning("the spool takes everything again", extra={"path": str(self._directory)})

    def _running_ms(self) -> int:
        """How long gateways have been running on this spool, as far as it knows; a clock that nobody can set."""
        return self._monotonic_ms() - self._began_ms

    @contextmanager
    def _use(self) -> Iterator[None]:
        """One thread at a time, while it is open."""
        with self._thread_lock:
            if not self._is_open:
                raise SipeError(f"the spool {self._directory} is closed")
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
