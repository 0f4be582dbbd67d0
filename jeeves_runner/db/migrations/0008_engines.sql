-- Work that is carried out beyond this machine: what did it, where it belongs, and what became known too late.
ALTER TABLE runs ADD COLUMN model TEXT;               -- the name of the model that did the work
ALTER TABLE runs ADD COLUMN origin TEXT;              -- machine and database of the runner that started it; JSON
ALTER TABLE runs ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 1 CHECK (confirmed IN (0, 1));
ALTER TABLE runs ADD COLUMN late TEXT CHECK (json_type(late) = 'object');
-- Of whose work is there still something to come? At a start of the runner.
CREATE INDEX runs_unconfirmed ON runs (finished_at) WHERE NOT confirmed AND late IS NULL;
