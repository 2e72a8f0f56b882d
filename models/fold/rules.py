"""The fold's rules as data: limits, precedence of states, and which ISO 22400 time element a state belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from sipe.contracts.fields import INTERVAL_MS_MAX

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

UNKNOWN = "unknown"
"""No valid signal. Not idle, not down: its own bucket, never folded into an element."""

PRECEDENCE = ("down", "maintenance", "setup", "executing", "idle", "planned_stop", "off")
"""Which of several states at once counts: never the one that flatters."""

RANK = {state: rank for rank, state in enumerate(PRECEDENCE)}

WORKING = frozenset({"executing", "setup"})
STOPPED = frozenset({"down", "maintenance", "idle", "off", UNKNOWN})

ELEMENT_WITH_ORDER = {
    "executing": "apt_ms",
    "setup": "aust_ms",
    "down": "adet_ms",
    "maintenance": "adet_ms",
    "idle": "adet_ms",
    "off": "adet_ms",
    UNKNOWN: "unknown_ms",
}
"""Actual unit delay time (ADET) is what is lost while an order is at the unit. Rule set 1, after OPC 40001-1 C.2."""

ELEMENT_WITHOUT_ORDER = ELEMENT_WITH_ORDER | {
    "down": "adot_ms",
    "maintenance": "adot_ms",
    "idle": "adot_ms",
    "off": "adot_ms",
}
"""Actual unit down time (ADOT): available, but no order at the unit. Rule set 1."""


@dataclass(frozen=True, kw_only=True)
class FoldConfig:
    """The limits of the fold; a change of any of them asks for a fold from the archive."""

    horizon_ms: int = DAY_MS
    """How far an event may at least lag behind the newest of the same station and source."""
    close_grace_ms: int = 10_000
    """How long after its end a minute closes, so that the usual stragglers restate nothing."""
    silence_periods: int = 3
    default_heartbeat_ms: int = 60_000
    """For a boot whose `station_born` was never seen."""
    retire_ms: int = 7 * DAY_MS
    """A station with a calendar is filled as UNKNOWN this long after its last event; then it counts as retired."""

    gap_ms: int = 366 * DAY_MS
    """Without a calendar, a longer silence is a new beginning; a clock that was not set makes no decades of UNKNOWN."""

    @property
    def reach_ms(self) -> int:
        """How far behind the newest event a minute can still change: the horizon and the longest interval."""
        return self.horizon_ms + INTERVAL_MS_MAX


def minute_of(ts_ms: int) -> int:
    """The start of the minute that contains an instant, in ms."""
    return ts_ms - ts_ms % MINUTE_MS


def source_kind(source: str) -> str:
    """`log` for `log-3f2a`: who counts is decided per kind of source, not per log file or device."""
    return source.partition("-")[0]
