"""A channel as a status page shows it."""

from __future__ import annotations

from msgspec import Struct

from edge.channels.lifecycle import State, Transition


class Status(Struct, frozen=True, kw_only=True):
    """All there is to show; times are of the monotonic clock, in milliseconds."""

    name: str
    kind: str
    state: State
    since_ms: int
    cause: str
    beaten_ms: int
    waiting_bytes: int
    bytes_in: int
    bytes_out: int
    items_in: int
    connects: int
    errors: dict[str, int]
    lost: dict[str, int]
    history: tuple[Transition, ...]
