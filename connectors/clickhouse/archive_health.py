"""The counts of data health out of the archive: those of the minute that goes on, and of what no tick has published."""

from __future__ import annotations

from typing import Any

from connectors.clickhouse.client import Warehouse
from models.health import MINUTE_MS, Counts, Health

Position = tuple[int, int]
"""(log epoch, offset)."""

_BETWEEN = """partition = %(partition)s AND (epoch, offset) >= (%(from_epoch)s, %(from_offset)s)
    AND (epoch, offset) < (%(to_epoch)s, %(to_offset)s)"""

_EVENTS = f"""
SELECT station, countIf(outcome = 'accepted') AS accepted, countIf(outcome = 'duplicate') AS duplicates,
    countIf(outcome = 'late') AS late, min(skew_ms) AS min_ms, max(skew_ms) AS max_ms, sum(skew_ms) AS sum_ms
FROM (
    SELECT station, outcome, toUnixTimestamp64Milli(record_ts) - toUnixTimestamp64Milli(ts) AS skew_ms
    FROM events FINAL WHERE {_BETWEEN}
)
GROUP BY station
"""  # noqa: S608  constants only

_REJECTS = f"SELECT key, count() AS rejected FROM rejects FINAL WHERE {_BETWEEN} GROUP BY key"  # noqa: S608  the same

_MISSING = f"""
SELECT station, sum(gaps) AS missing
FROM (
    SELECT station, max(seq) - min(seq) + 1 - uniqExact(seq) AS gaps
    FROM events WHERE {_BETWEEN} GROUP BY station, source, boot
)
GROUP BY station
"""  # noqa: S608  constants only

_TICKS = """
SELECT count() AS ticks, maxIf((epoch, offset), now_ms < %(minute_ms)s) AS before FROM publications
WHERE partition = %(partition)s AND (epoch, offset) < (%(to_epoch)s, %(to_offset)s)
"""


def restore_health(
    store: Warehouse, health: Health, partition: int, now_ms: int | None, *, published: Position, end: Position
) -> None:
    """Count again what is archived before `end`.

    `published` is where the first record after the last published tick stands, `now_ms` the time of that tick. Raises
    `SipeError` when the store does not answer.
    """
    scope = _Scope(store, partition)
    beginning = (0, 0)
    for row in scope.rows(_MISSING, beginning, published):
        health.missing[row["station"]] = row["missing"]
    if now_ms is not None:
        minute_ms = health.minute_ms = now_ms - now_ms % MINUTE_MS
        from_ = scope.minute_began(minute_ms, published)
        scope.count(health, from_, published)
        for row in scope.rows(_MISSING, beginning, from_) if from_ < published else ():
            if row["station"] in health.fresh:
                health.fresh[row["station"]].missing -= row["missing"]
        for station, counts in health.fresh.items():
            counts.missing += health.missing.get(station, 0)
        health.counts, health.fresh = health.fresh, {}
    scope.count(health, published, end)


class _Scope:
    """Questions about a stretch of one partition's logs."""

    def __init__(self, store: Warehouse, partition: int) -> None:
        self._store = store
        self._partition = partition

    def rows(self, query: str, from_: Position, to: Position, **more: Any) -> list[dict[str, Any]]:
        """Ask about the records from one position up to, not including, another."""
        span = {"from_epoch": from_[0], "from_offset": from_[1], "to_epoch": to[0], "to_offset": to[1]}
        return self._store.rows(query, {"partition": self._partition, **span, **more})

    def minute_began(self, minute_ms: int, published: Position) -> Position:
        """Where the first record stands that a tick of this minute took in."""
        [row] = self.rows(_TICKS, (0, 0), published, minute_ms=minute_ms)
        if not row["ticks"]:  # so long ago that it is forgotten: no tick of that minute is to come
            return published
        epoch, offset = row["before"]
        return (epoch, offset + 1) if epoch else (0, 0)

    def count(self, health: Health, from_: Position, to: Position) -> None:
        """Take in what is archived, as if it came now."""
        for row in self.rows(_EVENTS, from_, to):
            counts = health.fresh.setdefault(row["station"], Counts())
            counts.skew(row["min_ms"], row["max_ms"], row["sum_ms"])
            counts.accepted, counts.duplicates, counts.late = row["accepted"], row["duplicates"], row["late"]
        for row in self.rows(_REJECTS, from_, to):
            key = row["key"]  # the driver leaves what is no text as bytes
            health.reject(key.encode() if isinstance(key, str) else key, row["rejected"])
