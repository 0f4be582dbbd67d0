-- A skip is of one occurrence, and a job may have several.
ALTER TABLE overrides ADD COLUMN scheduled_for TEXT;   -- of a skip: the occurrence that is not to run
DROP INDEX overrides_live;
CREATE UNIQUE INDEX overrides_live ON overrides (job_id, kind, coalesce(scheduled_for, '')) WHERE ended_at IS NULL;
-- The pauses, and the mutes, of one job are looked for with each of its occurrences, and so are its skips.
CREATE INDEX overrides_skipped ON overrides (job_id, scheduled_for) WHERE kind = 'skip';
-- As overrides_over and mutes_over.
CREATE INDEX skips_over ON overrides (min(coalesce(ended_at, until), coalesce(until, ended_at))) WHERE kind = 'skip';

-- Which job was called what before; an id may be renamed away from more than once.
CREATE TABLE renames (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  old_id           TEXT NOT NULL,
  new_id           TEXT NOT NULL,
  revision_id      INTEGER NOT NULL,    -- the apply that renamed it, which may be deleted by now
  renamed_at       TEXT NOT NULL
) STRICT;
CREATE INDEX renames_by_old ON renames (old_id);
CREATE INDEX renames_by_new ON renames (new_id);
