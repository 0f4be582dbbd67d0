-- What an apply did to jobs besides what it wrote, as JSON: [{"code": ..., "variable": ..., "message": ...}].
-- NULL: the revision is of an earlier version, which did not record it.
ALTER TABLE revisions ADD COLUMN consequences TEXT;

-- No statement reads it: what waits is found by its channel.
DROP INDEX outbox_by_age;
