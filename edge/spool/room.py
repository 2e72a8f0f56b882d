"""Who gets room: telemetry makes it, oldest first, and traceability is refused when there is none left.

Telemetry is pushed out by whole segments, which frees the disk. The gaps for it are put in place before: among the
traceability that was taken in at the same time, as they are never dropped either.

Telemetry leaves a reserve free, of what the spool may have and of the disk. When even that cannot be, as the disk is
filled by others or the spool by traceability, a gap is put in its place at the door.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edge.spool.errors import NotTaken
from edge.spool.limits import SpoolLimits
from edge.spool.rows import DamagedRow, gaps_for, legible
from edge.spool.segment import NUMBER_BITS
from edge.spool.store import Arrival, Store

SMALL_SHARE = 8
"""The current segment is not pushed out for its room while it holds less than this part of a full one."""


def free_bytes(directory: Path) -> int:
    """How much the disk has left for us."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


class Room:
    """Keeps a store within its limits."""

    def __init__(self, store: Store, directory: Path, limits: SpoolLimits) -> None:
        self._store = store
        self._directory = directory
        self._limits = limits
        self.dropped = 0
        """Events of telemetry in whose place a gap was put."""

    def take_in(self, new: Sequence[Arrival], now_ms: int) -> None:
        """Make room for these, and put them into the store; nothing is fine, too.

        Raises `NotTaken` when what is never dropped has no room; then none of them was taken.
        """
        kept_bytes, telemetry_bytes = self._sizes(new)
        if self._is_too_much(kept_bytes, telemetry_bytes):
            self._store.measure()
        while self._is_too_much(kept_bytes, telemetry_bytes) and self._may_push_out():
            self._push_out(now_ms)
        while self._is_too_old(now_ms):
            self._push_out(now_ms)
        waiting_bytes, bytes_max = self._store.waiting_bytes, self._limits.bytes_max
        if kept_bytes and waiting_bytes + kept_bytes > bytes_max:
            raise NotTaken(
                f"the spool {self._directory} is full: {waiting_bytes} of {bytes_max} bytes wait to be delivered, and "
                f"there is no room for {kept_bytes} bytes that are never dropped"
            )
        fits = not telemetry_bytes or not self._is_too_much(kept_bytes, telemetry_bytes)
        if new:
            self._store.put(new, now_ms, telemetry_fits=fits)
            self.dropped += 0 if fits else sum(arrival.event_class == "telemetry" for arrival in new)

    def free_disk(self, now_ms: int) -> None:
        """The disk refused: give back what can be given back."""
        for chain in (self._store.kept, self._store.telemetry):
            newest = chain.newest
            if newest is None:
                continue
            if not newest.waiting and not newest.forget_gone():
                chain.remove(newest)  # all is delivered, and there is no room to note it
            else:
                newest.tidy()
        if self._may_push_out():
            self._push_out(now_ms)

    def _sizes(self, new: Sequence[Arrival]) -> tuple[int, int]:
        """How much comes in, of traceability and of telemetry."""
        total_bytes = sum(arrival.size_bytes for arrival in new)
        telemetry_bytes = sum(arrival.size_bytes for arrival in new if arrival.event_class == "telemetry")
        return total_bytes - telemetry_bytes, telemetry_bytes

    def _is_too_much(self, kept_bytes: int, telemetry_bytes: int) -> bool:
        """Whether telemetry would take more than it may, or of the reserve."""
        limits, incoming_bytes = self._limits, kept_bytes + telemetry_bytes
        if self._store.telemetry.waiting_bytes + telemetry_bytes > limits.telemetry_bytes_max:
            return True
        left_bytes = min(limits.bytes_max - self._store.waiting_bytes, free_bytes(self._directory)) - incoming_bytes
        return left_bytes < limits.reserve_bytes

    def _may_push_out(self) -> bool:
        """Whether it is worth it."""
        segments = self._store.telemetry.segments
        if len(segments) > 1:
            return True
        return bool(segments) and segments[0].waiting_bytes * SMALL_SHARE >= self._limits.segment_bytes_max

    def _is_too_old(self, now_ms: int) -> bool:
        """Whether all of the oldest segment has waited for too long."""
        segments = self._store.telemetry.segments
        newest_ms = segments[0].newest_ms() if segments else None
        return newest_ms is not None and newest_ms < now_ms - self._limits.telemetry_age_ms_max

    def _push_out(self, now_ms: int) -> None:
        """Put gaps in the place of the oldest segment of telemetry, before it is deleted."""
        store = self._store
        current, oldest = store.current(now_ms), store.telemetry.segments[0]
        if oldest in current:
            store.go_on(now_ms)
        own, above = store.kept.from_number(oldest.number), store.kept.from_number(oldest.number + 1)
        if own is None or above is None:
            raise RuntimeError("the current segments have the highest number")
        target = own if own.holds_events else above  # gaps alone shall not keep a file of their own
        end = (oldest.number + 1) << NUMBER_BITS
        there, moved = target.gaps(end), own.gaps(end) if own is not target else []
        found = oldest.read()
        missing = [row for row in map(legible, found) if row is not None]
        target.write(gaps_for([*there, *moved, *missing]), instead_of=[gap.position for gap in there])
        self.dropped += sum(not row.first_missing for row in missing)
        if damaged := [row for row in found if isinstance(row, DamagedRow)]:
            store.telemetry.note_damaged(oldest, damaged)
        store.telemetry.remove(oldest)
        if own is not target:
            store.kept.remove(own)
