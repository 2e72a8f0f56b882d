"""What a channel counts, for a status page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Since the channel was made. Reasons are single words of a small set, so these stay small."""

    bytes_in: int = 0
    """Of data or payloads, as they were handed on; what a protocol wraps around them is not counted."""
    bytes_out: int = 0
    items_in: int = 0
    """Chunks of a byte channel, messages of the others."""
    connects: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    """By reason; among them each failed attempt and each lost connection."""
    lost: Counter[str] = field(default_factory=Counter)
    """By reason: bytes of a byte channel, messages or polls of the others, that came and were not handed on."""
