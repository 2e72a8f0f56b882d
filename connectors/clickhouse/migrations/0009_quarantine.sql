-- Senders that were set aside because most of their records were rejected.

CREATE TABLE IF NOT EXISTS quarantine
(
    `station` LowCardinality(String),
    `partition` UInt16,
    `since_ms` Int64,
    `quarantined` UInt8,
    `rejected` UInt16,
    `seen` UInt16,
    `reason` LowCardinality(String),
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (station, partition)
SETTINGS non_replicated_deduplication_window = 0;

-- Who is in quarantine now, since when, and why.

CREATE OR REPLACE VIEW quarantine_current AS
SELECT station, partition, fromUnixTimestamp64Milli(since_ms, 'UTC') AS since, rejected, seen, reason
FROM quarantine FINAL
WHERE quarantined;
