"""What is no longer kept of runs: rows past their retention, and logs past theirs."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.db.transaction import Tx


class Pruned(NamedTuple):
    """Runs that were deleted: the log path of each, and when the youngest of them ended."""

    log_paths: list[str | None]
    until: str


def prune(
    tx: Tx, *, before: datetime, occurrences_before: datetime, since: str = "", limit: int
) -> Pruned | None:
    """Delete the oldest ``limit`` runs that ended before then; None if there was nothing to delete.

    Occurrences are kept longer: their rows keep them from running twice when a clock was set
    back. A first attempt stays for as long as one of its retries, and every job keeps the last
    run that started, which tells how it went. ``since`` is when the runs deleted last had ended, so
    that what was kept before is not looked at again.
    """
    bounds = {
        "since": since,
        "before": to_text(before),
        "occurrences_before": to_text(min(before, occurrences_before)),
    }
    deleted: list[tuple[str | None, str]] = []
    for statement in (_PRUNE, _PRUNE_NO_OCCURRENCES):
        rows = tx.conn.execute(statement, {**bounds, "limit": limit - len(deleted)})
        deleted += [(path, ended) for path, ended in rows]
    if not deleted:
        return None
    return Pruned([path for path, _ in deleted], max(ended for _, ended in deleted))


_DELETABLE = """
NOT EXISTS (SELECT 1 FROM runs AS retry WHERE retry.chain_id = runs.id)
AND (started_at IS NULL OR EXISTS (
  SELECT 1 FROM runs AS later
  WHERE later.job_id = runs.job_id AND later.id > runs.id AND later.started_at IS NOT NULL))
ORDER BY finished_at LIMIT :limit
"""
_PRUNE = f"""
DELETE FROM runs WHERE id IN (
  SELECT id FROM runs WHERE finished_at >= :since AND finished_at < :occurrences_before AND {_DELETABLE})
RETURNING log_path, finished_at
"""
# By an index of their own, past all the occurrences of these days.
_PRUNE_NO_OCCURRENCES = f"""
DELETE FROM runs WHERE id IN (
  SELECT id FROM runs WHERE finished_at >= max(:since, :occurrences_before) AND finished_at < :before
    AND NOT is_occurrence AND {_DELETABLE})
RETURNING log_path, finished_at
"""


def forget_logs(tx: Tx, *, before: datetime, limit: int) -> list[str]:
    """Take the logs away from up to ``limit`` runs that ended before then; their paths."""
    rows = tx.conn.execute(
        "SELECT id, log_path FROM runs WHERE finished_at < ? AND log_path IS NOT NULL"
        " ORDER BY finished_at LIMIT ?",
        (to_text(before), limit),
    ).fetchall()
    tx.conn.executemany("UPDATE runs SET log_path = NULL WHERE id = ?", ((run_id,) for run_id, _ in rows))
    return [str(path) for _, path in rows]


def with_log_or_active(conn: apsw.Connection, run_ids: Iterable[int]) -> set[int]:
    """Those of these runs that have a log, or have not ended and may be writing one."""
    rows = conn.execute(
        "SELECT id FROM runs WHERE id IN (SELECT value FROM json_each(?))"
        " AND (log_path IS NOT NULL OR finished_at IS NULL)",
        (json.dumps(list(run_ids)),),
    )
    return {run_id for (run_id,) in rows}
