-- The namespaces of the jobs that have another one than their id: it is the id with which a job was first made.
CREATE TABLE namespaces (
  job_id           TEXT PRIMARY KEY,
  namespace        TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- A job that is renamed takes its runs along, and a million of them take long to write: the runs that have ended
-- are given the new id bit by bit, the newest first. Until then they belong to the new id by this table.
CREATE TABLE carries (
  old_id           TEXT NOT NULL,       -- the id that their rows still have
  new_id           TEXT NOT NULL,       -- the job that they belong to
  after_run        INTEGER NOT NULL,    -- those with larger ids than this ...
  last_run         INTEGER NOT NULL,    -- ... up to this one, which goes down as they are carried
  renamed_at       TEXT NOT NULL,
  PRIMARY KEY (old_id, after_run)
) STRICT, WITHOUT ROWID;
CREATE INDEX carries_by_new ON carries (new_id);
