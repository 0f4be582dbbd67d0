"""What the runner does to keep queues going: leases of running runs, items of ended ones, retention."""

import json
from collections.abc import Iterable
from datetime import datetime

from jeeves_runner.core.durations import text_after
from jeeves_runner.core.values import fields_of
from jeeves_runner.db.lineage import counting_claims
from jeeves_runner.db.queue_claims import GIVE_BACK, Item, run_lease_ms, settle_expired
from jeeves_runner.db.queue_deletion import delete_items
from jeeves_runner.db.transaction import Tx


def extend_leases_of_runs(tx: Tx, run_ids: Iterable[int]) -> None:
    """Let each claim of these runs end one lease of its queue from now, or later."""
    runs = json.dumps(list(run_ids))
    leases = list(tx.conn.execute(_LEASES_OF_RUNS, (runs,)))
    for queue_id, lease_ms in leases:
        lease = run_lease_ms(lease_ms)
        until = text_after(tx.now, lease)
        tx.conn.execute(_GROW_LEASES, {"until": until, "lease": lease, "runs": runs, "queue": queue_id})


def release_items_of_run(tx: Tx, run_id: int, *, count_attempt: bool) -> None:
    """Give back the items that an ended run still holds. It has claimed them all the same, which its end has
    counted.

    With ``count_attempt`` the attempt counts, and an item fails after its last one. Without it the
    claim is undone: the run was interrupted, which is not the item's fault.
    """
    tx.conn.execute(
        _RELEASE_COUNTED if count_attempt else _RELEASE_UNCOUNTED,
        {"at": tx.at, "run": run_id, "error": f"run {run_id} ended without an answer"},
    )


def undo_claims(tx: Tx, items: Iterable[Item]) -> None:
    """Give back items whose claimant never learned of its claims: they do not count as attempts."""
    for item in items:
        tx.conn.execute(_COUNT_CLAIM, {"item": item.id, "token": item.lease_token})
        tx.conn.execute(_UNDO_CLAIM, {"item": item.id, "token": item.lease_token})


def fail_deep(tx: Tx, queue_id: str, depth: int, error: str) -> bool:
    """Make dead letters of what waits in a queue and would start a run of this depth or more; whether there
    was any.

    No run may follow from it, and it would keep the items beside it from starting one.
    """
    tx.conn.execute(_FAIL_DEEP, {"queue": queue_id, "depth": depth, "at": tx.at, "error": error})
    return tx.conn.changes() > 0


def prune_queue(tx: Tx, queue_id: str, limit: int, *, now: datetime) -> int:
    """Delete up to ``limit`` completed and failed items past the queue's retention. Returns how many.

    Their age is counted by ``now``. Settles ended leases first: there may be no further claim that would do
    it. DatabaseError for a queue whose row another program has made unreadable.
    """
    settle_expired(tx, queue_id)
    retention = tx.conn.execute("SELECT retention FROM queues WHERE id = ?", (queue_id,)).get
    names = ("completed_ms", "failed_ms")
    kept = fields_of(retention, int, names, f"retention of queue {queue_id}")
    freed = 0
    for statement, ms in zip((_OLD_COMPLETED, _OLD_FAILED), kept, strict=True):
        before = text_after(now, -ms)
        freed += delete_items(tx, statement, {"queue": queue_id, "before": before, "limit": limit - freed})
    return freed


_LEASES_OF_RUNS = """
SELECT DISTINCT queues.id, queues.lease_ms FROM queue_items JOIN queues ON queues.id = queue_id
WHERE status = 'claimed' AND run_id IN (SELECT value FROM json_each(?))
"""

_GROW_LEASES = """
UPDATE queue_items SET lease_until = :until, lease_ms = :lease
WHERE status = 'claimed' AND run_id IN (SELECT value FROM json_each(:runs))
  AND queue_id = :queue AND lease_until < :until
"""

_RELEASE_COUNTED = GIVE_BACK + "WHERE status = 'claimed' AND run_id = :run"

_UNDO = """
UPDATE queue_items SET
  status = 'pending', attempt = attempt - 1, claimed_at = NULL, run_id = NULL, run_revision = NULL,
  lease_token = NULL, lease_until = NULL, lease_ms = NULL
"""
_OF_CLAIM = "id = :item AND status = 'claimed' AND lease_token = :token"
_COUNT_CLAIM = counting_claims(_OF_CLAIM)
_RELEASE_UNCOUNTED = _UNDO + "WHERE status = 'claimed' AND run_id = :run"
_UNDO_CLAIM = f"{_UNDO}WHERE {_OF_CLAIM}"

# Each of the two parts has an index of its own.
_FAIL_DEEP = """
UPDATE queue_items SET status = 'failed', completed_at = :at, error = :error WHERE id IN (
  SELECT id FROM queue_items WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NULL
    AND iif(producer_run IS NULL, depth, depth + 1) >= :depth
  UNION ALL
  SELECT id FROM queue_items WHERE queue_id = :queue AND status = 'pending' AND ready_at IS NOT NULL
    AND iif(producer_run IS NULL, depth, depth + 1) >= :depth)
"""

_OLD_COMPLETED = """
SELECT id FROM queue_items WHERE queue_id = :queue AND status = 'completed' AND completed_at <= :before
LIMIT :limit
"""

_OLD_FAILED = """
SELECT id FROM queue_items WHERE queue_id = :queue AND status = 'failed' AND completed_at <= :before
LIMIT :limit
"""
