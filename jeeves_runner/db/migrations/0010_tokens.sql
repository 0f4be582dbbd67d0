-- What the runs of a job have used in a day is asked for before each start of one that has a budget.
CREATE INDEX runs_tokens ON runs (job_id, started_at, tokens) WHERE tokens IS NOT NULL;
