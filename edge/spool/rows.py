"""The rows of a segment: an event or a gap with its checksums, and the gaps that take the place of events."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from sipe.contracts.codec import build, decode, encode
from sipe.contracts.events import GapDetected, StationEvent

ROW_BYTES = 70
"""About what an event takes on disk beside its own bytes."""


class Row(NamedTuple):
    """An event that waits, or a gap that stands for events."""

    position: int
    """Even: an event; odd: the gap that ends with the event before it."""
    station: str
    source: str
    boot: int
    seq: int
    ts_ms: int
    first_missing: int
    """Of a gap, which ends with `seq`; else 0."""
    appended_ms: int
    """When it was taken in, in running time."""
    value: bytes
    """Of an event; a gap needs none (those of version 1 have one)."""
    prev_seq: int = 0
    """The number of this boot that was taken before it, of either class; 0 when it is the first, or nobody knows."""

    @property
    def size_bytes(self) -> int:
        """How much it counts against a limit."""
        return len(self.value) + ROW_BYTES

    @property
    def message(self) -> bytes:
        """What to send."""
        return self.value or encode(
            GapDetected(
                station=self.station, source=self.source, boot=self.boot, seq=self.seq, ts_ms=self.ts_ms,
                first_missing=self.first_missing, last_missing=self.seq,
            )
        )  # fmt: skip


class DamagedRow(NamedTuple):
    """A row whose checksum is wrong, and the gap to declare for it; None when not even its identity can be read."""

    position: int
    gap: Row | None


def columns_of(row: Row) -> tuple[Any, ...]:
    """The row as it is stored: followed by zlib's CRC-32 of all but `value` as a JSON array, and by that of `value`."""
    return (*row, _identity_crc(row), zlib.crc32(row.value))


def checked(columns: Sequence[Any]) -> Row | DamagedRow:
    """A row as it was stored, or what is left of it. A row of version 1 has no checksums: its value has to decode."""
    row, (identity_crc, value_crc) = Row(*columns[:-2]), columns[-2:]
    if identity_crc is None and value_crc is None:
        return row if _says_who_it_is(row) else DamagedRow(row.position, _gap_of(row))
    if identity_crc != _identity_crc(row):
        return DamagedRow(row.position, None)
    if not isinstance(row.value, bytes) or value_crc != zlib.crc32(row.value):
        return DamagedRow(row.position, _gap_of(row))
    return row


def legible(row: Row | DamagedRow) -> Row | None:
    """The row, or what can be declared of it when it is damaged."""
    return row if isinstance(row, Row) else row.gap


def gaps_for(rows: Iterable[Row]) -> list[Row]:
    """As few gaps as stand for these events and gaps, and for nothing between them that was taken, too.

    Each has the place and the identity of the last one that it stands for, so the order of a source stays. Numbers that
    a device left out may be among those that it declares; so a device that leaves out many does not fill the spool.
    """
    gaps: dict[int, Row] = {}
    latest: dict[tuple[str, str, int], Row] = {}
    for row in sorted(rows, key=lambda row: row.position):
        who, gap = (row.station, row.source, row.boot), _gap(row)
        run = latest.get(who)
        if run is not None and (gap.prev_seq == run.seq or gap.first_missing <= run.seq + 1):
            del gaps[run.position]
            gap = gap._replace(first_missing=min(run.first_missing, gap.first_missing), prev_seq=run.prev_seq)
        gaps[gap.position] = latest[who] = gap
    return list(gaps.values())


def _gap(row: Row) -> Row:
    """The gap for one row."""
    return row._replace(position=row.position | 1, first_missing=row.first_missing or row.seq, value=b"")


def _gap_of(row: Row) -> Row | None:
    """The gap for a row whose value is lost; None when its other columns are no identity."""
    fields = dict(zip(row._fields[1:6], row[1:6], strict=True))
    first_missing = row.first_missing or row.seq
    try:
        build({"type": "gap_detected", **fields, "first_missing": first_missing, "last_missing": row.seq})
    except (msgspec.ValidationError, TypeError):
        return None
    return _gap(row)


def _says_who_it_is(row: Row) -> bool:
    event = decode(row.value) if isinstance(row.value, bytes) else None
    if not isinstance(event, StationEvent):
        return False
    return (event.station, event.source, event.boot, event.seq, event.ts_ms) == row[1:6]


def _identity_crc(row: Row) -> int:
    return zlib.crc32(msgspec.json.encode((*row[:8], row.prev_seq)))
