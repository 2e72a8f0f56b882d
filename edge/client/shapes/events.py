"""What routes about events take and answer, as structs.

Written by `make schemas` from the API's description: edit nothing here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Batch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of each line of a batch, counted from 1; blank lines are in none of these."""

    accepted: tuple[Lines, ...]
    known: tuple[Lines, ...]
    not_sent: tuple[Lines, ...]
    rejected: tuple[RejectedLine, ...]


class Lines(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Lines one after the other that share an answer."""

    first: int
    last: int


class ReceivedEvents(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which events of a station have come, wherever they are now."""

    runs: tuple[ReceivedRun, ...]
    is_complete: bool
    behind_ms: int | None


class ReceivedRun(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Numbers of one source and boot without a gap between them, of events that happened within one hour."""

    source: str
    boot: int
    hour_ms: int
    place: Literal["declared", "rejected", "stored"]
    first: int
    last: int


class RejectedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line that is no event, or of another station: sending it again will not help."""

    line: int
    reason: (
        Literal[
            "clock_future",
            "clock_unset",
            "key_mismatch",
            "quarantined",
            "schema",
            "too_big",
            "undecodable",
            "unknown_type",
        ]
        | Literal["not_yours"]
    )
    detail: str
