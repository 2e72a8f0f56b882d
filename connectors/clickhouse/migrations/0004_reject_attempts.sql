-- A dead letter that was sent again and rejected again counts its attempts.

ALTER TABLE rejects ADD COLUMN IF NOT EXISTS `attempt` UInt8 DEFAULT 1;
