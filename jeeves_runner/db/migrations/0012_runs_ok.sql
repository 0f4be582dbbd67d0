-- How long runs of a job usually take, and what has changed since one was ok, is asked of those that were ok.
CREATE INDEX runs_ok ON runs (job_id, id) WHERE status = 'ok';
