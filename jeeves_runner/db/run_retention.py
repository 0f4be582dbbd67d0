"""What is no longer kept of runs: rows past their retention, and logs past theirs."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.db.transaction import Tx


def outlived(
    conn: apsw.Connection, *, before: datetime, occurrences_before: datetime, limit: int
) -> list[int]:
    """Up to ``limit`` runs that ended before then and may be deleted, the oldest first.

    Occurrences are kept longer: their rows keep them from running twice when a clock was set
    back. A first attempt stays for as long as one of its retries, and every job keeps the last
    run that started, which tells how it went. To find them may take long: it reads what is kept as well.
    """
    bounds = {
        "before": to_text(before),
        "occurrences_before": to_text(min(before, occurrences_before)),
    }
    found: list[int] = []
    for query in (_OUTLIVED, _OUTLIVED_NO_OCCURRENCES):
        rows = conn.execute(query, {**bounds, "limit": limit - len(found)})
        found += [run_id for (run_id,) in rows]
    return found


def delete(tx: Tx, run_ids: Sequence[int]) -> list[str | None]:
    """Delete those of these runs that have ended and that nothing needs; the log path of each.

    Another run may need one by now, although it was found to have outlived its retention.
    """
    rows = tx.conn.execute(_DELETE, (json.dumps(run_ids),))
    return [path for (path,) in rows]


_NOT_NEEDED = """
NOT EXISTS (SELECT 1 FROM runs AS retry WHERE retry.chain_id = runs.id)
AND (started_at IS NULL OR EXISTS (
  SELECT 1 FROM runs AS later
  WHERE later.job_id = runs.job_id AND later.id > runs.id AND later.started_at IS NOT NULL))
"""
_OUTLIVED = f"""
SELECT id FROM runs WHERE finished_at < :occurrences_before AND {_NOT_NEEDED}
ORDER BY finished_at LIMIT :limit
"""
# By an index of their own, past all the occurrences of these days.
_OUTLIVED_NO_OCCURRENCES = f"""
SELECT id FROM runs WHERE finished_at >= :occurrences_before AND finished_at < :before
  AND NOT is_occurrence AND {_NOT_NEEDED}
ORDER BY finished_at LIMIT :limit
"""
_DELETE = f"""
DELETE FROM runs
WHERE id IN (SELECT value FROM json_each(?)) AND finished_at IS NOT NULL AND {_NOT_NEEDED}
RETURNING log_path
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
