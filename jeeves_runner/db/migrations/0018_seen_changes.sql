-- When a change of files was first seen that has started no run yet; null: there is none.
ALTER TABLE change_watches ADD COLUMN changed_at TEXT;
