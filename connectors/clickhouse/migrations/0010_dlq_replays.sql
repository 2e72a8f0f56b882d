-- What was done with dead letters: a letter is dealt with once there is a row of it.

CREATE TABLE IF NOT EXISTS dlq_replays
(
    `topic` LowCardinality(String),
    `epoch` UInt32,
    `partition` UInt16,
    `offset` Int64,
    `attempt` UInt8,
    `policy` LowCardinality(String),
    `at_ms` Int64,
    `by` LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, epoch, partition, `offset`, at_ms)
SETTINGS non_replicated_deduplication_window = 0;
