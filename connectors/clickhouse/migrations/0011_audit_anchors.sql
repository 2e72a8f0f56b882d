-- The head of the audit trail as it was at a time. Two rows with the same number and another seal are both kept: one of
-- them is of a trail that was changed.

CREATE TABLE IF NOT EXISTS audit_anchors
(
    `seq` Int64,
    `seal` String,
    `at_ms` Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (seq, seal)
SETTINGS non_replicated_deduplication_window = 0;
