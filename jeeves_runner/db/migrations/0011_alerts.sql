-- What is wrong and not over: an incident per job (or subject) and cause. Closed ones stay for the history.
CREATE TABLE incidents (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  cause            TEXT NOT NULL CHECK (cause IN ('failure', 'missed', 'interrupted', 'late', 'overrun', 'outlasts',
                                                  'stale', 'held', 'blocked', 'disk_full')),
  job_id           TEXT REFERENCES jobs (id),   -- null: a cause without a job
  subject          TEXT NOT NULL DEFAULT '',    -- what it is about besides: a manifest, a node
  opened_at        TEXT NOT NULL,       -- when the first of it happened
  count            INTEGER NOT NULL CHECK (count >= 1),   -- how often it has happened since
  run_id           INTEGER,             -- the newest run of it, which may be deleted by now
  told_at          TEXT,                -- when people were first told; null: too few yet, too early, or muted
  said_at          TEXT,                -- when they were last told
  remind_at        TEXT,                -- when they will be reminded
  remind_ms        INTEGER,             -- how long after said_at that was to be
  channels         TEXT NOT NULL DEFAULT '[]' CHECK (json_type(channels) = 'array'),   -- where it was first told
  facts            TEXT NOT NULL DEFAULT '{}' CHECK (json_type(facts) = 'object'),
  closed_at        TEXT,
  closed_by        TEXT CHECK (closed_by IN ('recovered', 'disabled', 'deleted')),
  CHECK ((closed_at IS NULL) = (closed_by IS NULL))
) STRICT;
CREATE UNIQUE INDEX incidents_open ON incidents (coalesce(job_id, ''), cause, subject) WHERE closed_at IS NULL;
CREATE INDEX incidents_due ON incidents (remind_at) WHERE closed_at IS NULL AND remind_at IS NOT NULL;
CREATE INDEX incidents_closed ON incidents (closed_at) WHERE closed_at IS NOT NULL;

-- What is to be said, and was: a row per alert and channel, written with what it tells of.
CREATE TABLE outbox (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  channel          TEXT NOT NULL,       -- a Slack id, webhook:NAME or email:ADDRESS
  said             TEXT NOT NULL CHECK (said IN ('opened', 'reminder', 'recovered', 'event', 'output', 'test')),
  cause            TEXT,
  incident_id      INTEGER REFERENCES incidents (id),   -- null: of no incident
  job_id           TEXT REFERENCES jobs (id),
  run_id           INTEGER,             -- the run it tells of, which may be deleted by now
  facts            TEXT NOT NULL DEFAULT '{}' CHECK (json_type(facts) = 'object'),
  created_at       TEXT NOT NULL,
  bundle           TEXT,                -- rows of one channel that have the same are one message
  status           TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'failed')),
  not_before       TEXT,                -- when it is tried next; null: at once
  delay_ms         INTEGER,             -- how long that wait was to be
  tries            INTEGER NOT NULL DEFAULT 0,
  sending_at       TEXT,                -- a try was begun whose answer is not known: it may have arrived
  finished_at      TEXT,                -- when it was sent, or given up
  ref              TEXT,                -- what names the message at the channel
  error            TEXT,                -- why the last try failed
  CHECK ((status = 'pending') = (finished_at IS NULL))
) STRICT;
CREATE INDEX outbox_pending ON outbox (channel, id) WHERE status = 'pending';
CREATE INDEX outbox_finished ON outbox (finished_at) WHERE finished_at IS NOT NULL;
-- The channels that take nothing are looked for at each look at how the runner is.
CREATE INDEX outbox_failed ON outbox (finished_at, channel) WHERE status = 'failed';
CREATE INDEX outbox_of_incident ON outbox (incident_id, channel) WHERE incident_id IS NOT NULL;
CREATE INDEX outbox_waiting ON outbox (not_before) WHERE status = 'pending' AND not_before IS NOT NULL;
CREATE INDEX outbox_by_age ON outbox (created_at) WHERE status = 'pending';
CREATE INDEX outbox_of_run ON outbox (run_id) WHERE status = 'pending' AND run_id IS NOT NULL;
CREATE INDEX outbox_bundled ON outbox (channel, bundle) WHERE status = 'pending' AND bundle IS NOT NULL;
-- Those of a minute that went alone are counted, without a look at the rows.
CREATE INDEX outbox_alone ON outbox (channel, said, created_at, bundle) WHERE bundle IS NULL;

-- As overrides_over: the mutes that have long been over are looked for each hour.
CREATE INDEX mutes_over ON overrides (min(coalesce(ended_at, until), coalesce(until, ended_at))) WHERE kind = 'mute';

-- Which database this is, in the ids of its messages, and where it is: a copy does not send what another one holds.
CREATE TABLE outbox_owner (
  only             INTEGER PRIMARY KEY CHECK (only = 1),
  database_id      TEXT NOT NULL,
  place            TEXT                 -- null: no runner has sent anything yet
) STRICT;
INSERT INTO outbox_owner VALUES (1, lower(hex(randomblob(6))), NULL);

-- Which of what is told of a run while it waits or runs has been counted for it: 1 late, 2 overrun, 4 outlasts.
ALTER TABLE runs ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;

-- How many items of a queue have failed for good since this table is there, and how many of them were told.
CREATE TABLE queue_failures (
  queue_id         TEXT PRIMARY KEY,
  failed           INTEGER NOT NULL,
  told             INTEGER NOT NULL DEFAULT 0,
  told_at          TEXT,                -- when the last of them were; null: none yet
  CHECK (told <= failed)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_failures_untold ON queue_failures (queue_id) WHERE failed > told;
CREATE TRIGGER queue_items_failing AFTER UPDATE OF status ON queue_items
WHEN NEW.status = 'failed' AND OLD.status <> 'failed'
BEGIN
  INSERT INTO queue_failures (queue_id, failed) VALUES (NEW.queue_id, 1)
  ON CONFLICT DO UPDATE SET failed = failed + 1;
END;
