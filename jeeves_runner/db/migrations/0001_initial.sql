-- The first schema. Times are UTC text with milliseconds and Z; durations are milliseconds.

CREATE TABLE jobs (
  id               TEXT PRIMARY KEY,
  name             TEXT NOT NULL,
  schedule         TEXT,                -- one cron expression, or a JSON list of them; null: only triggered
  script           TEXT NOT NULL,       -- path, text, argv (JSON) or prompt, as source_type says
  type             TEXT NOT NULL CHECK (type IN ('script', 'session')),
  enabled          INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  timeout_ms       INTEGER,
  overlap_policy   TEXT NOT NULL CHECK (overlap_policy IN ('skip', 'allow', 'queue', 'replace')),
  on_failure       TEXT,
  on_success       TEXT,
  output_channel   TEXT,
  description      TEXT,
  timezone         TEXT NOT NULL,
  source_type      TEXT NOT NULL
                   CHECK (source_type IN ('path', 'inline', 'command', 'prompt', 'prompt_file')),
  spec             TEXT NOT NULL        -- the whole spec as canonical JSON
                   CHECK (json_type(spec) = 'object'),
  spec_hash        TEXT NOT NULL,
  file             TEXT NOT NULL,
  line             INTEGER NOT NULL,
  namespace        TEXT NOT NULL,
  revision_id      INTEGER NOT NULL REFERENCES revisions (id),   -- the apply that last wrote the declared columns
  drifted          INTEGER NOT NULL DEFAULT 0 CHECK (drifted IN (0, 1)),
  created_at       TEXT NOT NULL,
  updated_at       TEXT NOT NULL,
  deleted_at       TEXT,                -- set: a tombstone
  schedule_since   TEXT NOT NULL,       -- occurrences at or before this do not count
  decided_until    TEXT                 -- watermark: occurrences at or before this never start
) STRICT;
-- Answers by itself what is asked at each look: who was written since, what lives, what has drifted. One index
-- for all of it, because each costs a tenth of a first apply.
CREATE INDEX jobs_at_a_glance ON jobs (revision_id, deleted_at, drifted, id);

-- Only an apply writes what is declared, and each apply brings its own revision, named in `applying` while it
-- writes: a change of a declared column under the same revision or another one came by hand, and so did a row
-- inserted under another one. The next reconcile finds the mark and heals the row.
CREATE TRIGGER jobs_drift AFTER UPDATE OF id, name, schedule, script, type, enabled, timeout_ms, overlap_policy,
  on_failure, on_success, output_channel, description, timezone, source_type, spec, spec_hash, file,
  namespace, deleted_at ON jobs
WHEN NEW.revision_id IS OLD.revision_id OR NEW.revision_id NOT IN (SELECT revision_id FROM applying)
BEGIN
  UPDATE jobs SET drifted = 1 WHERE id = NEW.id;
END;
CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs
WHEN NEW.revision_id NOT IN (SELECT revision_id FROM applying)
BEGIN
  UPDATE jobs SET drifted = 1 WHERE id = NEW.id;
END;

CREATE TABLE queues (
  id               TEXT PRIMARY KEY,
  description      TEXT,
  dedup_config     TEXT,                -- {"key": "$.path", "scope": "pending" | "all"} or null
  retention        TEXT NOT NULL,       -- {"completed_ms": n, "failed_ms": n}
  max_attempts     INTEGER NOT NULL,
  lease_ms         INTEGER NOT NULL,
  backoff          TEXT NOT NULL,       -- {"delay_ms": n, "factor": x, "max_delay_ms": n}
  declared         INTEGER NOT NULL CHECK (declared IN (0, 1)),
  spec             TEXT CHECK (json_type(spec) = 'object'),
  spec_hash        TEXT,
  file             TEXT,
  line             INTEGER,
  revision_id      INTEGER REFERENCES revisions (id),
  drifted          INTEGER NOT NULL DEFAULT 0 CHECK (drifted IN (0, 1)),
  created_at       TEXT NOT NULL,
  updated_at       TEXT NOT NULL,
  deleted_at       TEXT
) STRICT;

CREATE TRIGGER queues_drift AFTER UPDATE OF id, description, dedup_config, retention, max_attempts, lease_ms,
  backoff, spec, spec_hash, file, deleted_at ON queues
WHEN NEW.revision_id IS OLD.revision_id OR NEW.revision_id NOT IN (SELECT revision_id FROM applying)
BEGIN
  UPDATE queues SET drifted = 1 WHERE id = NEW.id;
END;
CREATE TRIGGER queues_inserted AFTER INSERT ON queues
WHEN NEW.declared AND coalesce(NEW.revision_id, 0) NOT IN (SELECT revision_id FROM applying)
BEGIN
  UPDATE queues SET drifted = 1 WHERE id = NEW.id;
END;

CREATE TABLE revisions (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  applied_at       TEXT NOT NULL,
  applied_by       TEXT NOT NULL CHECK (applied_by IN ('watch', 'cli', 'api', 'hook')),
  "commit"         TEXT,
  author           TEXT,
  subject          TEXT,
  created          INTEGER NOT NULL,
  updated          INTEGER NOT NULL,
  deleted          INTEGER NOT NULL,
  drifted          INTEGER NOT NULL,
  changes          TEXT NOT NULL,       -- JSON list of changes, secrets redacted
  held             TEXT NOT NULL        -- JSON list of held ids
) STRICT;

-- The revision whose apply writes now; empty outside of that transaction.
CREATE TABLE applying (
  revision_id      INTEGER PRIMARY KEY
) STRICT;

-- Manifests applied without errors, so that an unchanged one needs no parse: its entries are the live rows
-- that name it, as long as there are as many of them and none has drifted.
CREATE TABLE manifest_files (
  path             TEXT PRIMARY KEY,
  digest           TEXT NOT NULL,       -- of the content and of everything else that shapes its meaning
  entries          INTEGER NOT NULL,
  problems         TEXT NOT NULL        -- JSON list of warnings
) STRICT, WITHOUT ROWID;

-- Jobs whose manifest is broken: held at their last good spec until it is mended.
CREATE TABLE held (
  kind             TEXT NOT NULL CHECK (kind IN ('job', 'queue', 'node')),
  id               TEXT NOT NULL,
  file             TEXT NOT NULL,
  since            TEXT NOT NULL,
  message          TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT;

CREATE TABLE source (
  only             INTEGER PRIMARY KEY CHECK (only = 1),
  kind             TEXT NOT NULL CHECK (kind IN ('folder', 'git')),
  location         TEXT NOT NULL,
  recorded_at      TEXT NOT NULL
) STRICT;

-- The one runner. The epoch rises with each start; start and outcome transactions check it.
CREATE TABLE runner (
  only             INTEGER PRIMARY KEY CHECK (only = 1),
  epoch            INTEGER NOT NULL,
  pid              INTEGER NOT NULL,
  boot_id          TEXT NOT NULL,
  api_url          TEXT,                -- null unless it listens, as is socket
  socket           TEXT,                -- the path of its Unix socket; null also where it could have none
  started_at       TEXT NOT NULL,
  stopping_at      TEXT,                -- when it was asked to stop: from then on it starts nothing
  stopped_at       TEXT,
  planner_digest   TEXT                 -- of its config as far as it shapes what manifests mean
) STRICT;

CREATE TABLE runs (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id           TEXT NOT NULL REFERENCES jobs (id),
  started_at       TEXT,
  finished_at      TEXT,
  status           TEXT NOT NULL CHECK (status IN ('scheduled', 'running', 'ok', 'error', 'timeout',
                                                   'cancelled', 'interrupted', 'skipped', 'missed')),
  exit_code        INTEGER,
  stdout           TEXT,
  stderr           TEXT,
  duration_ms      INTEGER,
  trigger          TEXT NOT NULL CHECK (trigger IN ('schedule', 'catch_up', 'manual', 'retry', 'after', 'queue',
                                                    'change', 'start', 'backfill')),
  -- A time on the schedule came: of each at most one row. No statement says otherwise which triggers those are.
  is_occurrence    INTEGER NOT NULL GENERATED ALWAYS AS (trigger IN ('schedule', 'catch_up')) VIRTUAL,
  attempt          INTEGER NOT NULL DEFAULT 1 CHECK (attempt >= 1),
  chain_id         INTEGER REFERENCES runs (id),   -- first attempt; null for a first attempt
  scheduled_for    TEXT,                -- the occurrence; for skipped and missed rows the first of the gap
  last_for         TEXT,                -- skipped and missed: the last occurrence of the gap
  occurrences      INTEGER NOT NULL DEFAULT 1,
  not_before       TEXT,
  created_at       TEXT NOT NULL,
  signal           TEXT,
  message          TEXT,
  -- Why it waits, did not start, or ended without an outcome of its own; and what that is about: a pool, a run ...
  reason           TEXT CHECK (reason IN ('overlap', 'queue_full', 'limit', 'pool', 'paused', 'disk_full', 'retry',
                                          'needs', 'precheck', 'exit_code', 'token_budget', 'depth', 'late',
                                          'superseded', 'no_catch_up', 'skip', 'cancel', 'replaced', 'deleted', 'disabled')),
  reason_ref       TEXT,
  tokens           INTEGER,
  result_meta      TEXT,
  params           TEXT,
  forced           INTEGER NOT NULL DEFAULT 0,
  priority         INTEGER NOT NULL DEFAULT 0,
  pool             TEXT,
  spec_hash        TEXT,
  revision_id      INTEGER REFERENCES revisions (id),
  file             TEXT,
  script_hash      TEXT,
  log_path         TEXT,
  cancel_cause     TEXT CHECK (cancel_cause IN ('cancel', 'replaced', 'timeout', 'shutdown', 'fenced')),
  cancel_requested_at TEXT,
  mark             TEXT,                -- written with the start; all processes of the run carry it
  handle           TEXT CHECK (json_type(handle) = 'object'),   -- what its executor needs to find it again
  epoch            INTEGER,             -- the runner that decided about it; null while none has
  end_seq          INTEGER,             -- rises with each commit that makes runs final, or tells more of one
  CHECK (status NOT IN ('scheduled', 'running') OR finished_at IS NULL),
  CHECK (status IN ('scheduled', 'running') OR finished_at IS NOT NULL),
  CHECK (status NOT IN ('running', 'ok', 'error', 'timeout', 'interrupted') OR started_at IS NOT NULL),
  CHECK (status NOT IN ('scheduled', 'missed') OR started_at IS NULL),
  -- So that nothing makes a run final but what takes the number of an end, and sees to what follows from it.
  CHECK ((status IN ('scheduled', 'running')) = (end_seq IS NULL))
) STRICT;
CREATE UNIQUE INDEX runs_occurrence ON runs (job_id, scheduled_for) WHERE is_occurrence;
CREATE INDEX runs_by_job ON runs (job_id, id);
CREATE INDEX runs_active ON runs (status) WHERE status IN ('scheduled', 'running');
CREATE INDEX runs_finished ON runs (finished_at, status) WHERE finished_at IS NOT NULL;
CREATE INDEX runs_not_ok ON runs (status) WHERE finished_at IS NOT NULL AND status <> 'ok';
CREATE INDEX runs_logs ON runs (finished_at) WHERE finished_at IS NOT NULL AND log_path IS NOT NULL;
CREATE INDEX runs_no_occurrence ON runs (finished_at)
  WHERE finished_at IS NOT NULL AND NOT is_occurrence;
CREATE INDEX runs_chain ON runs (chain_id) WHERE chain_id IS NOT NULL;
CREATE INDEX runs_ended ON runs (end_seq) WHERE end_seq IS NOT NULL;
CREATE INDEX runs_asked_to_end ON runs (id) WHERE cancel_requested_at IS NOT NULL AND finished_at IS NULL;

CREATE TRIGGER runs_transition BEFORE UPDATE OF status ON runs
WHEN OLD.status <> NEW.status AND NOT (
     (OLD.status = 'scheduled' AND NEW.status IN ('running', 'cancelled', 'skipped', 'missed'))
  OR (OLD.status = 'running' AND NEW.status IN ('ok', 'error', 'timeout', 'cancelled', 'interrupted',
                                                 'skipped')))
BEGIN
  SELECT RAISE(ABORT, 'a run cannot change its status this way');
END;

-- Numbers that only rise, whatever is deleted. `run_ends`: the newest runs.end_seq.
CREATE TABLE sequences (
  name             TEXT PRIMARY KEY,
  value            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sequences VALUES ('run_ends', 0);

CREATE TABLE overrides (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id           TEXT REFERENCES jobs (id),   -- null: all jobs, those to come included
  kind             TEXT NOT NULL CHECK (kind IN ('pause', 'skip', 'mute')),
  until            TEXT,                -- null: until resumed
  reason           TEXT,
  created_by       TEXT NOT NULL,
  created_at       TEXT NOT NULL,
  ended_at         TEXT
) STRICT;
CREATE UNIQUE INDEX overrides_live ON overrides (job_id, kind) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX overrides_live_of_all ON overrides (kind) WHERE job_id IS NULL AND ended_at IS NULL;

CREATE TABLE audit (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  at               TEXT NOT NULL,
  actor            TEXT NOT NULL,
  action           TEXT NOT NULL,
  target           TEXT NOT NULL,
  detail           TEXT
) STRICT;

CREATE TABLE state (
  namespace        TEXT NOT NULL,
  key              TEXT NOT NULL,
  value            TEXT NOT NULL,       -- JSON
  expires_at       TEXT,
  updated_at       TEXT NOT NULL,
  PRIMARY KEY (namespace, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX state_expiry ON state (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE state_items (
  namespace        TEXT NOT NULL,
  key              TEXT NOT NULL,
  item_key         TEXT NOT NULL,
  value            TEXT NOT NULL,       -- JSON
  expires_at       TEXT,
  updated_at       TEXT NOT NULL,
  PRIMARY KEY (namespace, key, item_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX state_items_recent ON state_items (namespace, key, updated_at, item_key, expires_at);
CREATE INDEX state_items_expiry ON state_items (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE queue_items (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  queue_id         TEXT NOT NULL REFERENCES queues (id),
  payload          TEXT NOT NULL,       -- JSON
  status           TEXT NOT NULL CHECK (status IN ('pending', 'claimed', 'completed', 'failed')),
  created_at       TEXT NOT NULL,
  claimed_at       TEXT,
  completed_at     TEXT,                -- when it was completed or failed for good
  priority         INTEGER NOT NULL DEFAULT 0,
  dedup_key        TEXT,
  attempt          INTEGER NOT NULL DEFAULT 0,
  max_attempts     INTEGER NOT NULL,
  ready_at         TEXT NOT NULL,       -- not claimable before
  lease_token      TEXT,
  lease_until      TEXT,
  run_id           INTEGER,             -- the run whose script holds the claim
  error            TEXT,
  CHECK ((status = 'claimed') = (lease_token IS NOT NULL)),
  CHECK ((status IN ('completed', 'failed')) = (completed_at IS NOT NULL))
) STRICT;
CREATE INDEX queue_items_ready ON queue_items (queue_id, priority DESC, ready_at, id) WHERE status = 'pending';
CREATE INDEX queue_items_leases ON queue_items (queue_id, lease_until) WHERE status = 'claimed';
CREATE INDEX queue_items_completed ON queue_items (queue_id, completed_at) WHERE status = 'completed';
CREATE INDEX queue_items_failed ON queue_items (queue_id, completed_at) WHERE status = 'failed';
CREATE INDEX queue_items_by_run ON queue_items (run_id) WHERE status = 'claimed';
CREATE INDEX queue_items_dedup ON queue_items (queue_id, dedup_key) WHERE dedup_key IS NOT NULL;
