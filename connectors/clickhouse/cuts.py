"""A consistent cut: up to where in the log a station's rows are published, and which time the flow has let go of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from connectors.clickhouse.archive_sql import NO_SIGNS
from connectors.clickhouse.client import Warehouse
from connectors.clickhouse.content import Position
from models.fold.retention import floor_of
from models.fold.rules import DAY_MS, FoldConfig, minute_of
from sipe.contracts.fields import INTERVAL_MS_MAX
from sipe.contracts.tables import version_of

_WANTED = "(%(all)s OR station IN %(stations)s)"

_PARTITIONS = f"""
SELECT station, groupUniqArray(partition) FROM events WHERE {_WANTED} GROUP BY station ORDER BY station
"""  # noqa: S608  constants only
_NEWEST_PARTITION = """
SELECT station, argMax(partition, (epoch, offset)) FROM events WHERE station IN %(stations)s GROUP BY station
"""

_PROGRESS = """
SELECT partition, max((epoch, tick_offset, now_ms)) FROM flow_progress WHERE tick_offset > 0 GROUP BY partition
"""

_ACTIVE = """
SELECT station, source, toUnixTimestamp64Milli(max(ts)) FROM events
WHERE station IN %(stations)s AND ts >= fromUnixTimestamp64Milli(toInt64(%(since_ms)s))
    AND (epoch, offset) < (%(epoch)s, %(offset)s) AND outcome = 'accepted' AND type NOT IN %(no_signs)s
GROUP BY station, source
"""
RECENT_MS = DAY_MS
"""Most stations were heard of that recently; for the others the whole archive is asked."""

# Before the first event lies what it may report, but not time before 1970, where a clock that was not set begins; a row
# that is older still was not made by an event.
_BEGINS = f"""
SELECT station, min(begin_ms) FROM (
    SELECT station, greatest(toUnixTimestamp64Milli(min(ts)) - %(interval_ms)s, 0) AS begin_ms FROM events
    WHERE {_WANTED} GROUP BY station
    UNION ALL
    SELECT station, toInt64(toUnixTimestamp(min(minute))) * 1000 AS begin_ms FROM minute_facts
    WHERE {_WANTED} GROUP BY station
)
GROUP BY station
"""  # noqa: S608  constants only

# Retention takes the bytes of what was told long ago, and leaves the row (connectors/clickhouse/retention.py).
_DROPPED = f"""
SELECT station, toUnixTimestamp64Milli(max(ts)) FROM events
WHERE {_WANTED} AND record_ts < now() - toIntervalDay(1) AND raw = '' AND outcome IN ('accepted', 'late')
GROUP BY station
"""  # noqa: S608  constants only


class Cut(NamedTuple):
    """Where a station stands in the log, and the time [begin_ms, floor_ms) that can be folded again.

    All before the position `before` is published, at `now_ms`. Below the floor the flow restates nothing. Before the
    beginning there is nothing, or what there was is past the archive's retention.
    """

    station: str
    before: Position
    now_ms: int
    begin_ms: int
    floor_ms: int

    @property
    def version(self) -> int:
        """That of the last tick before the cut."""
        return version_of(self.before.epoch, self.before.offset - 1)


def cuts(store: Warehouse, config: FoldConfig, stations: Collection[str] | None = None) -> dict[str, Cut]:
    """The cut of each station (None: of all) of which something is published, by name."""
    scope: dict[str, Any] = {"all": stations is None, "stations": tuple(stations or [""])}
    progress: dict[int, tuple[int, int, int]] = dict(store.tuples(_PROGRESS))
    partitions = _partitions(store, scope)
    active_ms: dict[str, dict[str, int]] = {}
    for partition, (epoch, offset, now_ms) in progress.items():
        names = [name for name, its in partitions.items() if its == partition]
        active_ms |= _active_ms(store, names, Position(epoch, offset), now_ms, config)
    begins_ms = dict(store.tuples(_BEGINS, scope | {"interval_ms": INTERVAL_MS_MAX}))
    dropped_ms = dict(store.tuples(_DROPPED, scope))
    found = {}
    for station, newest_ms in active_ms.items():
        epoch, offset, now_ms = progress[partitions[station]]
        begin_ms = max(minute_of(begins_ms[station]), _retained_from_ms(dropped_ms.get(station), config))
        found[station] = Cut(station, Position(epoch, offset), now_ms, begin_ms, floor_of(newest_ms, config))
    return found


def _partitions(store: Warehouse, scope: dict[str, Any]) -> dict[str, int]:
    """Where each station's events are now; after the topic was made anew that may be elsewhere than before."""
    found: dict[str, list[int]] = dict(store.tuples(_PARTITIONS, scope))
    moved = tuple(name for name, numbers in found.items() if len(numbers) > 1)
    newest = dict(store.tuples(_NEWEST_PARTITION, {"stations": moved})) if moved else {}
    return {name: numbers[0] for name, numbers in found.items()} | newest


def _active_ms(
    store: Warehouse, names: Collection[str], before: Position, now_ms: int, config: FoldConfig
) -> dict[str, dict[str, int]]:
    """By station, the newest sign of life of each source that may hold the floor back."""

    def newest(names: Collection[str], since_ms: int) -> dict[str, dict[str, int]]:
        scope = {"stations": tuple(names), "since_ms": since_ms, "no_signs": NO_SIGNS}
        found: dict[str, dict[str, int]] = {}
        for name, source, ts_ms in store.tuples(_ACTIVE, scope | before._asdict()) if names else ():
            found.setdefault(name, {})[source] = ts_ms
        return found

    since_ms = max(now_ms - config.retire_ms - RECENT_MS, 0)
    recent = newest(names, since_ms)
    far = [name for name in names if max(recent.get(name, {}).values(), default=0) - config.retire_ms < since_ms]
    return recent | newest(far, 0)


def _retained_from_ms(dropped_ms: int | None, config: FoldConfig) -> int:
    """From when on the archive has everything that decides: the signs of life of before reach as far as retiring."""
    return minute_of(dropped_ms + config.retire_ms + DAY_MS) if dropped_ms is not None else 0
