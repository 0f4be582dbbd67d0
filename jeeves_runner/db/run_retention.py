"""What is no longer kept of runs: rows past their retention, and logs past theirs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.durations import text_after
from jeeves_runner.core.model import Keep
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.db.carried_runs import JOB_OF_RUN
from jeeves_runner.db.run_states import ACTIVE
from jeeves_runner.db.transaction import Tx


def outlived(
    conn: apsw.Connection, *, now: datetime, retention: timedelta, occurrences: timedelta, limit: int
) -> list[int]:
    """Up to ``limit`` runs that may be deleted, the oldest of each job first.

    ``retention`` holds for jobs that do not say themselves what they ``keep``. Occurrences are kept for
    ``occurrences`` at least: their rows keep them from running twice when a clock was set back. A first
    attempt stays for as long as one of its retries, a run for as long as people are to be told of it, and
    every job keeps the last run that started, which tells how it went. To find them may take long: it reads
    what is kept as well.
    """
    kept = dict(_keeps(conn))
    bounds: dict[str, str | int | None] = {
        "own": json.dumps(list(kept)),
        "before": to_text(now - retention),
        "occurrences_before": to_text(now - max(retention, occurrences)),
    }
    found: list[int] = []
    for query in (_OUTLIVED, _OUTLIVED_NO_OCCURRENCES):
        rows = conn.execute(query, {**bounds, "limit": limit - len(found)})
        found += [run_id for (run_id,) in rows]
    for job_id, keep in kept.items():
        if keep is not None and len(found) < limit:
            left = limit - len(found)
            found += _outlived_of_job(conn, job_id, keep, now, to_text(now - occurrences), left)
    return found


def _outlived_of_job(
    conn: apsw.Connection, job_id: str, keep: Keep, now: datetime, occurrences_before: str, limit: int
) -> list[int]:
    """The same of a job that says what it keeps. Of what stays it reads indexes alone, and those no further
    than it must: however many runs there are, that is some hundredths of a second."""
    before = None if keep.days_ms is None else text_after(now, -keep.days_ms)
    first = None
    if keep.runs is not None:
        first = conn.execute(_FIRST_KEPT, {"job": job_id, "runs": keep.runs}).get
    until = before if first is None else _EVER
    if until is None:  # it has no more runs than it keeps
        return []
    found: list[int] = []
    for is_occurrence in (False, True):
        bounds = {
            "job": job_id,
            "is_occurrence": is_occurrence,
            "until": min(until, occurrences_before) if is_occurrence else until,
            "before": before,
            "first": first,
            "limit": limit - len(found),
        }
        found += [run_id for (run_id,) in conn.execute(_OUTLIVED_OF_JOB, bounds)]
    return found


_EVER = "9999-12-31T23:59:59.999Z"


def _keeps(conn: apsw.Connection) -> Iterator[tuple[str, Keep | None]]:
    """What jobs, deleted ones too, say themselves of their runs; None for one whose row cannot be read."""
    rows = conn.execute("SELECT id, spec FROM jobs WHERE spec ->> '$.keep' IS NOT NULL")
    for job_id, text in rows:
        try:
            yield job_id, job_from_text(text).keep
        except SpecError:
            yield job_id, None


def delete(tx: Tx, run_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Delete those of these runs that have ended and that nothing needs; each as ``(run id, job)``.

    Another run may need one by now, although it was found to have outlived its retention.
    """
    rows = tx.conn.execute(_DELETE, (json.dumps(run_ids),))
    deleted = [(run_id, job_id) for run_id, job_id in rows]
    # Of each run a hundred causes at most, and of refusals that share a row of each. What it caused names it
    # until that goes itself.
    gone = json.dumps([run_id for run_id, _ in deleted])
    tx.conn.execute("DELETE FROM run_causes WHERE run_id IN (SELECT value FROM json_each(?))", (gone,))
    # What a process that has outlived its run did since these were forgotten.
    tx.conn.execute("DELETE FROM effects WHERE run_id IN (SELECT value FROM json_each(?))", (gone,))
    return deleted


def forget_effects(tx: Tx, run_ids: Sequence[int], limit: int) -> int:
    """Forget up to ``limit`` counts of what those of these runs did that may be deleted; how many.

    One run may have written to any number of namespaces.
    """
    tx.conn.execute(_FORGET_EFFECTS, {"runs": json.dumps(run_ids), "limit": limit})
    return tx.conn.changes()


_NOT_NEEDED = """
NOT EXISTS (SELECT 1 FROM runs AS retry WHERE retry.chain_id = runs.id)
AND (started_at IS NULL OR EXISTS (
  SELECT 1 FROM runs AS later
  WHERE later.job_id = runs.job_id AND later.id > runs.id AND later.started_at IS NOT NULL))
AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.run_id = runs.id AND outbox.status = 'pending')
"""
_NOT_OWN = "job_id NOT IN (SELECT value FROM json_each(:own))"
_OUTLIVED = f"""
SELECT id FROM runs WHERE finished_at < :occurrences_before AND {_NOT_OWN} AND {_NOT_NEEDED}
ORDER BY finished_at LIMIT :limit
"""
# By an index of their own, past all the occurrences of these days.
_OUTLIVED_NO_OCCURRENCES = f"""
SELECT id FROM runs WHERE finished_at >= :occurrences_before AND finished_at < :before
  AND NOT is_occurrence AND {_NOT_OWN} AND {_NOT_NEEDED}
ORDER BY finished_at LIMIT :limit
"""
# The oldest of so many that have ended, the newest: past those that have not, it reads an index alone.
_FIRST_KEPT = f"""
SELECT id FROM runs
WHERE job_id = :job AND id NOT IN (SELECT id FROM runs WHERE {ACTIVE} AND job_id = :job)
ORDER BY id DESC LIMIT 1 OFFSET :runs - 1
"""
_OUTLIVED_OF_JOB = f"""
SELECT id FROM runs
WHERE job_id = :job AND is_occurrence = :is_occurrence AND finished_at < :until
  AND (finished_at < :before OR id < :first) AND {_NOT_NEEDED}
ORDER BY finished_at LIMIT :limit
"""
_DELETE = f"""
DELETE FROM runs
WHERE id IN (SELECT value FROM json_each(?)) AND finished_at IS NOT NULL AND {_NOT_NEEDED}
RETURNING id, {JOB_OF_RUN}
"""
_FORGET_EFFECTS = f"""
DELETE FROM effects WHERE (run_id, act, target) IN (
  SELECT run_id, act, target FROM effects WHERE run_id IN (
    SELECT id FROM runs
    WHERE id IN (SELECT value FROM json_each(:runs)) AND finished_at IS NOT NULL AND {_NOT_NEEDED})
  LIMIT :limit)
"""


def forget_logs(tx: Tx, *, before: datetime, limit: int) -> list[tuple[int, str]]:
    """Take the logs away from up to ``limit`` runs that ended before then; each as ``(run id, job)``."""
    rows = tx.conn.execute(
        f"SELECT id, {JOB_OF_RUN} FROM runs WHERE finished_at < ? AND log_path IS NOT NULL"
        " ORDER BY finished_at LIMIT ?",
        (to_text(before), limit),
    )
    runs = [(run_id, job_id) for run_id, job_id in rows]
    tx.conn.executemany("UPDATE runs SET log_path = NULL WHERE id = ?", ((run_id,) for run_id, _ in runs))
    return runs


def with_log_or_active(conn: apsw.Connection, run_ids: Iterable[int]) -> set[int]:
    """Those of these runs that have a log, or have not ended and may be writing one."""
    rows = conn.execute(
        "SELECT id FROM runs WHERE id IN (SELECT value FROM json_each(?))"
        " AND (log_path IS NOT NULL OR finished_at IS NULL)",
        (json.dumps(list(run_ids)),),
    )
    return {run_id for (run_id,) in rows}
