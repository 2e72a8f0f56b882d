"""How much may wait in a spool, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass

from sipe.errors import UsageError

DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class SpoolLimits:
    """How much may wait, and for how long, counted in the bytes of events and a little for each.

    Ages are in time that the gateway is running: a clock that is set, or a winter in a drawer, makes nothing old.
    Raises `UsageError` when they do not fit together.
    """

    bytes_max: int = 1_000_000_000
    """Of everything; beyond it, traceability is not taken any more."""
    telemetry_bytes_max: int = 256_000_000
    """Of telemetry; beyond it, the oldest makes room."""
    telemetry_age_ms_max: int = 30 * DAY_MS
    reserve_bytes: int = 64_000_000
    """What telemetry leaves free, of `bytes_max` and of the disk."""
    segment_bytes_max: int = 16_000_000
    """What waits in one file, which is what damage costs, and what makes room at a time."""
    segment_age_ms_max: int = DAY_MS

    def __post_init__(self) -> None:
        if not 0 < self.segment_bytes_max <= self.telemetry_bytes_max <= self.bytes_max - self.reserve_bytes:
            raise UsageError(
                "spool limits: segment_bytes_max <= telemetry_bytes_max <= bytes_max - reserve_bytes has to hold, not "
                f"{self.segment_bytes_max} <= {self.telemetry_bytes_max} <= {self.bytes_max} - {self.reserve_bytes}"
            )


@dataclass(frozen=True, kw_only=True)
class SpoolStatus:
    """What a status page shows. Counts begin with the start of the process; files set aside count while they exist."""

    traceability_bytes: int
    telemetry_bytes: int
    is_full: bool
    """The alarm: of some class, what was appended last was not taken."""
    refused: int
    """Events that were not taken, each time they were appended."""
    dropped: int
    """Telemetry events in whose place a gap was put."""
    damaged_rows: int
    damaged_files: int
    """Those that are set aside, and those that went away since the start."""
    segments: int
