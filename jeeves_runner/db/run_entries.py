"""How occurrences enter the ``runs`` table, as decided. Requests enter by ``run_requests``.

A function that finds its guard broken (the job has changed, the occurrence has been decided about, or
skipped by a person meanwhile) writes nothing and returns None.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import Reason, RunStatus, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.db.run_ends import conclude, next_end
from jeeves_runner.db.runs import AT_ITS_END, RUN_COLUMNS, Start, returned_run
from jeeves_runner.db.transaction import Tx


class Occurrence(NamedTuple):
    """A time on a job's schedule about which a decision is to be recorded."""

    job_id: str
    """The job."""
    spec_hash: str
    """That of the spec the decision was made by."""
    trigger: Trigger
    """SCHEDULE, or CATCH_UP for a late one."""
    epoch: int
    """The deciding runner's."""
    scheduled_for: datetime
    """The time; the first one where several share a row."""
    last_for: datetime | None = None
    """The last one where several share a row."""
    occurrences: int = 1
    """How many share it."""
    priority: int = 0
    """The job's: of what waits, higher ones start first."""
    pool: str | None = None
    """The job's: the named limit that it takes a place of."""
    params: str | None = None
    """The defaults of its parameters, for a run that starts or waits: a JSON object of texts."""
    known_skip: int = 0
    """The newest skip of these times that the decision knew, by its id; 0 for none. A newer one breaks the
    guard: who skips an occurrence that has no row yet is told that it will not run."""


# An occurrence at or before the watermark has been decided. One that a wrong clock has written far ahead is
# put right by ``db.clock_events``, and not judged again here.
_UNDECIDED = "(decided_until IS NULL OR decided_until < :scheduled_for)"
_SKIPPED_SINCE = """
SELECT 1 FROM overrides WHERE kind = 'skip' AND job_id = :job_id AND ended_at IS NULL AND id > :known_skip
AND scheduled_for BETWEEN :scheduled_for AND coalesce(:last_for, :scheduled_for)
"""
_INSERT = f"""
INSERT INTO runs (job_id, status, trigger, scheduled_for, last_for, occurrences, created_at, started_at,
                  finished_at, reason, reason_ref, message, params, priority, pool, spec_hash, revision_id,
                  file, mark, handle, deadline, timeout_ms, origin, token_digest, epoch, end_seq,
                  told_by_items)
SELECT id, :status, :trigger, :scheduled_for, :last_for, :occurrences, :at, :started_at, :finished_at,
       :reason, :reason_ref, :message, :params, :priority, :pool, spec_hash, revision_id, file, :mark,
       :handle, :deadline, :timeout_ms, :origin, :token_digest, :epoch, :end_seq,
       :status = 'running'
FROM jobs
WHERE id = :job_id AND spec_hash = :spec_hash AND deleted_at IS NULL AND enabled AND {_UNDECIDED}
  AND NOT EXISTS ({_SKIPPED_SINCE})
ON CONFLICT DO NOTHING
RETURNING {RUN_COLUMNS}
"""
# Only what comes after the row's last: a clock that was set back may have left that one in the future. What
# people skip shares a row only if they said the same of it.
_JOIN_SKIPPED = f"""
UPDATE runs SET occurrences = occurrences + :occurrences, last_for = coalesce(:last_for, :scheduled_for),
  finished_at = {AT_ITS_END}, message = coalesce(:message, message),
  end_seq = :end_seq
WHERE id = (SELECT max(id) FROM runs WHERE job_id = :job_id)
  AND status = 'skipped' AND reason = :reason AND started_at IS NULL
  AND coalesce(last_for, scheduled_for) < :scheduled_for AND (:reason <> 'skip' OR message IS :message)
  AND NOT EXISTS ({_SKIPPED_SINCE})
  AND EXISTS (SELECT 1 FROM jobs WHERE id = :job_id AND spec_hash = :spec_hash AND deleted_at IS NULL
              AND enabled AND {_UNDECIDED})
RETURNING {RUN_COLUMNS}
"""
# Forward only.
_MOVE_WATERMARK = """
UPDATE jobs SET decided_until = :last
WHERE id = :job_id AND (decided_until IS NULL OR decided_until < :last)
"""


_NO_START: Mapping[str, None] = dict.fromkeys(
    ("mark", "handle", "deadline", "timeout_ms", "origin", "token_digest")
)


def enter_started(tx: Tx, occurrence: Occurrence, start: Start) -> Run | None:
    """Record that an occurrence starts now."""
    return _enter(tx, occurrence, RunStatus.RUNNING, start=start)


def enter_waiting(tx: Tx, occurrence: Occurrence, reason: Reason | None, ref: str | None) -> Run | None:
    """Record that an occurrence waits for its turn."""
    return _enter(tx, occurrence, RunStatus.SCHEDULED, reason, ref)


def enter_skipped(
    tx: Tx, occurrence: Occurrence, reason: Reason | None, ref: str | None, message: str | None = None
) -> Run | None:
    """Record that occurrences do not run; further ones of the same reason join the row before them, which
    has the newest message then."""
    bindings = _bindings(tx, occurrence) | {"reason": reason, "message": message, "end_seq": next_end(tx)}
    joined = returned_run(tx, _JOIN_SKIPPED, bindings)
    if joined is None:
        return _enter(tx, occurrence, RunStatus.SKIPPED, reason, ref, message)
    tx.conn.execute(_MOVE_WATERMARK, _watermark(occurrence))
    conclude(tx, [joined])
    return joined


def enter_missed(tx: Tx, occurrence: Occurrence, reason: Reason) -> Run | None:
    """Record that occurrences of a gap do not run."""
    return _enter(tx, occurrence, RunStatus.MISSED, reason)


def _enter(
    tx: Tx,
    occurrence: Occurrence,
    status: RunStatus,
    reason: Reason | None = None,
    ref: str | None = None,
    message: str | None = None,
    *,
    start: Start | None = None,
) -> Run | None:
    if not occurrence.trigger.is_occurrence:
        raise ValueError(f"{occurrence.trigger} is no occurrence, and must not move the watermark")
    bindings = _bindings(tx, occurrence) | {
        "status": status,
        "reason": reason,
        "reason_ref": ref,
        "message": message,
        "started_at": tx.at if status is RunStatus.RUNNING else None,
        "finished_at": tx.at if status.is_final else None,
        "end_seq": next_end(tx) if status.is_final else None,
        "params": None if status.is_final else occurrence.params,
    }
    bindings |= _NO_START if start is None else start.bindings(tx)
    run = returned_run(tx, _INSERT, bindings)
    if run is None:
        return None
    tx.conn.execute(_MOVE_WATERMARK, _watermark(occurrence))
    if status.is_final:
        conclude(tx, [run])
    return run


def is_by_now(tx: Tx, occurrence: Occurrence) -> bool:
    """Whether a decision about it was made by what is so now: its job's spec, and what people skip."""
    is_skipped = tx.conn.execute(_SKIPPED_SINCE, _bindings(tx, occurrence)).fetchone() is not None
    return not is_skipped and spec_is_current(tx, occurrence.job_id, occurrence.spec_hash)


def spec_is_current(tx: Tx, job_id: str, spec_hash: str) -> bool:
    """Whether the spec a decision was made by is still the job's."""
    row = tx.conn.execute(
        "SELECT 1 FROM jobs WHERE id = ? AND spec_hash = ? AND deleted_at IS NULL", (job_id, spec_hash)
    ).fetchone()
    return row is not None


def _bindings(tx: Tx, occurrence: Occurrence) -> dict[str, Any]:
    return {
        "job_id": occurrence.job_id,
        "spec_hash": occurrence.spec_hash,
        "trigger": occurrence.trigger,
        "epoch": occurrence.epoch,
        "scheduled_for": to_text(occurrence.scheduled_for),
        "last_for": occurrence.last_for and to_text(occurrence.last_for),
        "occurrences": occurrence.occurrences,
        "priority": occurrence.priority,
        "pool": occurrence.pool,
        "known_skip": occurrence.known_skip,
        "at": tx.at,
    }


def _watermark(occurrence: Occurrence) -> dict[str, str]:
    last = to_text(occurrence.last_for or occurrence.scheduled_for)
    return {"job_id": occurrence.job_id, "last": last}
