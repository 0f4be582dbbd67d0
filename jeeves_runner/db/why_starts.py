"""What starts a job besides its schedule, as `why` tells of it; each part read by index."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import apsw

from jeeves_runner.core.edge_spec import why_unwatched
from jeeves_runner.core.model import OverlapPolicy
from jeeves_runner.core.run import Run
from jeeves_runner.core.why.start_facts import ChangeStart, Override, QueueStart, Starts, Upstream
from jeeves_runner.db import after, change_watches, queue_triggers
from jeeves_runner.db.queue_contents import queue_counts
from jeeves_runner.db.queue_pauses import queue_pauses
from jeeves_runner.db.run_states import ACTIVE
from jeeves_runner.db.unreadable import time_or_none

_MILLISECOND: Final = timedelta(milliseconds=1)
_ACTIVE: Final = f"""
SELECT overlap_policy, (SELECT min(id) FROM runs WHERE {ACTIVE} AND job_id = jobs.id) FROM jobs WHERE id = ?
"""


def starts_of(
    conn: apsw.Connection, now: datetime, job_id: str, newest: Callable[[apsw.Connection, str], Run | None]
) -> Starts:
    """All of a live and enabled job; of others nothing. ``newest`` finds the newest run of a job."""
    awaited = after.awaited(conn, job_id)
    found = Starts(
        after=tuple(Upstream(*each, newest(conn, each.upstream)) for each in awaited),
        queue=_queue(conn, now, job_id),
        change=_change(conn, job_id),
    )
    if not found.are_there:
        return found
    overlap, active = conn.execute(_ACTIVE, (job_id,)).fetchone() or (None, None)
    one_at_a_time = overlap in (OverlapPolicy.SKIP, OverlapPolicy.QUEUE)
    return found._replace(active=active, one_at_a_time=one_at_a_time)


def _queue(conn: apsw.Connection, now: datetime, job_id: str) -> QueueStart | None:
    wanted = queue_triggers.listener(conn, job_id)
    if wanted is None:
        return None
    items = queue_triggers.items_for(conn, now, wanted)
    counts = queue_counts(conn, now, wanted.queue).get(wanted.queue)
    pause = queue_pauses(conn, now).get(wanted.queue)
    return QueueStart(
        queue=wanted.queue,
        batch=wanted.batch,
        max_wait=wanted.max_wait_ms * _MILLISECOND,
        ready=items.ready,
        due_at=_time(items.due_at, wanted.queue),
        next_at=_time(items.next_at, wanted.queue),
        lease_at=_time(items.lease_at, wanted.queue),
        failed=0 if counts is None else counts.failed,
        pause=None if pause is None else Override(_time(pause.until, wanted.queue), pause.reason),
        rests_until=queue_triggers.rests_until(conn, now, job_id),
    )


def _change(conn: apsw.Connection, job_id: str) -> ChangeStart | None:
    watched = next(iter(change_watches.watched(conn, job_id)), None)
    if watched is None:
        return None
    return ChangeStart(
        of=tuple(watched.places),
        debounce=watched.debounce,
        unwatched={
            of: why
            for of, place in watched.places.items()
            if of.startswith(change_watches.DATASTORE) and (why := why_unwatched(place)) is not None
        },
        taken_at=watched.taken_at,
        changed_at=watched.changed_at,
    )


def _time(text: str | None, queue_id: str) -> datetime | None:
    return None if text is None else time_or_none(text, f"queue {queue_id}", "time")
