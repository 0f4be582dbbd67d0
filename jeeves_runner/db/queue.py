"""Queues seen from outside: what is in them, and what the runner does to keep them going.

A claim whose lease has ended counts as given back, or as failed if it was the last attempt: every
read here says so at once, whether or not the row has been settled yet.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.durations import text_after
from jeeves_runner.core.values import fields_of, parse_json
from jeeves_runner.db.queue_items import GIVE_BACK, LEASE_ENDED, run_lease_ms, settle_expired
from jeeves_runner.db.transaction import Tx


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue. ``file`` and ``line`` are None unless it is declared; ``deleted_at``: a tombstone."""

    id: str
    description: str | None
    declared: bool
    max_attempts: int
    lease_ms: int
    file: str | None
    line: int | None
    deleted_at: str | None


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How full a queue is. ``depth`` counts items not claimed, delayed ones included."""

    depth: int
    claimed: int
    failed: int
    oldest_age_ms: int | None

    def as_json(self) -> dict[str, int | None]:
        return {
            "depth": self.depth,
            "claimedCount": self.claimed,
            "failedCount": self.failed,
            "oldestAge": self.oldest_age_ms,
        }


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item as people see it; times in the database's form."""

    id: int
    payload: Any
    priority: int
    attempt: int
    created_at: str
    ready_at: str
    error: str | None


def queue_rows(conn: apsw.Connection) -> list[QueueRow]:
    """All queues, tombstones included, by id."""
    rows = conn.execute(
        "SELECT id, description, declared, max_attempts, lease_ms, file, line, deleted_at"
        " FROM queues ORDER BY id"
    )
    return [
        QueueRow(name, description, bool(declared), max_attempts, lease_ms, file, line, deleted_at)
        for name, description, declared, max_attempts, lease_ms, file, line, deleted_at in rows
    ]


def queue_counts(conn: apsw.Connection, now: datetime, queue_id: str | None = None) -> dict[str, QueueCounts]:
    """The counts of each queue by id, or of one (no entry if there is no such queue)."""
    rows = conn.execute(_COUNTS, {"at": to_text(now), "queue": queue_id})
    return {
        name: QueueCounts(pending + returned, claimed, failed + exhausted, _age_ms(oldest, now))
        for name, pending, returned, claimed, exhausted, failed, oldest in rows
    }


def peek(conn: apsw.Connection, now: datetime, queue_id: str, limit: int) -> list[ItemRow]:
    """The first items not claimed, in the order of claims; those that must still wait keep their place."""
    return _item_rows(conn, _PENDING, now, queue_id, limit)


def failed_items(conn: apsw.Connection, now: datetime, queue_id: str, limit: int) -> list[ItemRow]:
    """The dead letters of a queue, newest first."""
    return _item_rows(conn, _FAILED, now, queue_id, limit)


def extend_leases_of_runs(tx: Tx, run_ids: Iterable[int]) -> int:
    """Let every claim of these runs last a lease of its queue from now, at least; how many grew."""
    runs = json.dumps(list(run_ids))
    leases = list(tx.conn.execute(_LEASES_OF_RUNS, (runs,)))
    grown = 0
    for queue_id, lease_ms in leases:
        until = text_after(tx.now, run_lease_ms(lease_ms))
        tx.conn.execute(_GROW_LEASES, {"until": until, "runs": runs, "queue": queue_id})
        grown += tx.conn.changes()
    return grown


def release_items_of_run(tx: Tx, run_id: int, *, count_attempt: bool) -> int:
    """Give back what a run that has ended still holds; how many items.

    With ``count_attempt`` the attempt is used up, and the last one makes the item fail; without
    it (the run was interrupted, which is not the item's fault) the claim is as if never made.
    """
    tx.conn.execute(
        _RELEASE_COUNTED if count_attempt else _RELEASE_UNCOUNTED,
        {"at": tx.at, "run": run_id, "error": f"run {run_id} ended without an answer"},
    )
    return tx.conn.changes()


def queue_ids(tx: Tx) -> list[str]:
    """All queues, tombstones included."""
    return [queue_id for (queue_id,) in tx.conn.execute("SELECT id FROM queues ORDER BY id")]


def prune_queue(tx: Tx, queue_id: str, limit: int) -> int:
    """Delete up to ``limit`` completed and failed items past the queue's retention; how many went.

    Settles ended leases first, also where nobody claims any more. DatabaseError for a queue whose
    row another program has spoilt.
    """
    settle_expired(tx, queue_id)
    retention = tx.conn.execute("SELECT retention FROM queues WHERE id = ?", (queue_id,)).get
    names = ("completed_ms", "failed_ms")
    kept = fields_of(retention, int, names, f"retention of queue {queue_id}")
    freed = 0
    for statement, ms in zip((_PRUNE_COMPLETED, _PRUNE_FAILED), kept, strict=True):
        before = text_after(tx.now, -ms)
        tx.conn.execute(statement, {"queue": queue_id, "before": before, "limit": limit - freed})
        freed += tx.conn.changes()
    return freed


def _item_rows(
    conn: apsw.Connection, statement: str, now: datetime, queue_id: str, limit: int
) -> list[ItemRow]:
    rows = conn.execute(
        statement, {"at": to_text(now), "queue": queue_id, "limit": limit, "lease_ended": LEASE_ENDED}
    )
    return [ItemRow(row[0], _shown(row[1]), *row[2:]) for row in rows]


def _shown(payload: str) -> Any:
    """A payload for people's eyes: one that another program wrote as no JSON is shown as its text."""
    try:
        return parse_json(payload)
    except ValueError:
        return payload


def _age_ms(created_at: str | None, now: datetime) -> int | None:
    if created_at is None:
        return None
    return max(0, round((now - from_text(created_at)).total_seconds() * 1000))


# Ids rise with time, so the smallest id is the oldest item, found without sorting.
_COUNTS = """
SELECT id,
  (SELECT count(*) FROM queue_items WHERE queue_id = queues.id AND status = 'pending'),
  (SELECT count(*) FROM queue_items WHERE queue_id = queues.id AND status = 'claimed'
     AND lease_until <= :at AND attempt < max_attempts),
  (SELECT count(*) FROM queue_items WHERE queue_id = queues.id AND status = 'claimed' AND lease_until > :at),
  (SELECT count(*) FROM queue_items WHERE queue_id = queues.id AND status = 'claimed'
     AND lease_until <= :at AND attempt >= max_attempts),
  (SELECT count(*) FROM queue_items WHERE queue_id = queues.id AND status = 'failed'),
  (SELECT created_at FROM queue_items WHERE id = (
     SELECT min(id) FROM (
       SELECT min(id) AS id FROM queue_items WHERE queue_id = queues.id AND status = 'pending'
       UNION ALL
       SELECT min(id) FROM queue_items WHERE queue_id = queues.id AND status = 'claimed'
         AND lease_until <= :at AND attempt < max_attempts)))
FROM queues WHERE :queue IS NULL OR id = :queue ORDER BY id
"""

# Two limited halves, so that a look at ten items does not sort a million.
_PENDING = """
SELECT id, payload, priority, attempt, created_at, ready_at, error FROM (
  SELECT * FROM (
    SELECT id, payload, priority, attempt, created_at, ready_at, error FROM queue_items
    WHERE queue_id = :queue AND status = 'pending'
    ORDER BY priority DESC, ready_at, id LIMIT :limit)
  UNION ALL
  SELECT id, payload, priority, attempt, created_at, ready_at, error FROM queue_items
  WHERE queue_id = :queue AND status = 'claimed' AND lease_until <= :at AND attempt < max_attempts)
ORDER BY priority DESC, ready_at, id LIMIT :limit
"""

_FAILED = """
SELECT id, payload, priority, attempt, created_at, ready_at, error FROM (
  SELECT * FROM (
    SELECT id, payload, priority, attempt, created_at, ready_at, error, completed_at AS ended FROM queue_items
    WHERE queue_id = :queue AND status = 'failed' ORDER BY completed_at DESC, id DESC LIMIT :limit)
  UNION ALL
  SELECT id, payload, priority, attempt, created_at, ready_at, :lease_ended, lease_until
  FROM queue_items
  WHERE queue_id = :queue AND status = 'claimed' AND lease_until <= :at AND attempt >= max_attempts)
ORDER BY ended DESC, id DESC LIMIT :limit
"""

_LEASES_OF_RUNS = """
SELECT DISTINCT queues.id, queues.lease_ms FROM queue_items JOIN queues ON queues.id = queue_id
WHERE status = 'claimed' AND run_id IN (SELECT value FROM json_each(?))
"""

_GROW_LEASES = """
UPDATE queue_items SET lease_until = :until
WHERE status = 'claimed' AND run_id IN (SELECT value FROM json_each(:runs))
  AND queue_id = :queue AND lease_until < :until
"""

_RELEASE_COUNTED = GIVE_BACK + "WHERE status = 'claimed' AND run_id = :run"

_RELEASE_UNCOUNTED = """
UPDATE queue_items SET
  status = 'pending', attempt = attempt - 1, claimed_at = NULL, run_id = NULL,
  lease_token = NULL, lease_until = NULL
WHERE status = 'claimed' AND run_id = :run
"""

_PRUNE_COMPLETED = """
DELETE FROM queue_items WHERE id IN (
  SELECT id FROM queue_items WHERE queue_id = :queue AND status = 'completed' AND completed_at <= :before
  LIMIT :limit)
"""

_PRUNE_FAILED = """
DELETE FROM queue_items WHERE id IN (
  SELECT id FROM queue_items WHERE queue_id = :queue AND status = 'failed' AND completed_at <= :before
  LIMIT :limit)
"""
