"""Kafka topics, declared once."""

from __future__ import annotations

from dataclasses import dataclass

from sipe.contracts.codec import MESSAGE_BYTES_MAX

DAY_MS = 86_400_000

RECORD_BYTES_MAX = MESSAGE_BYTES_MAX + 1024
"""A message with its key and framing; the limit of the producers of source topics."""
_BATCH_HEADER_BYTES = 1024
"""More than what a broker counts beside the record of a batch that holds one."""
DEAD_LETTER_HEADER_BYTES = 16 * 1024
"""Room for what a dead letter says beside the untouched record."""


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic and the settings it is created with.

    Its records carry the broker's time (LogAppendTime): the clock guard needs a clock that no producer sets, and
    retention counts from a record's arrival, also for a dead letter of an old event.
    """

    name: str
    partitions: int
    retention_ms: int
    compacted: bool = False
    record_bytes_max: int = RECORD_BYTES_MAX
    description: str

    def settings(self, replicas: int) -> dict[str, str]:
        """The broker's settings of this topic when each partition has so many replicas."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "max.message.bytes": str(self.record_bytes_max + _BATCH_HEADER_BYTES),
            "message.timestamp.type": "LogAppendTime",
            # Acknowledged means on most replicas: one broker of three may die for good and takes no record with it.
            "min.insync.replicas": str(replicas // 2 + 1),
            "retention.bytes": "-1",  # only age deletes; a limit in bytes would drop records that nobody has read
            "retention.ms": str(self.retention_ms),
            "unclean.leader.election.enable": "false",  # a replica that lags must not lead: it would drop the rest
        }


def dead_letters(source: Topic) -> Topic:
    """The topic of what was rejected from `source`: kept longer, and a record of any size fits with its headers."""
    return Topic(
        name=f"{source.name}.dlq",
        partitions=source.partitions,
        retention_ms=90 * DAY_MS,
        record_bytes_max=source.record_bytes_max + DEAD_LETTER_HEADER_BYTES,
        description="Dead letters: the untouched bytes of every reject, with the reason in the headers.",
    )


STATION_EVENTS_TOPIC = Topic(
    name="sipe.station-events.v1",
    partitions=4,
    retention_ms=14 * DAY_MS,
    description="Every event of every station, keyed by station, and the ticks that carry time.",
)
STATION_EVENTS_DLQ_TOPIC = dead_letters(STATION_EVENTS_TOPIC)

CHANGES_TOPIC = Topic(
    name="sipe.changes.v1",
    partitions=4,
    retention_ms=90 * DAY_MS,
    description="What was agreed: each change of orders, units, sheets and approvals, keyed by what it changed.",
)
AUDIT_ANCHORS_TOPIC = Topic(
    name="sipe.audit-anchors.v1",
    partitions=1,
    retention_ms=3_650 * DAY_MS,
    description="The head of the audit trail, once a minute: what it said then cannot be changed afterwards. Never "
    "compacted: that would leave the newest one only.",
)

TOPICS: tuple[Topic, ...] = (STATION_EVENTS_TOPIC, STATION_EVENTS_DLQ_TOPIC, CHANGES_TOPIC, AUDIT_ANCHORS_TOPIC)
