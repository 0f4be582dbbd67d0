-- The graph: what is declared of its nodes, what ties jobs to them and to each other, and what follows from that.
CREATE TABLE nodes (
  id               TEXT PRIMARY KEY,    -- KIND:NAME
  kind             TEXT NOT NULL
                   CHECK (kind IN ('source', 'sink', 'datastore', 'queue', 'process', 'auth')),
  description      TEXT,
  owner            TEXT,
  path             TEXT,
  expires          TEXT,                -- the last day on which it is valid: YYYY-MM-DD
  fresh_within_ms  INTEGER,
  spec             TEXT NOT NULL        -- the whole spec as canonical JSON
                   CHECK (json_type(spec) = 'object'),
  spec_hash        TEXT NOT NULL,
  file             TEXT NOT NULL,
  line             INTEGER NOT NULL,
  revision_id      INTEGER NOT NULL REFERENCES revisions (id),
  drifted          INTEGER NOT NULL DEFAULT 0 CHECK (drifted IN (0, 1)),
  created_at       TEXT NOT NULL,
  updated_at       TEXT NOT NULL,
  deleted_at       TEXT                 -- set: a tombstone
) STRICT;
CREATE INDEX nodes_expected ON nodes (id) WHERE fresh_within_ms IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX nodes_at_a_glance ON nodes (revision_id, deleted_at, drifted);
CREATE TRIGGER nodes_drift AFTER UPDATE OF id, kind, description, owner, path, expires, fresh_within_ms, spec,
  spec_hash, file, deleted_at ON nodes
WHEN NEW.revision_id IS OLD.revision_id OR NEW.revision_id NOT IN (SELECT revision_id FROM applying)
BEGIN
  UPDATE nodes SET drifted = 1 WHERE id = NEW.id;
END;
CREATE TRIGGER nodes_inserted AFTER INSERT ON nodes
WHEN NEW.revision_id NOT IN (SELECT revision_id FROM applying)
BEGIN
  UPDATE nodes SET drifted = 1 WHERE id = NEW.id;
END;

-- The edges of the live jobs, as their specs say them: an apply writes those of the jobs that it writes.
CREATE TABLE edges (
  job_id           TEXT NOT NULL,
  relation         TEXT NOT NULL CHECK (relation IN ('reads', 'writes', 'uses', 'after', 'needs', 'on_queue',
                                                     'on_change', 'triggers')),
  node             TEXT NOT NULL,       -- KIND:NAME; a job is process:ID
  PRIMARY KEY (job_id, relation, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX edges_by_node ON edges (node, relation, job_id);
CREATE INDEX edges_on_queue ON edges (job_id) WHERE relation = 'on_queue';
INSERT INTO edges SELECT DISTINCT job, key, value FROM (
  SELECT jobs.id AS job, 'reads' AS key, each.value FROM jobs, json_each(spec, '$.reads') AS each WHERE deleted_at IS NULL
  UNION ALL
  SELECT jobs.id, 'writes', each.value FROM jobs, json_each(spec, '$.writes') AS each WHERE deleted_at IS NULL
  UNION ALL
  SELECT jobs.id, 'uses', each.value FROM jobs, json_each(spec, '$.uses') AS each WHERE deleted_at IS NULL
) WHERE typeof(value) = 'text';

-- When a datastore or sink was last written with success, or found to need no writing.
CREATE TABLE freshness (
  node             TEXT PRIMARY KEY,
  fresh_at         TEXT NOT NULL,
  job_id           TEXT NOT NULL,
  run_id           INTEGER NOT NULL     -- which may be deleted by now
) STRICT, WITHOUT ROWID;

-- What a job that comes after others has yet to consume of the ends of each of them.
CREATE TABLE arrivals (
  job_id           TEXT NOT NULL,
  upstream         TEXT NOT NULL,
  qualifies        TEXT NOT NULL CHECK (qualifies IN ('ok', 'finished')),   -- how its chains must have ended
  runs             TEXT NOT NULL DEFAULT '[]' CHECK (json_type(runs) = 'array'),   -- the newest 100 of them, each
                                                                                 -- [id, scheduled_for]
  count            INTEGER NOT NULL DEFAULT 0,   -- how many there are
  depth            INTEGER NOT NULL DEFAULT 0,   -- the largest of them
  PRIMARY KEY (job_id, upstream)
) STRICT, WITHOUT ROWID;
CREATE INDEX arrivals_of ON arrivals (upstream, job_id);
CREATE INDEX arrivals_there ON arrivals (job_id) WHERE count > 0;

-- How long a job that items start rests, because its last run came to nothing.
CREATE TABLE queue_triggers (
  job_id           TEXT PRIMARY KEY,
  rest_ms          INTEGER NOT NULL DEFAULT 0,
  not_before       TEXT                 -- nothing starts it before; null: it does not rest
) STRICT, WITHOUT ROWID;
-- Which jobs have a run that runs or waits?
DROP INDEX runs_active;
CREATE INDEX runs_active ON runs (status, job_id) WHERE status IN ('scheduled', 'running');
-- While a queue is paused nothing is claimed from it, and it starts nothing.
ALTER TABLE queues ADD COLUMN paused_at TEXT;
ALTER TABLE queues ADD COLUMN paused_until TEXT;      -- null: until resumed
ALTER TABLE queues ADD COLUMN pause_ms INTEGER;       -- how long that was to be; null: a person has named the end
ALTER TABLE queues ADD COLUMN pause_reason TEXT;
ALTER TABLE queues ADD COLUMN paused_by TEXT;

-- What was last seen of the files whose changes start a job.
CREATE TABLE change_watches (
  job_id           TEXT PRIMARY KEY,
  watched          TEXT NOT NULL,       -- hash of what is watched; under another one nothing has been seen
  fingerprint      TEXT NOT NULL,
  taken_at         TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What a run follows from: {"runs": [ids], "items": [ids], "path": text, ...}, and over how many others.
ALTER TABLE runs ADD COLUMN caused_by TEXT CHECK (json_type(caused_by) = 'object');
ALTER TABLE runs ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;
CREATE TABLE run_causes (
  cause            INTEGER NOT NULL,    -- a run, which may be deleted by now ...
  run_id           INTEGER NOT NULL,    -- ... and one that it caused
  PRIMARY KEY (cause, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_causes_of ON run_causes (run_id);

-- What runs have done: how many items of a queue, or keys and items of a namespace of state.
CREATE TABLE effects (
  run_id           INTEGER NOT NULL,
  act              TEXT NOT NULL CHECK (act IN ('claimed', 'enqueued', 'completed', 'failed', 'wrote')),
  target           TEXT NOT NULL,       -- a queue's id; of `wrote` a namespace
  count            INTEGER NOT NULL,
  PRIMARY KEY (run_id, act, target)
) STRICT, WITHOUT ROWID;
ALTER TABLE queue_items ADD COLUMN producer_run INTEGER;       -- the run that enqueued it, and its revision
ALTER TABLE queue_items ADD COLUMN producer_revision INTEGER;
ALTER TABLE queue_items ADD COLUMN run_revision INTEGER;       -- that of run_id, the run that claimed it last
ALTER TABLE queue_items ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;   -- that of the run that enqueued it
CREATE INDEX queue_items_by_producer ON queue_items (producer_run) WHERE producer_run IS NOT NULL;
DROP INDEX queue_items_by_run;
CREATE INDEX queue_items_by_run ON queue_items (run_id, status) WHERE run_id IS NOT NULL;
ALTER TABLE state ADD COLUMN writer_run INTEGER;               -- the run that wrote it last, and its revision
ALTER TABLE state ADD COLUMN writer_revision INTEGER;
ALTER TABLE state_items ADD COLUMN writer_run INTEGER;
ALTER TABLE state_items ADD COLUMN writer_revision INTEGER;

-- Occurrences of the past that are made up for, one after the other.
CREATE TABLE backfills (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id           TEXT NOT NULL,
  from_at          TEXT NOT NULL,       -- the first that counts
  to_at            TEXT NOT NULL,       -- those before this count
  cursor           TEXT,                -- the last that has been decided about; null: none yet
  open             TEXT NOT NULL DEFAULT '[]' CHECK (json_type(open) = 'array'),   -- those whose runs are not all over:
                                        -- [{"at": time, "runs": {job: its run}, "ended": {job: how}}]
  status           TEXT NOT NULL CHECK (status IN ('active', 'done', 'cancelled')),
  parallel         INTEGER NOT NULL CHECK (parallel >= 1),
  priority         INTEGER NOT NULL,
  again            INTEGER NOT NULL CHECK (again IN (0, 1)),
  downstream       INTEGER NOT NULL CHECK (downstream IN (0, 1)),
  total            INTEGER NOT NULL,    -- how many occurrences there are
  had_run          INTEGER NOT NULL DEFAULT 0,   -- how many of them had run before, and were left out
  entered          INTEGER NOT NULL DEFAULT 0,   -- how many of them got a run
  ok               INTEGER NOT NULL DEFAULT 0,   -- of how many of those all runs have ended ok
  failed           INTEGER NOT NULL DEFAULT 0,   -- of how many they are over otherwise
  message          TEXT,                -- why it ended before its time
  created_by       TEXT NOT NULL,
  created_at       TEXT NOT NULL,
  finished_at      TEXT,
  CHECK ((status = 'active') = (finished_at IS NULL))
) STRICT;
CREATE INDEX backfills_active ON backfills (id) WHERE status = 'active';
CREATE INDEX backfills_over ON backfills (finished_at) WHERE finished_at IS NOT NULL;
ALTER TABLE runs ADD COLUMN backfill_id INTEGER;
CREATE UNIQUE INDEX runs_of_backfill ON runs (backfill_id, scheduled_for, job_id)
  WHERE backfill_id IS NOT NULL AND attempt = 1;
CREATE INDEX runs_made_up ON runs (job_id, scheduled_for) WHERE backfill_id IS NOT NULL;
