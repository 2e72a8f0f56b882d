"""The segments of one class, oldest first: what is wholly delivered is deleted, what is damaged is set aside."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from edge.spool import quarantine
from edge.spool.errors import DiskRefuses
from edge.spool.rows import DamagedRow, Row
from edge.spool.segment import NUMBER_BITS, Segment
from sipe.contracts.event_classes import EventClass

_log = logging.getLogger(__name__)
_NAME = re.compile(r"(?P<event_class>[a-z]+)-(?P<number>\d{10})(?P<damaged>\.damaged)?\.sqlite3")


def segment_path(directory: Path, event_class: EventClass, number: int) -> Path:
    """Where a segment is. Numbers grow and are never used again, so no clock decides which is older."""
    return directory / f"{event_class}-{number:010}.sqlite3"


def numbers_in(directory: Path, event_class: EventClass | None = None, *, damaged: bool = False) -> list[int]:
    """The numbers of the segments in a directory, of one class or of all, ascending; those set aside when asked for."""
    names = [match for path in directory.iterdir() if (match := _NAME.fullmatch(path.name))]
    wanted = (name for name in names if event_class in (None, name["event_class"]) and (damaged or not name["damaged"]))
    return sorted({int(name["number"]) for name in wanted})


class Chain:
    """The segments of one class. Methods raise `SegmentDamaged`, upon which somebody sets it aside and asks again."""

    def __init__(self, directory: Path, event_class: EventClass, wal_pages: int) -> None:
        self._directory = directory
        self._wal_pages = wal_pages
        self.event_class = event_class
        self.damaged_rows = 0
        """How many rows with a wrong checksum were found since the start."""
        self.missing_files = 0
        """How many files were found to be gone since the start."""
        self.segments = [self._segment(number) for number in numbers_in(directory, event_class)]

    @property
    def newest(self) -> Segment | None:
        """The one that is appended to, unless it is of an older number than that of the other class."""
        return self.segments[-1] if self.segments else None

    @property
    def waiting_bytes(self) -> int:
        """How much waits; about, as far as segments were not opened."""
        return sum(segment.waiting_bytes for segment in self.segments)

    def add(self, number: int) -> Segment:
        """The segment of a file that was just made; from now on it is the newest."""
        made = self._segment(number)
        made.waiting_bytes = 0
        self.segments.append(made)
        return made

    def seal(self) -> None:
        """Close what is not the newest any more, or delete it when nothing waits in it."""
        for segment in self.segments[-2:-1]:
            if not self._remove_if_done(segment):
                segment.close()

    def find(self, position: int) -> Segment | None:
        """Where a position is, if it is there at all: gaps move up to the next segment when theirs is deleted."""
        return self.from_number(position >> NUMBER_BITS)

    def from_number(self, number: int) -> Segment | None:
        """The oldest segment with this number or a higher one."""
        return next((segment for segment in self.segments if segment.number >= number), None)

    def measure(self) -> None:
        """Count what waits in the segments that were not opened yet."""
        for segment in self.segments.copy():
            if not segment.is_known:
                segment.open()
                segment.close()

    def read(self, limit: int, skip: Collection[int], after: int = 0) -> list[Row]:
        """The oldest rows behind a position that wait and are not to be skipped; damaged ones are moved aside."""
        found: list[Row] = []
        for segment in self.segments.copy():
            if segment.number < after >> NUMBER_BITS:
                continue
            if len(found) >= limit:
                break
            self._set_rows_aside(segment, limit - len(found), skip, after)
            found += (row for row in segment.read(limit - len(found), skip, after) if isinstance(row, Row))
            self._remove_if_done(segment)
        return found

    def let_go(self, positions: Iterable[int]) -> None:
        """These are delivered; a segment of which all is, and that is not the newest, is deleted at once."""
        of_segment: dict[Segment, list[int]] = {}
        for position in positions:
            segment = self.find(position)
            if segment is not None and segment.is_known:  # else nothing was taken from it
                of_segment.setdefault(segment, []).append(position)
        for segment, own in of_segment.items():
            segment.let_go(own)
            if not self._remove_if_done(segment):
                segment.forget_gone()

    def remove(self, segment: Segment) -> None:
        """Delete a segment. If the disk refuses that, it comes back with the next start and is delivered again."""
        if segment.holds_damaged_rows:
            self.set_aside(segment, "rows in it are damaged")
            return
        self.segments.remove(segment)
        with suppress(OSError):
            for path in segment.files():
                path.unlink()
        segment.close()

    def set_aside(self, segment: Segment, reason: str) -> None:
        """Rename a segment so that it is not looked at any more; it may be gone."""
        if segment not in self.segments:
            return
        self.segments.remove(segment)
        segment.close()
        if not segment.path.exists():
            self.missing_files += 1
            _log.error("a file of the spool is gone", extra={"path": str(segment.path)})
            return
        with suppress(OSError):  # then it is left out until the next start
            quarantine.set_aside(segment.path, segment.path.with_suffix(f".damaged{segment.path.suffix}"), reason)

    def note_damaged(self, segment: Segment, damaged: Sequence[DamagedRow]) -> None:
        """These were set aside: count them, and say so."""
        self.damaged_rows += len(damaged)
        declared = sum(row.gap is not None for row in damaged)
        lost = f"{len(damaged)} rows have a wrong checksum; gaps are declared for {declared}"
        _log.error("rows of the spool are set aside", extra={"path": str(segment.path), "error": lost})

    def close(self) -> None:
        """Close all files."""
        for segment in self.segments:
            segment.close()

    def _segment(self, number: int) -> Segment:
        path = segment_path(self._directory, self.event_class, number)
        return Segment(path, number, self.event_class, self._wal_pages)

    def _set_rows_aside(self, segment: Segment, limit: int, skip: Collection[int], after: int) -> None:
        while damaged := [row for row in segment.read(limit, skip, after) if isinstance(row, DamagedRow)]:
            gaps = [row.gap for row in damaged if row.gap is not None]
            try:
                segment.write(gaps, set_aside=[row.position for row in damaged])
            except DiskRefuses:
                return  # they are in nobody's way but their own
            self.note_damaged(segment, damaged)

    def _remove_if_done(self, segment: Segment) -> bool:
        if segment.waiting or segment is self.newest:
            return False
        self.remove(segment)
        return True
