-- A pause may be of all jobs, those to come included.

CREATE TABLE overrides_of_any (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id           TEXT REFERENCES jobs (id),   -- null: all jobs
  kind             TEXT NOT NULL CHECK (kind IN ('pause')),
  until            TEXT,                -- null: until resumed
  reason           TEXT,
  created_by       TEXT NOT NULL,
  created_at       TEXT NOT NULL,
  ended_at         TEXT
) STRICT;
INSERT INTO overrides_of_any (id, job_id, kind, until, reason, created_by, created_at, ended_at)
  SELECT id, job_id, kind, until, reason, created_by, created_at, ended_at FROM overrides;
DROP TABLE overrides;
ALTER TABLE overrides_of_any RENAME TO overrides;
CREATE UNIQUE INDEX overrides_live ON overrides (job_id, kind) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX overrides_live_of_all ON overrides (kind) WHERE job_id IS NULL AND ended_at IS NULL;
