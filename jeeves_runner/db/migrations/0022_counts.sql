-- What a run does to queues is told by its items while it runs, and counted at its end, or before where an item ceases
-- to tell: a count with each call took longer than it may. A run that an older program has started counts as before.
ALTER TABLE runs ADD COLUMN told_by_items INTEGER NOT NULL DEFAULT 0;   -- 1: that is so of this run
CREATE TRIGGER runs_told AFTER UPDATE OF status ON runs
WHEN OLD.status = 'running' AND NEW.status <> 'running' AND OLD.told_by_items
BEGIN
  INSERT INTO effects (run_id, act, target, count)
  SELECT OLD.id, 'enqueued', queue_id, count(*) FROM queue_items WHERE producer_run = OLD.id GROUP BY queue_id
  UNION ALL
  SELECT OLD.id, act, queue_id, sum(items)
  FROM (SELECT status, queue_id, count(*) AS items FROM queue_items
        WHERE run_id = OLD.id AND status IN ('claimed', 'completed') GROUP BY status, queue_id)
  JOIN (SELECT 'claimed' AS act, 'claimed' AS is_now
        UNION ALL SELECT 'claimed', 'completed'
        UNION ALL SELECT 'completed', 'completed') ON status = is_now
  GROUP BY act, queue_id
  ON CONFLICT DO UPDATE SET count = count + excluded.count;
END;
