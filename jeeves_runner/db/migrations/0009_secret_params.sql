-- Values of parameters that are secret: apart from the run, and only until it and its retries are over.
CREATE TABLE secret_params (
  chain_id         INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,   -- the first attempt
  params           TEXT NOT NULL CHECK (json_type(params) = 'object')            -- texts by name
) STRICT;

-- Rises with each that is deleted: until the write-ahead log is made short, it may still hold the value.
INSERT INTO sequences VALUES ('secret_params_erased', 0);
