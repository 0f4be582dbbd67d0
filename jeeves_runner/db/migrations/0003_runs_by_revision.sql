-- A revision can be deleted once no run names it; without an index that means to read all runs.
CREATE INDEX runs_by_revision ON runs (revision_id);
