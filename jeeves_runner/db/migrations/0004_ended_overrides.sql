-- What fell into a pause stays skipped when it is decided about later: with each decision it is asked when the last
-- pause ended, and after a time without a runner which ones ended meanwhile.
CREATE INDEX overrides_ended ON overrides (ended_at);
