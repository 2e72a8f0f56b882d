-- What is known now: the highest version of each key. FINAL also hides the keys whose highest version deletes them.

CREATE OR REPLACE VIEW minute_facts_current AS
SELECT * EXCEPT (is_deleted)
FROM minute_facts FINAL;

CREATE OR REPLACE VIEW stops_current AS
SELECT * EXCEPT (is_deleted)
FROM stops FINAL;

CREATE OR REPLACE VIEW stations_current AS
SELECT *
FROM stations FINAL;
