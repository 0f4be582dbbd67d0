-- A wait that was given as a length has that length beside its end, so that an end dated by a clock that was ahead
-- can be told from one that is meant. An end without a length was named by a person.
ALTER TABLE runs ADD COLUMN delay_ms INTEGER;         -- of not_before
ALTER TABLE runs ADD COLUMN timeout_ms INTEGER;       -- of deadline
ALTER TABLE overrides ADD COLUMN length_ms INTEGER;   -- of until
ALTER TABLE state ADD COLUMN ttl_ms INTEGER;          -- of expires_at
ALTER TABLE state_items ADD COLUMN ttl_ms INTEGER;    -- of expires_at
ALTER TABLE queue_items ADD COLUMN lease_ms INTEGER;  -- of lease_until
ALTER TABLE queue_items ADD COLUMN delay_ms INTEGER;  -- of ready_at

UPDATE runs SET delay_ms = max(0, round((julianday(not_before) - julianday(created_at)) * 86400000))
  WHERE not_before IS NOT NULL AND status = 'scheduled' AND status IN ('scheduled', 'running');
UPDATE runs SET timeout_ms = max(0, round((julianday(deadline) - julianday(started_at)) * 86400000))
  WHERE deadline IS NOT NULL AND status = 'running' AND status IN ('scheduled', 'running');
UPDATE state SET ttl_ms = max(0, round((julianday(expires_at) - julianday(updated_at)) * 86400000))
  WHERE expires_at IS NOT NULL;
UPDATE state_items SET ttl_ms = max(0, round((julianday(expires_at) - julianday(updated_at)) * 86400000))
  WHERE expires_at IS NOT NULL;
UPDATE queue_items SET lease_ms = max(0, round((julianday(lease_until) - julianday(claimed_at)) * 86400000))
  WHERE status = 'claimed';

-- What was not delayed has no time before which it cannot be claimed, and none can be wrong.
DROP INDEX queue_items_ready;
ALTER TABLE queue_items RENAME COLUMN ready_at TO ready_before;
ALTER TABLE queue_items ADD COLUMN ready_at TEXT;     -- null: claimable at once
UPDATE queue_items SET ready_at = ready_before,
  delay_ms = round((julianday(ready_before) - julianday(created_at)) * 86400000)
  WHERE status = 'pending' AND ready_before > created_at;
ALTER TABLE queue_items DROP COLUMN ready_before;
-- Each in the order of claims.
CREATE INDEX queue_items_added ON queue_items (queue_id, priority DESC, id)
  WHERE status = 'pending' AND ready_at IS NULL;
CREATE INDEX queue_items_ready ON queue_items (queue_id, priority DESC, ready_at, id)
  WHERE status = 'pending' AND ready_at IS NOT NULL;
-- Which of the delayed ones waits longest?
CREATE INDEX queue_items_delayed ON queue_items (queue_id, ready_at)
  WHERE status = 'pending' AND ready_at IS NOT NULL;

ALTER TABLE runner ADD COLUMN seen_at TEXT;           -- the time that it has last seen; older by a minute at most
ALTER TABLE runner ADD COLUMN waits_for TEXT;         -- why its start goes no further yet
ALTER TABLE runner ADD COLUMN age_at TEXT;            -- after a leap of the clock: the time without it, for retentions
ALTER TABLE runner ADD COLUMN rest_ms INTEGER;        -- and for how much uptime that one still counts
UPDATE runner SET seen_at = max(started_at, coalesce(stopping_at, ''), coalesce(stopped_at, ''));
