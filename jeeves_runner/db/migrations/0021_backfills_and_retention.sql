-- How often a backfill has taken up again what was interrupted.
ALTER TABLE backfills ADD COLUMN taken_up INTEGER NOT NULL DEFAULT 0;
