-- Work that outlives its runner is given its deadline by the runner that starts it, and is held to it by
-- whichever runner lives then.
ALTER TABLE runs ADD COLUMN deadline TEXT;
