"""How far runs have come, as conditions of SQL.

SQLite uses the index of runs that have not ended only for statements that say its condition word for word,
and cannot infer it from a narrower one: so all of them take it from here.
"""

from typing import Final

ACTIVE: Final = "status IN ('scheduled', 'running')"
"""The condition of runs that wait or run."""

WAITING: Final = f"status = 'scheduled' AND {ACTIVE}"
"""The condition of runs that wait."""

RUNNING: Final = f"status = 'running' AND {ACTIVE}"
"""The condition of runs that run."""

CARRIED_OUT: Final = "started_at IS NOT NULL AND finished_at IS NOT NULL"
"""The condition of runs that started and have ended."""
