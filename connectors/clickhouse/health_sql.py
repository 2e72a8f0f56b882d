"""Data health in SQL: what came of each station, how late it was visible, and how much of the time is known.

`python -m connectors.clickhouse.health_sql` prints the migration that creates the views; a test says when the committed
one is stale. A minute is that of the tick which published; in facts it is the minute itself, live the same.
"""

from __future__ import annotations

from collections.abc import Sequence

LIVE_MS = 3_600_000
"""Only of an event at most so old when it is stored does its age say how late the pipeline is: a replayed log or a
simulated day lies in the past. Its record's age says so always."""

VIEWS: dict[str, tuple[str, ...]] = {
    "event_latency": (),
    "latency_by_minute": ("station", "minute"),
    "data_health": ("station", "minute"),
}
"""The views, and what each groups by."""

COUNTS = ("received", "accepted", "duplicates", "late", "missing", "rejected")
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
LATENCIES = (
    "events",
    "live_events",
    *(f"latency_{name}_ms" for name in (*QUANTILES, "max")),
    *(f"record_latency_{name}_ms" for name in (*QUANTILES, "max")),
)
"""From an event's time, and from its record's, to when the row was stored; the former of live events only."""

EVENT_LATENCY = f"""\
SELECT
    station,
    toStartOfMinute(toDateTime(intDiv(ticks.now_ms, 1000), 'UTC')) AS minute,
    ts,
    record_ts,
    partition,
    epoch,
    offset,
    stored_at,
    toUnixTimestamp64Milli(stored_at) - toUnixTimestamp64Milli(ts) AS latency_ms,
    toUnixTimestamp64Milli(stored_at) - toUnixTimestamp64Milli(record_ts) AS record_latency_ms,
    latency_ms <= {LIVE_MS} AS is_live
FROM (SELECT station, ts, record_ts, partition, epoch, offset FROM events FINAL WHERE outcome = 'accepted') AS told
ASOF INNER JOIN
(
    SELECT partition, epoch, offset, now_ms, min(stored_at) AS stored_at
    FROM publications
    GROUP BY partition, epoch, offset, now_ms
) AS ticks
ON told.partition = ticks.partition AND told.epoch = ticks.epoch AND told.offset <= ticks.offset"""  # noqa: S608  constants only
"""An event is visible with the first publication of its partition that stands behind it in the log."""


def latency_select(group_by: Sequence[str], where: str | None = None) -> str:
    """Quantiles of the latencies by station, minute or both; `where` as in `health_select`."""
    live = [f"quantileExactIf({q})(latency_ms, is_live)" for q in QUANTILES.values()] + ["maxIf(latency_ms, is_live)"]
    record = [f"quantileExact({q})(record_latency_ms)" for q in QUANTILES.values()] + ["max(record_latency_ms)"]
    columns = [
        "count() AS events",
        "countIf(is_live) AS live_events",
        *(f"if(live_events = 0, NULL, {e}) AS {name}" for e, name in zip(live, LATENCIES[2:6], strict=True)),
        *(f"toNullable({e}) AS {name}" for e, name in zip(record, LATENCIES[6:], strict=True)),
    ]
    lines = ",\n    ".join([*group_by, *columns])
    condition = f"\nWHERE {where}" if where else ""
    return f"SELECT\n    {lines}\nFROM event_latency{condition}\nGROUP BY {', '.join(group_by)}"


def health_select(group_by: Sequence[str], where: str | None = None) -> str:
    """Counts, clock skew, latencies and coverage by station, or by station and minute.

    `where` is trusted SQL over `station` and `minute`; values from outside come in as its parameters.
    """
    condition = f"\n        WHERE {where}" if where else ""
    group = ", ".join(group_by)
    counts = ", ".join(COUNTS)
    sums = ",\n    ".join(f"sum(parts.{name}) AS {name}" for name in COUNTS)
    latencies = ",\n    ".join(f"latency.{name} AS {name}" for name in LATENCIES)
    return f"""\
SELECT
    {", ".join(f"sums.{name} AS {name}" for name in group_by)},
    {", ".join(f"sums.{name} AS {name}" for name in COUNTS)},
    sums.skew_min_ms AS skew_min_ms,
    sums.skew_mean_ms AS skew_mean_ms,
    sums.skew_max_ms AS skew_max_ms,
    {latencies},
    sums.coverage AS coverage
FROM
(
SELECT
    {group},
    {sums},
    if(received = rejected, NULL, minIf(parts.skew_min_ms, parts.received > parts.rejected)) AS skew_min_ms,
    if(received = rejected, NULL, sum(parts.skew_sum_ms) / (received - rejected)) AS skew_mean_ms,
    if(received = rejected, NULL, maxIf(parts.skew_max_ms, parts.received > parts.rejected)) AS skew_max_ms,
    1 - sum(parts.unknown_ms) / nullIf(sum(parts.pbt_ms), 0) AS coverage
FROM
(
        SELECT station, minute, {counts}, skew_min_ms, skew_max_ms, skew_sum_ms, 0 AS pbt_ms, 0 AS unknown_ms
        FROM station_health FINAL{condition}
        UNION ALL
        SELECT station, minute, 0, 0, 0, 0, 0, 0, 0, 0, 0, pbt_ms, unknown_ms
        FROM minute_facts_current{condition}
) AS parts
GROUP BY {group}
) AS sums
LEFT JOIN
(
{latency_select(group_by, where)}
) AS latency USING ({group})"""  # noqa: S608  names above only


def views_migration() -> str:
    """The migration that creates every health view, or replaces it by its present definition."""
    selects = {
        "event_latency": EVENT_LATENCY,
        "latency_by_minute": latency_select(VIEWS["latency_by_minute"]),
        "data_health": health_select(VIEWS["data_health"]),
    }
    head = "-- Written by: python -m connectors.clickhouse.health_sql\n"
    return "\n".join((head, *(f"CREATE OR REPLACE VIEW {name} AS\n{select};\n" for name, select in selects.items())))


if __name__ == "__main__":
    print(views_migration(), end="")  # noqa: T201  # the file goes where the shell sends it
