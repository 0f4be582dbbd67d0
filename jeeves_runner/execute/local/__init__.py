"""Programs of this machine: prepared, started, watched, ended, and hunted down after a crash."""
