"""The spool of a gateway."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from edge.spool.boots import count_boot
from edge.spool.directory import damaged_files, prepare
from edge.spool.errors import DiskRefuses, NotTaken
from edge.spool.limits import SpoolLimits, SpoolStatus
from edge.spool.room import Room
from edge.spool.store import Store
from sipe.contracts.events import StationEvent


class Waiting(NamedTuple):
    """An event that waits to be delivered: send `value` under the key `station`."""

    position: int
    station: str
    value: bytes


class Spool:
    """The events of one gateway that are not delivered yet; for one thread at a time, and one process."""

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
        self._lock = prepare(self._directory)
        self._store = Store(self._directory, limits)
        self._room = Room(self._store, self._directory, limits)
        self._began_ms = monotonic_ms() - self._store.known_ms
        self._boot: int | None = None
        self._seqs: dict[tuple[str, str], int] = {}
        self._taken: set[int] = set()
        self._refused = 0
        self._is_full = False

    @property
    def boot(self) -> int:
        """Which start of the gateway this is; it grows, whatever was lost before. Raises `SipeError` on a full disk."""
        if self._boot is None:
            self._boot = count_boot(self._directory / "boot")
        return self._boot

    @property
    def set_aside(self) -> int:
        """How many damaged files there are, for somebody to look at and to delete."""
        return len(damaged_files(self._directory))

    @property
    def waiting_bytes(self) -> int:
        """How much waits, as it is counted against the limits; 0 when nothing does."""
        return self._store.waiting_bytes

    @property
    def status(self) -> SpoolStatus:
        """What a status page shows."""
        return SpoolStatus(
            traceability_bytes=self._store.kept.waiting_bytes,
            telemetry_bytes=self._store.telemetry.waiting_bytes,
            is_full=self._is_full,
            refused=self._refused,
            dropped=self._room.dropped,
            damaged_rows=self._store.damaged_rows,
            damaged_files=self.set_aside,
            segments=self._store.segments,
        )

    def next_identity(self, station: str, source: str) -> tuple[int, int]:
        """(boot, seq) of the next event that the gateway itself makes for a source; never given twice."""
        boot = self.boot
        seq = self._seqs[station, source] = self._seqs.get((station, source), 0) + 1
        return boot, seq

    def count_new(self, events: Iterable[StationEvent]) -> int:
        """How many of these events were not taken before."""
        return len(self._store.arrivals(events))

    def append(self, events: Sequence[StationEvent]) -> int:
        """Take events in, for good when this returns; returns how many were new.

        An event whose (boot, seq) is not above the last of its station, source and class was taken before: it is left
        out, and may be acknowledged again. Raises `NotTaken` when what is never dropped has no room, or the disk takes
        nothing: keep all of them then, and append them again.
        """
        new = self.count_new(events)
        try:
            try:
                self._take_in(events)
            except DiskRefuses:
                self._store.endure(lambda: self._room.free_disk(self._running_ms()))
                self._take_in(events)
        except (DiskRefuses, NotTaken) as error:
            self._is_full = True
            self._refused += self.count_new(events)
            if isinstance(error, NotTaken):
                raise
            raise NotTaken(f"the spool {self._directory} took nothing: {error}; is the disk full?") from error
        if new:
            self._is_full = False
        return new

    def trim(self) -> None:
        """Drop the telemetry that has grown too old; `append` does it too. Raises `NotTaken` when the disk refuses."""
        self.append(())

    def take(self, limit: int = 500) -> list[Waiting]:
        """What waits and was not taken yet, oldest first."""
        rows = self._store.endure(lambda: self._store.read(limit, self._taken))
        self._taken.update(row.position for row in rows)
        return [Waiting(row.position, row.station, row.message) for row in rows]

    def give_back(self) -> None:
        """Whatever was taken and not delivered waits again, and may be sent again."""
        self._taken.clear()

    def delivered(self, positions: Iterable[int]) -> None:
        """Let go of what the broker has acknowledged; what is gone already is fine."""
        gone = set(positions)
        self._store.endure(lambda: self._store.let_go(gone))
        self._taken -= gone

    def close(self) -> None:
        """Close the files. Not needed for safety: a killed spool holds the same."""
        self._store.close()
        self._lock.close()

    def _take_in(self, events: Sequence[StationEvent]) -> None:
        self._store.endure(lambda: self._room.take_in(self._store.arrivals(events), self._running_ms()))

    def _running_ms(self) -> int:
        """How long gateways have been running on this spool, as far as it knows; a clock that nobody can set."""
        return self._monotonic_ms() - self._began_ms

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
