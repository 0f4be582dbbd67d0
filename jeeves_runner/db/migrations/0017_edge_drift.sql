-- Only an apply writes edges. One that is changed by hand marks its job, which the next reconcile heals.
CREATE TRIGGER edges_inserted AFTER INSERT ON edges
WHEN NOT EXISTS (SELECT 1 FROM applying)
BEGIN
  UPDATE jobs SET drifted = 1 WHERE id = NEW.job_id AND deleted_at IS NULL;
END;
CREATE TRIGGER edges_drift AFTER UPDATE ON edges
WHEN NOT EXISTS (SELECT 1 FROM applying)
BEGIN
  UPDATE jobs SET drifted = 1 WHERE id IN (OLD.job_id, NEW.job_id) AND deleted_at IS NULL;
END;
CREATE TRIGGER edges_deleted AFTER DELETE ON edges
WHEN NOT EXISTS (SELECT 1 FROM applying)
BEGIN
  UPDATE jobs SET drifted = 1 WHERE id = OLD.job_id AND deleted_at IS NULL;
END;
-- An edge of a job that does not live belongs to nothing, so that no reconcile would find it.
CREATE TRIGGER edges_of_nothing BEFORE INSERT ON edges
WHEN NOT EXISTS (SELECT 1 FROM applying)
  AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = NEW.job_id AND deleted_at IS NULL)
BEGIN
  SELECT RAISE(ABORT, 'an edge needs a live job');
END;
CREATE TRIGGER edges_moved_to_nothing BEFORE UPDATE OF job_id ON edges
WHEN NOT EXISTS (SELECT 1 FROM applying)
  AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = NEW.job_id AND deleted_at IS NULL)
BEGIN
  SELECT RAISE(ABORT, 'an edge needs a live job');
END;
