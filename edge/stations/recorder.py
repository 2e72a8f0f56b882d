"""The events of a station, numbered in one row and kept by the spool before anybody is told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from sipe.clock import Clock
from sipe.contracts.codec import build
from sipe.contracts.events import StationEvent

LINE_CHARS_MAX = 500


class Keeper(Protocol):
    """What keeps events until they are delivered; the spool does."""

    def next_identity(self, station: str, source: str) -> tuple[int, int]:
        """(boot, seq) of the next event of a source."""

    def append(self, events: Sequence[StationEvent]) -> int:
        """Keep events for good; how many were new."""


class Fact(NamedTuple):
    """An event that has no number yet."""

    kind: type[StationEvent]
    ts_ms: int
    fields: dict[str, Any]


class Notes:
    """What happens to a unit, as it happens. Numbered all at once at the end: what is given up leaves no gap."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.facts: list[Fact] = []

    def say(self, kind: type[StationEvent], **fields: Any) -> None:
        """Note an event of this moment, by the fields that are its own."""
        self.facts.append(Fact(kind, self._clock.now_ms(), fields))


class Recorder:
    """Numbers and keeps the events of one source at one station; nobody else uses its numbers."""

    def __init__(self, station: str, source: str, spool: Keeper) -> None:
        self._station = station
        self._source = source
        self._spool = spool

    def numbered(self, facts: Sequence[Fact]) -> list[StationEvent]:
        """The events, to be kept before any that are numbered later; raises `ValidationError` that names a field."""
        return [self._event(fact) for fact in facts]

    def keep(self, events: Sequence[StationEvent]) -> None:
        """On disk when it returns. What was kept before is left out; raises `SipeError` when the disk takes nothing."""
        self._spool.append(events)

    def _event(self, fact: Fact) -> StationEvent:
        boot, seq = self._spool.next_identity(self._station, self._source)
        who = {"station": self._station, "source": self._source, "boot": boot, "seq": seq, "ts_ms": fact.ts_ms}
        event = build({"type": fact.kind.__struct_config__.tag, **who, **fact.fields})
        assert isinstance(event, StationEvent)  # noqa: S101  its kind is one
        return event


def line_of(text: str) -> str:
    """One line of prose as events and the office take it, whatever a meter has said."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)[:LINE_CHARS_MAX]
