-- Who may ask the server for what, and what has been asked of it.
CREATE TABLE tokens (
  id               INTEGER PRIMARY KEY AUTOINCREMENT,
  name             TEXT NOT NULL,
  role             TEXT NOT NULL CHECK (role IN ('read', 'operate')),
  digest           TEXT NOT NULL UNIQUE,   -- SHA-256 of the token, which is kept nowhere
  created_by       TEXT NOT NULL,
  created_at       TEXT NOT NULL,
  expires_at       TEXT,                -- null: never
  expires_ms       INTEGER,             -- how long that was to be; null: a person has named the end
  last_used_at     TEXT,                -- to the minute
  revoked_at       TEXT                 -- set: it counts for nothing, and its name is free
) STRICT;
CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_at IS NULL;

-- People who have shown a token to their browser.
CREATE TABLE sessions (
  digest           TEXT PRIMARY KEY,    -- SHA-256 of the cookie's value
  token_id         INTEGER NOT NULL REFERENCES tokens (id),
  created_at       TEXT NOT NULL,
  expires_at       TEXT NOT NULL,
  lasts_ms         INTEGER NOT NULL     -- how long it lasts
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_end ON sessions (expires_at);
CREATE INDEX sessions_of_token ON sessions (token_id);

-- The random part of the token that a run's script has; it counts while the run runs.
ALTER TABLE runs ADD COLUMN token_digest TEXT;

ALTER TABLE audit ADD COLUMN origin TEXT;      -- from where: an address, or the user of this machine
ALTER TABLE audit ADD COLUMN answer INTEGER;   -- the status that HTTP answered; null: it was no request
