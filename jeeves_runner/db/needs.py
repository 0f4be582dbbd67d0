"""When jobs that others need have ended ok, as far as their runs are kept."""

from datetime import datetime
from functools import partial
from typing import Final

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.edge_spec import Need
from jeeves_runner.core.model import Trigger
from jeeves_runner.core.needs import Unmet, unmet_of
from jeeves_runner.db.carried_runs import newest_of
from jeeves_runner.db.unreadable import time_or_none

_NEEDS: Final = """
SELECT need.value ->> '$.job', need.value ->> '$.within_ms', need.value ->> '$.wait_ms'
FROM jobs, json_each(spec, '$.needs') AS need WHERE jobs.id = ?
"""
_LOOKED_AT: Final = 20
"""So many of the newest: one that began earlier may have ended later."""


def unmet_for(
    conn: apsw.Connection, job_id: str, trigger: Trigger, due: datetime, now: datetime
) -> Unmet | None:
    """What a job needs and lacks now, of a run whose time was ``due``; None: nothing."""
    needs = [Need(*row) for row in conn.execute(_NEEDS, (job_id,))]
    return unmet_of(needs, trigger, partial(last_ok, conn), due, now)


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
