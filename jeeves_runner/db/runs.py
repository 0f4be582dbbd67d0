"""The ``runs`` table: every decision, start and outcome is written here, each guarded by what it follows.

A function that finds its guard broken (the row has moved on, the job has changed) writes nothing
and returns None.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import Outcome, Run, RunStatus, Trigger
from jeeves_runner.core.policy import CLOCK_EVENT
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.db.jobs import JobRow, job_row
from jeeves_runner.db.overrides import job_is_paused
from jeeves_runner.db.runs_read import RUN_COLUMNS, run_from_row
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import Conflict, NotFound


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRun:
    """A first attempt, or occurrences that did not become one, about to be recorded.

    ``spec_hash`` is that of the spec the decision was made by. ``scheduled_for`` is the
    occurrence, the first of ``occurrences`` up to ``last_for`` where they are several. ``epoch``
    is the deciding runner's; None: some other program asks for the run.
    """

    job_id: str
    spec_hash: str
    trigger: Trigger
    epoch: int | None
    scheduled_for: datetime | None = None
    last_for: datetime | None = None
    occurrences: int = 1
    params: str | None = None
    forced: bool = False
    priority: int = 0
    pool: str | None = None


# An occurrence at or before the watermark has been decided. A watermark far ahead of now was
# written by a clock since set back and says nothing; then the unique index alone decides.
_UNDECIDED = (
    "(:scheduled_for IS NULL OR decided_until IS NULL OR decided_until < :scheduled_for"
    " OR decided_until > :clock_event)"
)
_INSERT = f"""
INSERT INTO runs (job_id, status, trigger, scheduled_for, last_for, occurrences, created_at, started_at,
                  finished_at, reason, params, forced, priority, pool, spec_hash, revision_id, file, mark,
                  epoch)
SELECT id, :status, :trigger, :scheduled_for, :last_for, :occurrences, :at, :started_at, :finished_at,
       :reason, :params, :forced, :priority, :pool, spec_hash, revision_id, file, :mark, :epoch
FROM jobs
WHERE id = :job_id AND spec_hash = :spec_hash AND deleted_at IS NULL AND (enabled OR :trigger = 'manual')
  AND {_UNDECIDED}
ON CONFLICT DO NOTHING
RETURNING {RUN_COLUMNS}
"""


def insert_run(
    tx: Tx, new: NewRun, status: RunStatus, reason: str | None = None, *, mark: str | None = None
) -> Run | None:
    """Record a decision about a first attempt and, if it has an occurrence, move the watermark there.

    None if the job has changed since the decision, or the occurrence has been decided before.
    """
    bindings = _bindings(tx, new) | {
        "status": str(status),
        "reason": reason,
        "mark": mark,
        "started_at": tx.at if status is RunStatus.RUNNING else None,
        "finished_at": tx.at if status.is_final else None,
    }
    run = _one(tx, _INSERT, bindings)
    if run is not None:
        _move_watermark(tx, new)
    return run


def skip(tx: Tx, new: NewRun, reason: str) -> Run | None:
    """Record that an occurrence does not run; one more of the same cause joins the row before it."""
    if new.scheduled_for is not None:
        joined = _one(tx, _JOIN_SKIPPED, _bindings(tx, new) | {"reason": reason})
        if joined is not None:
            _move_watermark(tx, new)
            return joined
    return insert_run(tx, new, RunStatus.SKIPPED, reason)


_JOIN_SKIPPED = f"""
UPDATE runs SET occurrences = occurrences + 1, last_for = :scheduled_for, finished_at = :at
WHERE id = (SELECT max(id) FROM runs WHERE job_id = :job_id)
  AND status = 'skipped' AND reason = :reason AND scheduled_for IS NOT NULL
  AND EXISTS (SELECT 1 FROM jobs WHERE id = :job_id AND spec_hash = :spec_hash AND deleted_at IS NULL
              AND enabled AND {_UNDECIDED})
RETURNING {RUN_COLUMNS}
"""


def spec_is_current(tx: Tx, new: NewRun) -> bool:
    """Whether the spec a decision was made by is still the job's."""
    row = tx.conn.execute(
        "SELECT 1 FROM jobs WHERE id = ? AND spec_hash = ? AND deleted_at IS NULL",
        (new.job_id, new.spec_hash),
    ).fetchone()
    return row is not None


def request_run(tx: Tx, job_id: str, *, params: str | None, forced: bool) -> Run:
    """Ask the runner for a run from outside of it; ``params`` is a JSON object of texts.

    NotFound for a job that is not there, Conflict for a paused one unless ``forced``, and for one whose row
    cannot be read.
    """
    job = job_row(tx.conn, job_id)
    if job is None or job.deleted_at is not None:
        raise NotFound(f"there is no job {job_id}", hint="`jeeves-runner jobs` lists what there is")
    if not forced and job_is_paused(tx.conn, job_id, tx.now):
        raise Conflict(f"job {job_id} is paused", hint="resume it, or force the run")
    run = insert_run(tx, _requested(job, params, forced), RunStatus.SCHEDULED)
    if run is None:  # the row was read in this very transaction
        raise RuntimeError(f"the request for a run of {job_id} was not recorded")
    return run


def row_is_damaged(job_id: str) -> Conflict:
    """The error for a run of a job whose row was changed by hand so that it cannot be read."""
    return Conflict(
        f"the row of job {job_id} in the database was damaged by hand",
        hint="`jeeves-runner apply` heals it",
    )


def _requested(job: JobRow, params: str | None, forced: bool) -> NewRun:
    try:
        spec = job_from_text(job.spec_text)
    except SpecError as error:
        raise row_is_damaged(job.id) from error
    return NewRun(
        job_id=job.id,
        spec_hash=job.spec_hash,
        trigger=Trigger.MANUAL,
        epoch=None,
        params=params,
        forced=forced,
        priority=spec.priority,
        pool=spec.pool,
    )


def start_waiting(tx: Tx, run_id: int, *, spec_hash: str, mark: str, epoch: int) -> Run | None:
    """Turn a waiting run into a running one, under the spec it was admitted by."""
    return _one(
        tx,
        f"""
        UPDATE runs SET status = 'running', started_at = :at, reason = NULL, mark = :mark, epoch = :epoch,
          spec_hash = :spec_hash, (revision_id, file) = (SELECT revision_id, file FROM jobs WHERE id = job_id)
        WHERE id = :id AND status = 'scheduled'
          AND (SELECT spec_hash FROM jobs WHERE id = job_id) = :spec_hash
        RETURNING {RUN_COLUMNS}
        """,
        {"at": tx.at, "id": run_id, "spec_hash": spec_hash, "mark": mark, "epoch": epoch},
    )


def end_waiting(tx: Tx, run_id: int, status: RunStatus, reason: str) -> Run | None:
    """A waiting run will not start: it is cancelled, skipped or missed."""
    return _one(
        tx,
        "UPDATE runs SET status = :status, reason = :reason, finished_at = :at"
        f" WHERE id = :id AND status = 'scheduled' RETURNING {RUN_COLUMNS}",
        {"at": tx.at, "id": run_id, "status": str(status), "reason": reason},
    )


def set_reason(tx: Tx, run_ids: Sequence[int], reason: str | None) -> None:
    """Say why runs wait."""
    tx.conn.execute(
        "UPDATE runs SET reason = ? WHERE id IN (SELECT value FROM json_each(?)) AND status = 'scheduled'",
        (reason, json.dumps(run_ids)),
    )


def cancel_waiting_of_stopped_jobs(tx: Tx, job_ids: Iterable[str]) -> None:
    """Cancel what waits, pending retries included, of those of these jobs that are deleted or disabled."""
    tx.conn.execute(
        """
        UPDATE runs SET status = 'cancelled', finished_at = ?,
          reason = (SELECT iif(deleted_at IS NULL, 'job disabled', 'job deleted') FROM jobs WHERE id = job_id)
        WHERE status = 'scheduled' AND job_id IN (
          SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?))
            AND (deleted_at IS NOT NULL OR NOT enabled))
        """,
        (tx.at, json.dumps(list(job_ids))),
    )


def request_cancel(tx: Tx, run_id: int, cause: str) -> str | None:
    """Record why an active run is to end; the cause that was recorded first, None if it has ended."""
    row = tx.conn.execute(
        "UPDATE runs SET cancel_cause = coalesce(cancel_cause, ?),"
        " cancel_requested_at = coalesce(cancel_requested_at, ?)"
        " WHERE id = ? AND status IN ('scheduled', 'running') RETURNING cancel_cause",
        (cause, tx.at, run_id),
    ).fetchone()
    return None if row is None else str(row[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """What an attempt leaves behind besides its outcome; nothing of it is known of a lost one."""

    duration_ms: int | None = None
    stdout: str | None = None
    stderr: str | None = None
    script_hash: str | None = None
    log_path: str | None = None


_FINISH = f"""
UPDATE runs SET status = :status, finished_at = :at, duration_ms = :duration_ms, exit_code = :exit_code,
  signal = :signal, message = :message, tokens = :tokens, result_meta = :result_meta,
  stdout = :stdout, stderr = :stderr,
  script_hash = coalesce(:script_hash, script_hash), log_path = coalesce(:log_path, log_path)
WHERE id = :id AND status = 'running' RETURNING {RUN_COLUMNS}
"""


def finish(tx: Tx, run_id: int, outcome: Outcome, record: RunRecord) -> Run | None:
    """Record how a running run ended; None if its end has been recorded before."""
    return _one(
        tx,
        _FINISH,
        {
            "id": run_id,
            "at": tx.at,
            "status": str(outcome.status),
            "exit_code": outcome.exit_code,
            "signal": outcome.signal,
            "message": outcome.message,
            "tokens": outcome.tokens,
            "result_meta": outcome.result_meta,
            "duration_ms": record.duration_ms,
            "stdout": record.stdout,
            "stderr": record.stderr,
            "script_hash": record.script_hash,
            "log_path": record.log_path,
        },
    )


def insert_retry(tx: Tx, run: Run, *, delay_ms: int, epoch: int) -> Run | None:
    """The next attempt of a chain, waiting for its time; None if the job is deleted or disabled."""
    return _one(
        tx,
        f"""
        INSERT INTO runs (job_id, status, trigger, attempt, chain_id, scheduled_for, not_before, created_at,
                          reason, params, forced, priority, pool, epoch)
        SELECT id, 'scheduled', 'retry', :attempt, :chain, :scheduled_for, :not_before, :at,
               'retry', :params, :forced, :priority, :pool, :epoch
        FROM jobs WHERE id = :job_id AND deleted_at IS NULL AND enabled
        RETURNING {RUN_COLUMNS}
        """,
        {
            "job_id": run.job_id,
            "attempt": run.attempt + 1,
            "chain": run.chain_id or run.id,
            "scheduled_for": run.scheduled_for and to_text(run.scheduled_for),
            "not_before": to_text(tx.now + timedelta(milliseconds=delay_ms)),
            "at": tx.at,
            "params": run.params,
            "forced": False,
            "priority": run.priority,
            "pool": run.pool,
            "epoch": epoch,
        },
    )


def note_process(
    tx: Tx, run_id: int, *, pid: int | None, pid_started: str | None, boot_id: str | None, record: RunRecord
) -> None:
    """Add to a running run what its process is and where its log is."""
    tx.conn.execute(
        "UPDATE runs SET pid = ?, pid_started = ?, boot_id = ?, script_hash = ?, log_path = ?"
        " WHERE id = ? AND status = 'running'",
        (pid, pid_started, boot_id, record.script_hash, record.log_path, run_id),
    )


def _bindings(tx: Tx, new: NewRun) -> dict[str, Any]:
    return {
        "job_id": new.job_id,
        "spec_hash": new.spec_hash,
        "trigger": str(new.trigger),
        "epoch": new.epoch,
        "scheduled_for": new.scheduled_for and to_text(new.scheduled_for),
        "last_for": new.last_for and to_text(new.last_for),
        "occurrences": new.occurrences,
        "params": new.params,
        "forced": new.forced,
        "priority": new.priority,
        "pool": new.pool,
        "at": tx.at,
        "clock_event": to_text(tx.now + CLOCK_EVENT),
    }


def _move_watermark(tx: Tx, new: NewRun) -> None:
    if (last := new.last_for or new.scheduled_for) is not None:
        tx.conn.execute("UPDATE jobs SET decided_until = ? WHERE id = ?", (to_text(last), new.job_id))


def _one(tx: Tx, statement: str, bindings: "apsw.Bindings") -> Run | None:
    rows = tx.conn.execute(statement, bindings).fetchall()
    return run_from_row(rows[0]) if rows else None
