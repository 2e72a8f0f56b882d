-- Station-days that were folded again from the archive, and those that wait for it. The version is that of the log's last
-- tick when it was done: everything before it is counted.

CREATE TABLE IF NOT EXISTS refolds_done
(
    `station` LowCardinality(String),
    `day` Date,
    `version` UInt64,
    `resume_ms` Int64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (station, day)
SETTINGS non_replicated_deduplication_window = 0;

CREATE OR REPLACE VIEW refolds_pending AS
SELECT
    marked.station AS station,
    marked.day AS day,
    marked.events AS events,
    marked.version AS version,
    done.version AS done_version,
    done.resume_ms AS resume_ms
FROM (SELECT * FROM refolds FINAL) AS marked
LEFT JOIN (SELECT * FROM refolds_done FINAL) AS done ON done.station = marked.station AND done.day = marked.day
WHERE marked.version > done.version OR done.resume_ms > 0;
