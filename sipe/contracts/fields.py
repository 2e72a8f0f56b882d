r"""Bounded field types of the event contract.

Every text has a length, every number a range, so that nothing a producer sends can grow without limit. The patterns end
in ``$(?!\n)`` because a bare ``$`` also matches before a trailing newline in Python.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

TS_MS_MAX = 4_102_444_800_000
"""2100-01-01T00:00:00Z: what ClickHouse's 32-bit DateTime holds, with room to spare."""

INTERVAL_MS_MAX = 48 * 3_600_000
"""The longest interval that one event may report or correct."""

SHA256_PATTERN = r"^[0-9a-f]{64}$(?!\n)"
STATION_PATTERN = r"^[a-z0-9-]{1,32}(\.[a-z0-9-]{1,32}){3}$(?!\n)"
DOCUMENT_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)"
_TEXT = r"^[^\x00-\x1f\x7f]{%d,%d}$(?!\n)"

Station = Annotated[
    str,
    Meta(
        pattern=STATION_PATTERN,
        description="ISA-95 path site.area.line.station; the Kafka key.",
        examples=["manaus.final.line-1.calibration"],
    ),
]
Source = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,64}$(?!\n)", description="Who produced the event.")]
Boot = Annotated[int, Meta(ge=0, le=2**32 - 1, description="Grows at each restart of the source.")]
Seq = Annotated[int, Meta(ge=1, le=2**63 - 1, description="Strictly growing per station, source and boot.")]
TimeMs = Annotated[int, Meta(ge=0, le=TS_MS_MAX, description="Unix time, UTC, milliseconds.")]
DurationMs = Annotated[int, Meta(ge=0, le=366 * 86_400_000, description="Milliseconds.")]
SkewMs = Annotated[
    int,
    Meta(ge=-TS_MS_MAX, le=TS_MS_MAX, description="By how much the source's clock is ahead of the office's, ms."),
]
HeartbeatMs = Annotated[int, Meta(ge=1_000, le=3_600_000, description="Milliseconds between signs of life.")]
Quantity = Annotated[int, Meta(ge=0, le=1_000_000_000, description="Pieces.")]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Measure = Annotated[float, Meta(ge=-1e15, le=1e15, description="Finite; NaN and infinity are refused.")]
Amount = Annotated[float, Meta(ge=0, le=1e15, description="An amount of material, in its own unit.")]
Name = Annotated[str, Meta(pattern=_TEXT % (1, 64), description="A name: no control characters.")]
DocumentName = Annotated[str, Meta(pattern=DOCUMENT_NAME_PATTERN, description="A name in a URL.")]
Serial = Annotated[str, Meta(pattern=_TEXT % (1, 64), description="A serial number; always text.")]
Text = Annotated[str, Meta(pattern=_TEXT % (0, 500), description="One line of prose.")]
Sha256 = Annotated[str, Meta(pattern=SHA256_PATTERN)]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", description="Local time, HH:MM.")]
LocalDate = Annotated[str, Meta(pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$(?!\n)", description="Local date.")]
Weekday = Annotated[int, Meta(ge=1, le=7, description="ISO weekday: Monday is 1.")]

State = Literal["executing", "idle", "setup", "down", "maintenance", "planned_stop", "off"]
Result = Literal["good", "scrap", "rework"]
ClockQuality = Literal["synchronized", "set", "office", "unset"]
"""Of a gateway's time: somebody disciplines its clock; somebody has set it; it is wrong, and the office's time is taken
instead; nobody knows what time it is."""
TsQuality = Literal["corrected", "estimated"]
"""Of the time of an event from before its source knew what time it is: known afterwards, or guessed at."""
