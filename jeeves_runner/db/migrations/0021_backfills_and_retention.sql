-- How often a backfill has taken up again what was interrupted.
ALTER TABLE backfills ADD COLUMN taken_up INTEGER NOT NULL DEFAULT 0;

-- The ended runs of one job, the oldest first: what a job's own retention is looked up in.
CREATE INDEX runs_of_job_ended ON runs (job_id, is_occurrence, finished_at) WHERE finished_at IS NOT NULL;
