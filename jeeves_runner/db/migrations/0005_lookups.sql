-- Is an equal item waiting? Items that are done are kept for days, and a key may come a thousand times in that time.
DROP INDEX queue_items_dedup;
CREATE INDEX queue_items_dedup ON queue_items (queue_id, dedup_key, status) WHERE dedup_key IS NOT NULL;

-- The oldest acts are looked for each hour. Without an index that means to read all, while other writes wait.
CREATE INDEX audit_by_time ON audit (at);
