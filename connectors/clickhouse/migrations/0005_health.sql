-- What became of each station's messages, and when each publication was stored.
-- A publication that is written again after a crash keeps the time of the first one: rows count as visible since then.

CREATE TABLE IF NOT EXISTS station_health
(
    `station` LowCardinality(String),
    `minute` DateTime('UTC') CODEC(Delta, ZSTD(1)),
    `partition` UInt16,
    `received` UInt32,
    `accepted` UInt32,
    `duplicates` UInt32,
    `late` UInt32,
    `missing` Int64,
    `rejected` UInt32,
    `skew_min_ms` Int64,
    `skew_max_ms` Int64,
    `skew_sum_ms` Int64,
    `version` UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY (station, minute, partition)
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS publications
(
    `partition` UInt16,
    `epoch` UInt32,
    `offset` Int64 CODEC(Delta, ZSTD(1)),
    `now_ms` Int64 CODEC(Delta, ZSTD(1)),
    `stored_at` SimpleAggregateFunction(min, DateTime64(3, 'UTC')) DEFAULT now64(3, 'UTC')
)
ENGINE = AggregatingMergeTree
ORDER BY (partition, epoch, offset, now_ms)
TTL toDateTime(stored_at) + toIntervalDay(30)
SETTINGS non_replicated_deduplication_window = 0;
