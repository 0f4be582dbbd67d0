-- Of an ended run nothing changes any more, but for what takes a new number of an end. Where that is not so, as where a
-- row is changed by hand or gets the id of a job that was renamed, a number rises, so that what was read is read anew.
-- Likewise where a run is deleted by whose end its job was shown.
INSERT INTO sequences (name, value) VALUES ('run_rewrites', 0);
CREATE TRIGGER runs_rewritten AFTER UPDATE OF job_id, status, started_at, finished_at, duration_ms, message
  ON runs
WHEN OLD.end_seq IS NOT NULL AND NEW.end_seq IS OLD.end_seq
BEGIN
  UPDATE sequences SET value = value + 1 WHERE name = 'run_rewrites';
END;
CREATE TRIGGER runs_unshown AFTER DELETE ON runs
WHEN OLD.started_at IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM runs
  WHERE job_id = OLD.job_id AND id > OLD.id AND started_at IS NOT NULL AND finished_at IS NOT NULL)
BEGIN
  UPDATE sequences SET value = value + 1 WHERE name = 'run_rewrites';
END;
