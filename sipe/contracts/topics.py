"""Kafka topics, declared once."""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic and the settings it is created with."""

    name: str
    partitions: int
    retention_ms: int
    compacted: bool = False
    description: str


STATION_EVENTS_TOPIC = Topic(
    name="sipe.station-events.v1",
    partitions=4,
    retention_ms=14 * DAY_MS,
    description="Every event of every station, keyed by station, and the ticks that carry time.",
)

TOPICS: tuple[Topic, ...] = (STATION_EVENTS_TOPIC,)
