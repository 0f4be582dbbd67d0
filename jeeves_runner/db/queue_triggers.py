"""Jobs that items of a queue start: whether enough of them are ready, and how long such a job rests.

A job whose run came to nothing rests before items start it again, each time twice as long, so that neither a
broken item nor a login that has expired makes it run without a pause.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.causes import MOST_NAMED, Causes
from jeeves_runner.core.durations import text_after
from jeeves_runner.core.edge_spec import LONGEST_REST_MS, OnQueue
from jeeves_runner.core.model import Reason, RunStatus, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.db.overrides import job_is_paused
from jeeves_runner.db.queue_claims import settle_expired
from jeeves_runner.db.queue_pauses import IS_PAUSED
from jeeves_runner.db.queue_upkeep import fail_deep
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.db.run_states import ACTIVE
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none
from jeeves_runner.db.waits import QUEUE_PAUSES, RESTS, end_by_now

FIRST_REST_MS: Final = 1000

_NOT_ITS_OWN: Final = frozenset({Reason.OVERLAP, Reason.QUEUE_FULL, Reason.PAUSED, Reason.REPLACED})
"""Why a run has not started that would have done well for all that is known."""


class Ready(NamedTuple):
    """Whether items of a queue start a job now."""

    is_due: bool
    """Whether they do."""
    again_at: datetime | None = None
    """When to look again though nothing is written; None: no time brings it about."""
    has_ended_leases: bool = False
    """Whether leases have ended that the rows do not show yet: their items may be ready."""


def listeners(conn: apsw.Connection) -> list[str]:
    """All live jobs that items start."""
    return [job_id for (job_id,) in conn.execute(_LISTENERS)]


def listener(conn: apsw.Connection, job_id: str) -> OnQueue | None:
    """What starts a job; None if that is no queue, or if it is deleted or disabled."""
    row = conn.execute(_LISTENER, (job_id,)).fetchone()
    return None if row is None else OnQueue(*row)


def queues_in_use(conn: apsw.Connection, queue_ids: Iterable[str]) -> set[str]:
    """Those of these queues that hold pending or claimed items."""
    return {queue_id for (queue_id,) in conn.execute(_IN_USE, (json.dumps(list(queue_ids)),))}


def active_jobs(conn: apsw.Connection, job_ids: Iterable[str]) -> set[str]:
    """Those of these jobs of which a run runs, waits or is to be tried again."""
    return {job_id for (job_id,) in conn.execute(_ACTIVE_JOBS, (json.dumps(list(job_ids)),))}


def judge(conn: apsw.Connection, now: datetime, job_id: str, wanted: OnQueue) -> Ready:
    """Whether the items that are ready start a job of which no run is active. A few searches by index,
    however many items there are."""
    at = to_text(now)
    row: tuple[Any, ...]
    [row] = conn.execute(_HELD, {"at": at, "job": job_id, "queue": wanted.queue})
    held_until, is_held = row
    if is_held:
        return Ready(False, time_in_queue(held_until))
    found = items_for(conn, now, wanted)
    if found.lease_at is not None and found.lease_at <= at:
        return Ready(False, has_ended_leases=True)
    if found.due_at is not None and found.due_at <= at:
        return Ready(True)
    return Ready(False, time_in_queue(_first(found.due_at, found.next_at, found.lease_at)))


class Items(NamedTuple):
    """What of the items of a queue is of interest to a job that they start; times in the database's form."""

    ready: int
    """How many are ready. From a batch on, more may be."""
    due_at: str | None
    """When these start the job, if no others come: the present time for a batch; None: none is ready."""
    next_at: str | None
    """When the first that was delayed is ready; None: none is delayed."""
    lease_at: str | None
    """When the first claim ends by itself, and that item is ready again; None: none is claimed."""


def items_for(conn: apsw.Connection, now: datetime, wanted: OnQueue) -> Items:
    """The items as they are now, whatever holds the job or its queue back."""
    at = to_text(now)
    row: tuple[Any, ...]
    [row] = conn.execute(_COUNT, {"at": at, "queue": wanted.queue, "batch": wanted.batch})
    count, first, ready_at, next_at, lease_at = row
    due: str | None = at
    if count < wanted.batch:
        due = _first(_waited(conn, first, now, wanted), _end(ready_at, wanted))
    return Items(count, due, next_at, lease_at)


def rests_until(conn: apsw.Connection, now: datetime, job_id: str) -> datetime | None:
    """Until when a job rests; None: it does not."""
    return time_in_queue(conn.execute(_RESTS_UNTIL, {"job": job_id, "at": to_text(now)}).get)


def start(tx: Tx, job_id: str) -> int | None:
    """Enter a run of a job that items are to start; its id. None where they do not: a run of the job is
    active, it is paused, or enough items are no longer ready.

    Errors as of ``request_run``.
    """
    wanted = listener(tx.conn, job_id)
    if wanted is None or active_jobs(tx.conn, [job_id]) or job_is_paused(tx.conn, job_id, tx.now):
        return None
    settle_expired(tx, wanted.queue)
    if not judge(tx.conn, tx.now, job_id, wanted).is_due:
        return None
    causes, depth = _causes(tx, wanted)
    return request_run(tx, RunRequest(job_id, Trigger.QUEUE, caused_by=causes, depth=depth))


def _causes(tx: Tx, wanted: OnQueue) -> tuple[Causes, int]:
    """The items that are claimed first, and over how many runs what they start comes."""
    bounds: Mapping[str, Any] = {"queue": wanted.queue, "at": tx.at, "most": max(wanted.batch, MOST_NAMED)}
    rows: list[tuple[Any, ...]] = tx.conn.execute(_ITEMS, bounds).fetchall()
    ids = sorted(item_id for item_id, _ in rows)
    total = len(ids) if len(ids) > MOST_NAMED else None
    depth = max((depth for _, depth in rows), default=0)
    return Causes(items=tuple(ids[-MOST_NAMED:]), total=total, queue=wanted.queue), depth


def settle(tx: Tx, run: Run) -> None:
    """A chain is over with this run: its job rests if it has come to nothing, and rests no more if it ended
    ok and has completed an item of the queue that starts it. Items that too many runs lead to become dead
    letters. Does nothing for other jobs."""
    queue_id = tx.conn.execute(_QUEUE_OF, (run.job_id,)).get
    if queue_id is None or run.backfill_id is not None:
        return
    if run.started_at is None and (run.trigger is not Trigger.QUEUE or run.reason in _NOT_ITS_OWN):
        return
    if run.reason is Reason.DEPTH and fail_deep(tx, queue_id, run.depth, f"no run may follow: {run.message}"):
        return
    bounds = {"job": run.job_id, "chain": run.chain_id or run.id, "queue": queue_id, "at": tx.at}
    if run.status is RunStatus.OK and tx.conn.execute(_HAS_COMPLETED, bounds).get:
        end_rest(tx, [run.job_id])
        return
    before: int = tx.conn.execute(_LAST_REST, bounds).get or 0
    rest = min(max(2 * before, FIRST_REST_MS), LONGEST_REST_MS)
    tx.conn.execute(_REST, {**bounds, "rest": rest, "until": text_after(tx.now, rest)})


def end_rest(tx: Tx, job_ids: Iterable[str]) -> None:
    """These jobs rest no more, and the next rest is a short one."""
    tx.conn.execute(
        "DELETE FROM queue_triggers WHERE job_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(job_ids)),),
    )


def _waited(conn: apsw.Connection, first: int | None, now: datetime, wanted: OnQueue) -> str | None:
    """When the oldest item that was not delayed has waited long enough; one that a clock which was ahead has
    dated has done so now."""
    if first is None:
        return None
    created: str | None = conn.execute("SELECT created_at FROM queue_items WHERE id = ?", (first,)).get
    if created is None or created > text_after(now, wanted.max_wait_ms):
        return to_text(now)
    return _end(created, wanted)


def _end(since: str | None, wanted: OnQueue) -> str | None:
    at = time_in_queue(since)
    return since if at is None else text_after(at, wanted.max_wait_ms)


def _first(*times: str | None) -> str | None:
    return min((at for at in times if at is not None), default=None)


def time_in_queue(text: str | None) -> datetime | None:
    """A time of a row, or None; also for one that another program has made unreadable."""
    return None if text is None else time_or_none(text, "a queue or one of its items", "time")


_LISTENERS: Final = "SELECT job_id FROM edges WHERE relation = 'on_queue' ORDER BY job_id"
_LISTENER: Final = """
SELECT spec ->> '$.on_queue.queue', spec ->> '$.on_queue.batch', spec ->> '$.on_queue.max_wait_ms'
FROM jobs WHERE id = ? AND deleted_at IS NULL AND enabled AND spec ->> '$.on_queue.queue' IS NOT NULL
"""
_QUEUE_OF: Final = "SELECT substr(node, 7) FROM edges WHERE job_id = ? AND relation = 'on_queue'"
_IN_USE: Final = """
SELECT DISTINCT queue_id FROM queue_counts
WHERE queue_id IN (SELECT value FROM json_each(?)) AND status IN ('pending', 'claimed') AND items > 0
"""
_ACTIVE_JOBS: Final = f"""
SELECT DISTINCT job_id FROM runs WHERE {ACTIVE} AND job_id IN (SELECT value FROM json_each(?))
"""
_RESTS_UNTIL: Final = f"""
SELECT {end_by_now(RESTS)} FROM queue_triggers WHERE job_id = :job AND {end_by_now(RESTS)} > :at
"""
_HELD: Final = f"""
WITH held (until) AS (
  {_RESTS_UNTIL}
  UNION ALL
  SELECT {end_by_now(QUEUE_PAUSES)} FROM queues WHERE id = :queue AND {IS_PAUSED})
SELECT CASE WHEN count(*) = count(until) THEN max(until) END, count(*) > 0 FROM held
"""
# Of those that were not delayed there are fewer than a batch where the oldest is of interest. Their index is
# named: by itself SQLite takes that of all that wait, and reads thousands of delayed ones to find none.
_COUNT: Final = """
SELECT added.items + delayed.items, added.first,
  (SELECT min(ready_at) FROM queue_items
   WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NOT NULL AND ready_at <= :at),
  (SELECT min(ready_at) FROM queue_items
   WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NOT NULL AND ready_at > :at),
  (SELECT min(lease_until) FROM queue_items WHERE queue_id = :queue AND status = 'claimed')
FROM
  (SELECT count(*) AS items, min(id) AS first FROM (
     SELECT id FROM queue_items INDEXED BY queue_items_added
     WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NULL
     LIMIT :batch)) AS added,
  (SELECT count(*) AS items FROM (
     SELECT id FROM queue_items
     WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NOT NULL AND ready_at <= :at
     LIMIT :batch)) AS delayed
"""
_ITEMS: Final = """
SELECT id, iif(producer_run IS NULL, depth, depth + 1) FROM queue_items WHERE id IN (
  SELECT id FROM (
    SELECT id FROM queue_items WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NULL
    ORDER BY priority DESC, id LIMIT :most)
  UNION ALL
  SELECT id FROM (
    SELECT id FROM queue_items
    WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NOT NULL AND ready_at <= :at
    ORDER BY ready_at LIMIT :most))
"""
# All of them have ended, and are counted.
_HAS_COMPLETED: Final = """
SELECT true FROM effects
WHERE run_id IN (SELECT :chain UNION ALL SELECT id FROM runs WHERE chain_id = :chain)
  AND act = 'completed' AND target = :queue AND count > 0 LIMIT 1
"""
_LAST_REST: Final = "SELECT rest_ms FROM queue_triggers WHERE job_id = :job"
_REST: Final = """
INSERT INTO queue_triggers (job_id, rest_ms, not_before) VALUES (:job, :rest, :until)
ON CONFLICT (job_id) DO UPDATE SET rest_ms = excluded.rest_ms, not_before = excluded.not_before
"""
