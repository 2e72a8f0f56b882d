"""What a spool has on disk: a chain of segments for each class, and what was taken last of each source.

Both chains go on to a new segment at the same time and under the same number. Positions begin with that number, so they
tell the order of events over both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from edge.spool import segment_file
from edge.spool.chain import Chain, numbers_in, segment_path
from edge.spool.errors import DiskRefuses, SegmentDamaged
from edge.spool.heads import Head, Key, Number, advance
from edge.spool.limits import SpoolLimits
from edge.spool.rows import ROW_BYTES, Row, gaps_for
from edge.spool.segment import NUMBER_BITS, Segment
from edge.spool.segment_file import PAGE_BYTES
from sipe.contracts.codec import encode
from sipe.contracts.event_classes import EventClass, class_of
from sipe.contracts.events import StationEvent

Done = TypeVar("Done")


class Arrival(NamedTuple):
    """An event that was not taken before, and its bytes."""

    event: StationEvent
    event_class: EventClass
    value: bytes

    @property
    def size_bytes(self) -> int:
        """How much it will count against a limit."""
        return len(self.value) + ROW_BYTES


class Store:
    """Both chains, for one thread. How much may wait in all is the business of the caller.

    What writes raises `DiskRefuses`; what meets a damaged segment raises `SegmentDamaged`, which `endure` handles.
    """

    def __init__(self, directory: Path, limits: SpoolLimits) -> None:
        self._directory = directory
        self._limits = limits
        wal_pages = max(16, min(1_000, limits.segment_bytes_max // PAGE_BYTES // 4))
        self.kept = Chain(directory, "traceability", wal_pages)
        self.telemetry = Chain(directory, "telemetry", wal_pages)
        self._chains: dict[EventClass, Chain] = {chain.event_class: chain for chain in (self.kept, self.telemetry)}
        self._heads: dict[Key, Head] = {}
        self._last_position = max(numbers_in(directory, damaged=True), default=0) << NUMBER_BITS
        self.known_ms = 0
        """The running time at which something was taken last."""
        try:
            for chain in self._chains.values():
                self.endure(partial(self._recall, chain))
        except BaseException:
            self.close()
            raise

    @property
    def waiting_bytes(self) -> int:
        """How much waits, of both classes."""
        return sum(chain.waiting_bytes for chain in self._chains.values())

    @property
    def damaged_rows(self) -> int:
        """How many rows were set aside since the start."""
        return sum(chain.damaged_rows for chain in self._chains.values())

    @property
    def missing_files(self) -> int:
        """How many files went away since the start that nobody here deleted."""
        return sum(chain.missing_files for chain in self._chains.values())

    @property
    def last_boot(self) -> int:
        """The highest boot of any source that is known of; 0 when there is none."""
        return max((head.boot for head in self._heads.values()), default=0)

    @property
    def segments(self) -> int:
        """How many files there are."""
        return sum(len(chain.segments) for chain in self._chains.values())

    def endure(self, work: Callable[[], Done]) -> Done:
        """Do this, and again without each segment that turns out to be damaged."""
        while True:
            try:
                return work()
            except SegmentDamaged as damaged:
                self._chains[damaged.segment.event_class].set_aside(damaged.segment, str(damaged))

    def classes_of_new(self, events: Iterable[StationEvent], taken: dict[Key, Number]) -> list[EventClass]:
        """Of those that were not taken before; `taken` is what is about to be, and grows."""
        return [event_class for _, event_class in self._new(events, taken)]

    def arrivals(self, events: Iterable[StationEvent]) -> list[Arrival]:
        """Those of these events that were not taken before."""
        return [Arrival(event, event_class, encode(event)) for event, event_class in self._new(events, {})]

    def put(self, new: Iterable[Arrival], now_ms: int, *, telemetry_fits: bool = True) -> None:
        """Take these in, for good when it returns; gaps in the place of telemetry when that does not fit.

        When the disk refuses one class, the other may have been taken: the next `arrivals` know.
        """
        kept, telemetry = self.current(now_ms)
        rows: dict[EventClass, list[Row]] = {event_class: [] for event_class in self._chains}
        heads: dict[Key, Head] = {}
        for arrival in new:
            row = self._row(arrival, heads, now_ms)
            rows[arrival.event_class].append(row)
            head = Head(row.station, row.source, arrival.event_class, row.boot, row.seq, row.position, now_ms)
            heads[head.key] = head
        if telemetry_fits:
            for segment, event_class in zip((kept, telemetry), self._chains, strict=True):
                own = [head for head in heads.values() if head.event_class == event_class]
                self._write(segment, rows[event_class], own)
        else:
            before = self._gaps_before(kept, rows["telemetry"])
            gaps = gaps_for([*before, *rows["telemetry"]])
            self._write(kept, [*rows["traceability"], *gaps], list(heads.values()), instead_of=before)

    @property
    def boots(self) -> dict[str, int]:
        """The newest boot of each source."""
        boots: dict[str, int] = {}
        for head in self._heads.values():
            boots[head.source] = max(boots.get(head.source, 0), head.boot)
        return boots

    def read(self, limit: int, skip: Collection[int], after: int = 0) -> list[Row]:
        """The oldest behind a position that wait and are not to be skipped, in the order in which they came."""
        found = (chain.read(limit, skip, after) for chain in self._chains.values())
        return list(islice(merge(*found, key=lambda row: row.position), limit))

    def measure(self) -> None:
        """Know how much waits, and not about how much."""
        for chain in self._chains.values():
            chain.measure()

    def let_go(self, positions: Collection[int]) -> None:
        """These are delivered; those that are gone already are fine."""
        for chain in self._chains.values():
            chain.let_go(positions)

    def current(self, now_ms: int) -> tuple[Segment, Segment]:
        """The segments that are appended to, traceability and telemetry; new ones where it is time for that."""
        kept, telemetry = self.kept.newest, self.telemetry.newest
        number = self._last_position >> NUMBER_BITS
        if kept is None or telemetry is None or not kept.number == telemetry.number == number:
            return self.go_on(now_ms)
        waiting_bytes = max(kept.waiting_bytes, telemetry.waiting_bytes)
        old_ms = now_ms - self._limits.segment_age_ms_max
        if waiting_bytes >= self._limits.segment_bytes_max or kept.began_ms() <= old_ms:
            return self.go_on(now_ms)
        return kept, telemetry

    def go_on(self, now_ms: int) -> tuple[Segment, Segment]:
        """New segments, under a number that was never used."""
        used = max(numbers_in(self._directory, damaged=True), default=0)
        number = max(used, self._last_position >> NUMBER_BITS) + 1
        paths = [segment_path(self._directory, event_class, number) for event_class in self._chains]
        try:
            for path in paths:
                segment_file.create(path, self._heads.values(), now_ms)
        except (OSError, sqlite3.Error) as error:
            for path in paths:
                path.unlink(missing_ok=True)
            raise DiskRefuses(f"{self._directory}: {error}") from error
        self._last_position = number << NUMBER_BITS
        made = self.kept.add(number), self.telemetry.add(number)
        for chain in self._chains.values():
            chain.seal()
        return made

    def close(self) -> None:
        """Close all files."""
        for chain in self._chains.values():
            chain.close()

    def _new(
        self, events: Iterable[StationEvent], taken: dict[Key, Number]
    ) -> Iterator[tuple[StationEvent, EventClass]]:
        for event in events:
            event_class = class_of(event)
            key, number = (event.station, event.source, event_class), (event.boot, event.seq)
            head = self._heads.get(key)
            before = taken.get(key) or (head.number if head else None)
            if before is None or number > before:
                taken[key] = number
                yield event, event_class

    def _row(self, arrival: Arrival, heads: Mapping[Key, Head], now_ms: int) -> Row:
        """The next row; `heads` are those that this write has already advanced."""
        self._last_position += 2
        event = arrival.event
        who = event.station, event.source
        known = [heads.get(key) or self._heads.get(key) for key in ((*who, name) for name in self._chains)]
        prev_seq = max((head.seq for head in known if head is not None and head.boot == event.boot), default=0)
        number = self._last_position, *who, event.boot, event.seq
        return Row(*number, event.ts_ms, 0, now_ms, arrival.value, prev_seq)

    def _gaps_before(self, segment: Segment, rows: Iterable[Row]) -> list[Row]:
        """The gaps that these rows follow, to go on with."""
        before = {(row.station, row.source, row.boot, row.prev_seq) for row in rows}
        return [gap for who in sorted(before) if (gap := segment.gap_at(*who)) is not None]

    def _write(
        self, segment: Segment, rows: Sequence[Row], heads: Sequence[Head], instead_of: Iterable[Row] = ()
    ) -> None:
        if rows:
            segment.write(rows, heads, instead_of=[row.position for row in instead_of])
            advance(self._heads, heads)

    def _recall(self, chain: Chain) -> None:
        """Take in what the newest segment knows of the time before."""
        if chain.newest is None:
            return
        heads = chain.newest.heads()
        advance(self._heads, heads)
        self._last_position = max([self._last_position, chain.newest.last_position(), *(h.position for h in heads)])
        self.known_ms = max([self.known_ms, chain.newest.newest_ms() or 0, *(head.taken_ms for head in heads)])
