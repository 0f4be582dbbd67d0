"""When jobs that others need have ended ok, as far as their runs are kept."""

from datetime import datetime
from typing import Final

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.db.carried_runs import newest_of
from jeeves_runner.db.unreadable import time_or_none

_LOOKED_AT: Final = 20
"""So many of the newest: one that began earlier may have ended later."""


def last_ok(conn: apsw.Connection, job_id: str, before: datetime | None = None) -> datetime | None:
    """When a run of a job last ended ok, those of backfills left out; UTC. None: none of them is kept.

    ``before``: what ended later is left out.
    """
    is_earlier = "" if before is None else " AND finished_at <= :before"
    newest = newest_of(conn, job_id, f"status = 'ok' AND backfill_id IS NULL{is_earlier}")
    text: str | None = conn.execute(
        f"SELECT max(finished_at) FROM runs WHERE id IN ({newest})",
        {"limit": _LOOKED_AT, "before": before and to_text(before)},
    ).get
    return None if text is None else time_or_none(text, f"job {job_id}", "finished_at")
