"""What the archive is asked for when the fold's state is rebuilt from it."""

from __future__ import annotations

DEFINITIONS = ("calendar_assigned", "standard_time_set", "counting_authority_set")
CORRECTIONS = ("stop_classified", "unit_reclassified")
NO_SIGNS = (*DEFINITIONS, *CORRECTIONS)
"""What is told of a station by others; everything else is a sign of life."""
ALWAYS = (*DEFINITIONS, "station_born")
CARRIED = (
    "state_changed", "order_started", "order_ended", "operator_signed_on", "operator_signed_off", "stop_classified",
)  # fmt: skip
"""What may still be in force long after it was told."""
IN_FORCE = 100
"""Of each such type and source, so many of the last events before the reach."""

_ARCHIVED = "partition = %(partition)s AND (epoch, offset) < (%(epoch)s, %(offset)s)"
_LOG = f"station = %(station)s AND {_ARCHIVED}"
_LOGS = f"station IN %(stations)s AND {_ARCHIVED}"
_PUBLISHED = "(epoch, offset) < (%(published_epoch)s, %(published_offset)s)"
_TAKEN = "outcome IN ('accepted', 'late')"
_BEFORE = f"{_LOG} AND {_TAKEN} AND {_PUBLISHED} AND ts < fromUnixTimestamp64Milli(toInt64(%(since_ms)s))"

COUNTS_PIECES = """raw != '' AND (type = 'cycle_completed' OR type = 'interval_reported'
        AND JSONExtractInt(raw, 'good') + JSONExtractInt(raw, 'scrap') + JSONExtractInt(raw, 'rework') > 0)"""
"""Of an event with its bytes: whether it counts any."""

STATIONS = f"SELECT DISTINCT station FROM events WHERE {_ARCHIVED}"  # noqa: S608  constants only

_FLOOR = "transform(toString(station), %(stations_array)s, %(floors_s)s, toUInt32(0))"
"""Of the row's station, in s."""

ACTIVE = f"""
SELECT station, source, min(ts) AS first, maxIf(ts, outcome = 'accepted') AS newest FROM events
WHERE {_ARCHIVED} AND {_TAKEN} AND {_PUBLISHED} AND type NOT IN %(no_signs)s GROUP BY station, source
"""  # noqa: S608  constants only

# What was published: everything within reach, and of before what may still be in force and when each source last spoke.
# What was not: everything that the next tick has to take in.
EVENTS = f"""
SELECT epoch, offset, raw FROM events FINAL
WHERE {_LOG} AND {_TAKEN} AND (
    NOT {_PUBLISHED} OR ts >= fromUnixTimestamp64Milli(toInt64(%(since_ms)s)) OR type IN %(always)s
    OR (ts, epoch, offset) IN (
        SELECT ts, epoch, offset FROM events FINAL WHERE {_BEFORE} AND type IN %(carried)s
        ORDER BY ts DESC, boot DESC, seq DESC LIMIT %(in_force)s BY source, type
        UNION ALL
        SELECT ts, epoch, offset FROM events FINAL WHERE {_BEFORE} AND type NOT IN %(no_signs)s
        ORDER BY ts DESC, boot DESC, seq DESC LIMIT 1 BY source
    )
)
ORDER BY epoch, offset
"""  # noqa: S608  constants only

SEEN = f"""
SELECT station, source, boot, min(seq) AS first, max(seq) AS last
FROM (
    SELECT station, source, boot, seq,
        seq - row_number() OVER (PARTITION BY station, source, boot ORDER BY seq) AS island
    FROM (SELECT DISTINCT station, source, boot, seq FROM events WHERE {_LOGS})
)
GROUP BY station, source, boot, island ORDER BY station, source, boot, first
"""  # noqa: S608  constants only

COUNTS = f"""
SELECT station, countIf(outcome = 'accepted') AS accepted, countIf(outcome = 'duplicate') AS duplicates,
    countIf(outcome = 'late') AS late, countIf(NOT {_PUBLISHED}) AS waiting
FROM events FINAL WHERE {_LOGS} GROUP BY station
"""  # noqa: S608  constants only

FIRST_COUNTERS = f"""
SELECT station, step, min((ts, source, boot, seq)) AS identity
FROM (
    SELECT station, JSONExtractString(raw, 'step') AS step, ts, source, boot, seq FROM events
    WHERE {_LOGS} AND {_PUBLISHED} AND {_TAKEN} AND {COUNTS_PIECES}
)
GROUP BY station, step
"""  # noqa: S608  constants only

# What was published before the position. A crash within the writing of a tick leaves rows from after it. Where such a
# row has replaced the one before, it tells that a cell was there before if it takes it back; else it will come again.
CELLS = f"""
SELECT station, toUnixTimestamp(minute) AS minute_s, groupArray((order, product, shift)) AS cells
FROM (
    SELECT station, minute, order, product, shift FROM minute_facts
    WHERE station IN %(stations)s AND minute >= toDateTime(%(lowest_s)s, 'UTC') AND toUnixTimestamp(minute) >= {_FLOOR}
    GROUP BY station, minute, order, product, shift
    HAVING if(countIf(version < %(version)s) > 0,
        argMaxIf(is_deleted, version, version < %(version)s) = 0, argMax(is_deleted, version) = 1)
)
GROUP BY station, minute
"""  # noqa: S608  constants only

STOPS = f"""
SELECT * FROM stops FINAL
WHERE station IN %(stations)s AND to_ts >= toDateTime64({_FLOOR}, 3, 'UTC') ORDER BY station, from_ts
"""  # noqa: S608  constants only

DISPLAYS = "SELECT station, display FROM stations FINAL WHERE station IN %(stations)s"

DAYS = """
SELECT station, toUnixTimestamp(toDateTime(day, 'UTC')) AS day_s,
    if(countIf(version < %(version)s) > 0, argMaxIf(events, version, version < %(version)s), max(events)) AS events
FROM refolds WHERE station IN %(stations)s GROUP BY station, day
"""
