-- The tables of sipe/contracts/tables.py. Rows arrive at least once and follow from the log, so every engine replaces:
-- by version where rows are restated, by key alone where a key never changes its content.
-- Months are partitions of the tables that grow; a key holds the time that decides its partition, so a restated row
-- meets the row it replaces.
-- Blocks are never deduplicated: a block that comes again is written again, and its rows replace themselves.

CREATE TABLE IF NOT EXISTS events
(
    `station` LowCardinality(String),
    `ts` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    `type` LowCardinality(String),
    `source` LowCardinality(String),
    `boot` UInt32,
    `seq` Int64 CODEC(Delta, ZSTD(1)),
    `epoch` UInt32,
    `partition` UInt16,
    `offset` Int64 CODEC(Delta, ZSTD(1)),
    `record_ts` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    `outcome` LowCardinality(String),
    `raw` String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (station, ts, epoch, partition, offset)
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS rejects
(
    `epoch` UInt32,
    `partition` UInt16,
    `offset` Int64 CODEC(Delta, ZSTD(1)),
    `record_ts` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    `reason` LowCardinality(String),
    `detail` String CODEC(ZSTD(1)),
    `key` String CODEC(ZSTD(1)),
    `raw` String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
ORDER BY (epoch, partition, offset)
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS minute_facts
(
    `station` LowCardinality(String),
    `minute` DateTime('UTC') CODEC(Delta, ZSTD(1)),
    `order` LowCardinality(String),
    `product` LowCardinality(String),
    `shift` LowCardinality(String),
    `pbt_ms` UInt32,
    `apt_ms` UInt32,
    `aust_ms` UInt32,
    `adet_ms` UInt32,
    `adot_ms` UInt32,
    `unknown_ms` UInt32,
    `planned_stop_ms` UInt32,
    `overtime_ms` UInt32,
    `conflict_ms` UInt32,
    `down_ms` UInt32,
    `failures` UInt32,
    `attended_ms` UInt32,
    `worked_ms` UInt32,
    `good` Int64,
    `scrap` Int64,
    `rework` Int64,
    `cycles` Int64,
    `cycle_ms` Int64,
    `planned_run_ms` Int64,
    `pieces_with_standard` Int64,
    `other_source_pieces` Int64,
    `closed` UInt8,
    `version` UInt64 CODEC(Delta, ZSTD(1)),
    `is_deleted` UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(minute)
ORDER BY (station, minute, `order`, product, shift)
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS minute_facts_history
(
    `station` LowCardinality(String),
    `minute` DateTime('UTC') CODEC(Delta, ZSTD(1)),
    `order` LowCardinality(String),
    `product` LowCardinality(String),
    `shift` LowCardinality(String),
    `pbt_ms` UInt32,
    `apt_ms` UInt32,
    `aust_ms` UInt32,
    `adet_ms` UInt32,
    `adot_ms` UInt32,
    `unknown_ms` UInt32,
    `planned_stop_ms` UInt32,
    `overtime_ms` UInt32,
    `conflict_ms` UInt32,
    `down_ms` UInt32,
    `failures` UInt32,
    `attended_ms` UInt32,
    `worked_ms` UInt32,
    `good` Int64,
    `scrap` Int64,
    `rework` Int64,
    `cycles` Int64,
    `cycle_ms` Int64,
    `planned_run_ms` Int64,
    `pieces_with_standard` Int64,
    `other_source_pieces` Int64,
    `published_ms` Int64 CODEC(Delta, ZSTD(1)),
    `version` UInt64 CODEC(Delta, ZSTD(1)),
    `is_deleted` UInt8
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (station, minute, `order`, product, shift, version)
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS stops
(
    `station` LowCardinality(String),
    `from_ts` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    `to_ts` DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    `state` LowCardinality(String),
    `reason` String CODEC(ZSTD(1)),
    `classified_by` String CODEC(ZSTD(1)),
    `stop_version` UInt32,
    `order` LowCardinality(String),
    `product` LowCardinality(String),
    `shift` LowCardinality(String),
    `open` UInt8,
    `version` UInt64 CODEC(Delta, ZSTD(1)),
    `is_deleted` UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(from_ts)
ORDER BY (station, from_ts)
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS stations
(
    `station` LowCardinality(String),
    `display` String,
    `has_calendar` UInt8,
    `accepted` UInt64,
    `duplicates` UInt64,
    `late` UInt64,
    `missing` UInt64,
    `last_ts` DateTime64(3, 'UTC'),
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY station
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS refolds
(
    `station` LowCardinality(String),
    `day` Date,
    `events` UInt64,
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (station, day)
SETTINGS non_replicated_deduplication_window = 0;

CREATE TABLE IF NOT EXISTS flow_progress
(
    `partition` UInt16,
    `epoch` UInt32,
    `offset` Int64,
    `tick_offset` Int64,
    `now_ms` Int64,
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (partition, epoch)
SETTINGS non_replicated_deduplication_window = 0;
