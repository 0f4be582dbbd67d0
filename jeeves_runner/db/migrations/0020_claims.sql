-- The start token of work that runs elsewhere: it claims its run, once.
ALTER TABLE runs ADD COLUMN start_digest TEXT;    -- SHA-256 of its random part; null: there is none
ALTER TABLE runs ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;   -- 1: it has been used

-- The audit is read by who acted and by what was acted on.
CREATE INDEX audit_by_actor ON audit (actor);
CREATE INDEX audit_by_target ON audit (target);
CREATE INDEX audit_by_both ON audit (target, actor);
