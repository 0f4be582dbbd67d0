-- Values of parameters that are secret: apart from the run, and only until it and its retries are over.
CREATE TABLE secret_params (
  chain_id         INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,   -- the first attempt
  params           TEXT NOT NULL CHECK (json_type(params) = 'object')            -- texts by name
) STRICT;

-- Rises with each that is deleted: until the write-ahead log is made short, it may still hold the value.
INSERT INTO sequences VALUES ('secret_params_erased', 0);

-- Which parameters a run was asked for with, as a JSON list of names; null: none. The others have the defaults of the
-- spec that it starts under. Until now all of them were given.
ALTER TABLE runs ADD COLUMN given_params TEXT;
UPDATE runs SET given_params = (SELECT json_group_array(key) FROM json_each(params))
WHERE status IN ('scheduled', 'running') AND json_valid(params);
