"""A script is what a sender sends that brings its own time: events, and between them the ticks that carry it."""

from __future__ import annotations

from typing import NamedTuple


class Tick(NamedTuple):
    """Here the sender writes `clock_advanced` with `now_ms` into every partition."""

    now_ms: int
