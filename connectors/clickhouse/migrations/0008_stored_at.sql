-- When a row was stored, which is what retention counts from; `SELECT *` and INSERT know nothing of it.
-- A row from before this migration counts as stored when it is next merged.

ALTER TABLE minute_facts ADD COLUMN IF NOT EXISTS `stored_at` DateTime('UTC') MATERIALIZED now('UTC');

ALTER TABLE minute_facts_history ADD COLUMN IF NOT EXISTS `stored_at` DateTime('UTC') MATERIALIZED now('UTC');

ALTER TABLE stops ADD COLUMN IF NOT EXISTS `stored_at` DateTime('UTC') MATERIALIZED now('UTC');

ALTER TABLE station_health ADD COLUMN IF NOT EXISTS `stored_at` DateTime('UTC') MATERIALIZED now('UTC');
