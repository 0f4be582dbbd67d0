"""What decides when all jobs occur, as a value that is another one once any of it changes: for what takes
long to be worked out of all schedules, and is kept meanwhile."""

from collections.abc import Hashable
from datetime import datetime
from typing import Final

import apsw

from jeeves_runner.core.model import OverrideKind
from jeeves_runner.db import overrides


def timetable_state(conn: apsw.Connection, now: datetime) -> Hashable:
    """Of a database: what is applied, and which pauses and skips are in force.

    What has been decided is no part of it: it says nothing of what comes."""
    pauses = overrides.pauses(conn, now)
    revision: int | None = conn.execute("SELECT max(id) FROM revisions").get
    skips = frozenset(conn.execute(_SKIPS))
    return revision, frozenset(pauses.of_jobs.items()), pauses.of_all, skips


_SKIPS: Final = f"SELECT id FROM overrides WHERE kind = '{OverrideKind.SKIP}' AND ended_at IS NULL"
