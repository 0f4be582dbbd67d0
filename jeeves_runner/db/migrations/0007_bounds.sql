-- How many items of each status a queue has, and how many items a key of state has: to count them means to read as
-- many entries of an index as there are items.
CREATE TABLE queue_counts (
  queue_id         TEXT NOT NULL,
  status           TEXT NOT NULL,
  items            INTEGER NOT NULL,
  PRIMARY KEY (queue_id, status)
) STRICT, WITHOUT ROWID;
INSERT INTO queue_counts SELECT queue_id, status, count(*) FROM queue_items GROUP BY queue_id, status;

CREATE TRIGGER queue_items_added AFTER INSERT ON queue_items
BEGIN
  INSERT INTO queue_counts VALUES (NEW.queue_id, NEW.status, 1) ON CONFLICT DO UPDATE SET items = items + 1;
END;
CREATE TRIGGER queue_items_moved AFTER UPDATE OF queue_id, status ON queue_items
WHEN OLD.queue_id <> NEW.queue_id OR OLD.status <> NEW.status
BEGIN
  UPDATE queue_counts SET items = items - 1 WHERE queue_id = OLD.queue_id AND status = OLD.status;
  INSERT INTO queue_counts VALUES (NEW.queue_id, NEW.status, 1) ON CONFLICT DO UPDATE SET items = items + 1;
END;
CREATE TRIGGER queue_items_removed AFTER DELETE ON queue_items
BEGIN
  UPDATE queue_counts SET items = items - 1 WHERE queue_id = OLD.queue_id AND status = OLD.status;
END;

CREATE TABLE state_counts (
  namespace        TEXT NOT NULL,
  key              TEXT NOT NULL,
  items            INTEGER NOT NULL,
  PRIMARY KEY (namespace, key)
) STRICT, WITHOUT ROWID;
INSERT INTO state_counts SELECT namespace, key, count(*) FROM state_items GROUP BY namespace, key;

CREATE TRIGGER state_items_added AFTER INSERT ON state_items
BEGIN
  INSERT INTO state_counts VALUES (NEW.namespace, NEW.key, 1) ON CONFLICT DO UPDATE SET items = items + 1;
END;
CREATE TRIGGER state_items_moved AFTER UPDATE OF namespace, key ON state_items
WHEN OLD.namespace <> NEW.namespace OR OLD.key <> NEW.key
BEGIN
  UPDATE state_counts SET items = items - 1 WHERE namespace = OLD.namespace AND key = OLD.key;
  DELETE FROM state_counts WHERE namespace = OLD.namespace AND key = OLD.key AND items <= 0;
  INSERT INTO state_counts VALUES (NEW.namespace, NEW.key, 1) ON CONFLICT DO UPDATE SET items = items + 1;
END;
CREATE TRIGGER state_items_removed AFTER DELETE ON state_items
BEGIN
  UPDATE state_counts SET items = items - 1 WHERE namespace = OLD.namespace AND key = OLD.key;
  DELETE FROM state_counts WHERE namespace = OLD.namespace AND key = OLD.key AND items <= 0;
END;

-- Those that are counted and have expired; and the oldest item that waits.
CREATE INDEX state_items_expired ON state_items (namespace, key, expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX queue_items_oldest ON queue_items (queue_id, id) WHERE status = 'pending';

-- The oldest revisions and the pauses that have long been over are looked for each hour.
CREATE INDEX revisions_by_time ON revisions (applied_at);
CREATE INDEX overrides_over ON overrides (min(coalesce(ended_at, until), coalesce(until, ended_at)))
  WHERE kind = 'pause';
