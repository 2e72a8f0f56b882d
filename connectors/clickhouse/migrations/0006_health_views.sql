-- Written by: python -m connectors.clickhouse.health_sql

CREATE OR REPLACE VIEW event_latency AS
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
    latency_ms <= 3600000 AS is_live
FROM (SELECT station, ts, record_ts, partition, epoch, offset FROM events FINAL WHERE outcome = 'accepted') AS told
ASOF INNER JOIN
(
    SELECT partition, epoch, offset, now_ms, min(stored_at) AS stored_at
    FROM publications
    GROUP BY partition, epoch, offset, now_ms
) AS ticks
ON told.partition = ticks.partition AND told.epoch = ticks.epoch AND told.offset <= ticks.offset;

CREATE OR REPLACE VIEW latency_by_minute AS
SELECT
    station,
    minute,
    count() AS events,
    countIf(is_live) AS live_events,
    if(live_events = 0, NULL, quantileExactIf(0.5)(latency_ms, is_live)) AS latency_p50_ms,
    if(live_events = 0, NULL, quantileExactIf(0.95)(latency_ms, is_live)) AS latency_p95_ms,
    if(live_events = 0, NULL, quantileExactIf(0.99)(latency_ms, is_live)) AS latency_p99_ms,
    if(live_events = 0, NULL, maxIf(latency_ms, is_live)) AS latency_max_ms,
    toNullable(quantileExact(0.5)(record_latency_ms)) AS record_latency_p50_ms,
    toNullable(quantileExact(0.95)(record_latency_ms)) AS record_latency_p95_ms,
    toNullable(quantileExact(0.99)(record_latency_ms)) AS record_latency_p99_ms,
    toNullable(max(record_latency_ms)) AS record_latency_max_ms
FROM event_latency
GROUP BY station, minute;

CREATE OR REPLACE VIEW data_health AS
SELECT
    sums.station AS station, sums.minute AS minute,
    sums.received AS received, sums.accepted AS accepted, sums.duplicates AS duplicates, sums.late AS late, sums.missing AS missing, sums.rejected AS rejected,
    sums.skew_min_ms AS skew_min_ms,
    sums.skew_mean_ms AS skew_mean_ms,
    sums.skew_max_ms AS skew_max_ms,
    latency.events AS events,
    latency.live_events AS live_events,
    latency.latency_p50_ms AS latency_p50_ms,
    latency.latency_p95_ms AS latency_p95_ms,
    latency.latency_p99_ms AS latency_p99_ms,
    latency.latency_max_ms AS latency_max_ms,
    latency.record_latency_p50_ms AS record_latency_p50_ms,
    latency.record_latency_p95_ms AS record_latency_p95_ms,
    latency.record_latency_p99_ms AS record_latency_p99_ms,
    latency.record_latency_max_ms AS record_latency_max_ms,
    sums.coverage AS coverage
FROM
(
SELECT
    station, minute,
    sum(parts.received) AS received,
    sum(parts.accepted) AS accepted,
    sum(parts.duplicates) AS duplicates,
    sum(parts.late) AS late,
    sum(parts.missing) AS missing,
    sum(parts.rejected) AS rejected,
    if(received = rejected, NULL, minIf(parts.skew_min_ms, parts.received > parts.rejected)) AS skew_min_ms,
    if(received = rejected, NULL, sum(parts.skew_sum_ms) / (received - rejected)) AS skew_mean_ms,
    if(received = rejected, NULL, maxIf(parts.skew_max_ms, parts.received > parts.rejected)) AS skew_max_ms,
    1 - sum(parts.unknown_ms) / nullIf(sum(parts.pbt_ms), 0) AS coverage
FROM
(
        SELECT station, minute, received, accepted, duplicates, late, missing, rejected, skew_min_ms, skew_max_ms, skew_sum_ms, 0 AS pbt_ms, 0 AS unknown_ms
        FROM station_health FINAL
        UNION ALL
        SELECT station, minute, 0, 0, 0, 0, 0, 0, 0, 0, 0, pbt_ms, unknown_ms
        FROM minute_facts_current
) AS parts
GROUP BY station, minute
) AS sums
LEFT JOIN
(
SELECT
    station,
    minute,
    count() AS events,
    countIf(is_live) AS live_events,
    if(live_events = 0, NULL, quantileExactIf(0.5)(latency_ms, is_live)) AS latency_p50_ms,
    if(live_events = 0, NULL, quantileExactIf(0.95)(latency_ms, is_live)) AS latency_p95_ms,
    if(live_events = 0, NULL, quantileExactIf(0.99)(latency_ms, is_live)) AS latency_p99_ms,
    if(live_events = 0, NULL, maxIf(latency_ms, is_live)) AS latency_max_ms,
    toNullable(quantileExact(0.5)(record_latency_ms)) AS record_latency_p50_ms,
    toNullable(quantileExact(0.95)(record_latency_ms)) AS record_latency_p95_ms,
    toNullable(quantileExact(0.99)(record_latency_ms)) AS record_latency_p99_ms,
    toNullable(max(record_latency_ms)) AS record_latency_max_ms
FROM event_latency
GROUP BY station, minute
) AS latency USING (station, minute);
