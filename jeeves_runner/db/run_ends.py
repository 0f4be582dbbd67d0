"""Where runs end. Whatever makes rows final, in any process, does it here and passes ``conclude``.

What follows from an end and must last is written in the transaction of the end. What may be lost
(waiters, events) follows the committed rows by ``end_seq``: see ``db.runs.ended_since``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import CancelCause, Reason, Retries, RunStatus, Trigger
from jeeves_runner.core.retrying import is_taken_up, retry_delay_ms
from jeeves_runner.core.run import Outcome, Run
from jeeves_runner.db import after, freshness, queue_triggers, secret_params
from jeeves_runner.db.alert_ends import tell_end
from jeeves_runner.db.jobs import DELETED, DISABLED
from jeeves_runner.db.queue_upkeep import release_items_of_run
from jeeves_runner.db.run_states import WAITING
from jeeves_runner.db.runs import AT_ITS_END, RUN_COLUMNS, returned_run, returned_runs
from jeeves_runner.db.transaction import Tx


class RunRecord(NamedTuple):
    """What an attempt leaves behind besides its outcome; nothing of it is known of a lost one."""

    started_at: datetime | None = None
    """When the work itself began, if that is known; its start was recorded before."""
    duration_ms: int | None = None
    """How long the work took, in milliseconds of awake time."""
    stdout: str | None = None
    """The last lines, masked."""
    stderr: str | None = None
    """The last lines, masked."""
    script_hash: str | None = None
    """The hex of a 16-byte BLAKE2b of what ran."""
    log_path: str | None = None
    """Absolute."""


def next_end(tx: Tx) -> int:
    """The number under which this transaction makes runs final; larger than all before it."""
    number: int = tx.conn.execute(
        "UPDATE sequences SET value = value + 1 WHERE name = 'run_ends' RETURNING value"
    ).get
    return number


def conclude(tx: Tx, ended: Sequence[Run], retries: Mapping[int, Retries] | None = None) -> None:
    """Write what follows from these ends: claims are given back, failed attempts are tried again, people are
    told. Of a chain that is over it is noted what it has written, its job may rest, and the secret parameters
    are deleted.

    ``retries``: by run id, how the run's job is retried.
    """
    for run in ended:
        retry: Run | None = None
        if run.started_at is not None:
            release_items_of_run(tx, run.id, count_attempt=run.status is not RunStatus.INTERRUPTED)
            policy = None if retries is None else retries.get(run.id)
            delay = retry_delay_ms(policy, run.status, run.exit_code, run.attempt)
            if run.backfill_id is not None and is_taken_up(policy, run.status, run.attempt):
                delay = delay or 0
            retry = None if delay is None else _insert_retry(tx, run, delay)
            if retry is not None and run.backfill_id is not None and run.status is RunStatus.INTERRUPTED:
                tx.conn.execute(_TAKEN_UP, (run.backfill_id,))
        if retry is not None and _was_replaced(run):
            end_waiting(tx, retry.id, RunStatus.CANCELLED, Reason.REPLACED, run.reason_ref)
        tell_end(tx, run, is_last=retry is None)
        if retry is None:
            after.arrive(tx, run)
            freshness.written(tx, run)
            queue_triggers.settle(tx, run)
            if run.params is not None:
                secret_params.erase(tx, run.chain_id or run.id)


_TAKEN_UP = "UPDATE backfills SET taken_up = taken_up + 1 WHERE id = ?"


def _was_replaced(run: Run) -> bool:
    """Whether another run stands for it. It may have failed by itself before it was asked to end, or been
    asked for its timeout or a shutdown first."""
    return run.cancel_cause is CancelCause.REPLACED or run.reason is Reason.REPLACED


_FINISH = f"""
UPDATE runs SET status = :status, finished_at = max(:at, created_at, coalesce(:started_at, started_at)),
  started_at = coalesce(:started_at, started_at), duration_ms = :duration_ms, exit_code = :exit_code,
  signal = :signal, message = :message, reason = coalesce(:reason, reason),
  reason_ref = iif(:reason IS NULL, reason_ref, NULL), tokens = coalesce(:tokens, tokens),
  result_meta = :result_meta, model = :model, confirmed = :confirmed, stdout = :stdout, stderr = :stderr,
  end_seq = :end_seq,
  script_hash = coalesce(:script_hash, script_hash), log_path = coalesce(:log_path, log_path)
WHERE id = :id AND status = 'running' RETURNING {RUN_COLUMNS}
"""


def end_running(
    tx: Tx, run_id: int, outcome: Outcome, record: RunRecord, retries: Retries | None
) -> Run | None:
    """Record how a running run ended; None if its end has been recorded before.

    ``retries`` is how its job is retried, by the spec it ran under.
    """
    ended = returned_run(
        tx,
        _FINISH,
        {
            "id": run_id,
            "at": tx.at,
            "status": outcome.status,
            "exit_code": outcome.exit_code,
            "signal": outcome.signal,
            "message": outcome.message,
            "reason": outcome.reason,
            "tokens": outcome.tokens,
            "result_meta": outcome.result_meta,
            "model": outcome.model,
            "confirmed": outcome.confirmed,
            "started_at": None if record.started_at is None else to_text(record.started_at),
            "duration_ms": record.duration_ms,
            "stdout": record.stdout,
            "stderr": record.stderr,
            "script_hash": record.script_hash,
            "log_path": record.log_path,
            "end_seq": next_end(tx),
        },
    )
    if ended is not None:
        conclude(tx, [ended], None if retries is None else {run_id: retries})
    return ended


def end_waiting(
    tx: Tx,
    run_id: int,
    status: RunStatus,
    reason: Reason | None,
    ref: str | None = None,
    message: str | None = None,
) -> Run | None:
    """A waiting run will not start: it is cancelled, skipped or missed; None if it waits no longer."""
    # A job that is gone may only have been renamed.
    which = f"id = :id AND {_OF_A_DELETED_JOB}" if reason is Reason.DELETED else "id = :id"
    ended = _end_waiting(tx, which, status=status, reason=reason, ref=ref, message=message, id=run_id)
    if not ended:
        return None
    return _share_row(tx, ended[0]) if reason is Reason.DEPTH else ended[0]


_COUNT_IN = f"""
UPDATE runs SET occurrences = occurrences + 1, finished_at = {AT_ITS_END}, message = :message,
  caused_by = :caused_by, depth = :depth, end_seq = :end_seq
WHERE id = (SELECT max(id) FROM runs WHERE job_id = :job_id AND id < :id)
  AND status = 'skipped' AND reason = 'depth' AND trigger = :trigger
RETURNING {RUN_COLUMNS}
"""


def _share_row(tx: Tx, refused: Run) -> Run:
    """Let the row before, if it is such a refusal too, stand for this one as well; the row that does.

    Who asked for a run by hand has been told its number: that one keeps its row.
    """
    if refused.trigger.is_by_hand:
        return refused
    shared = returned_run(
        tx,
        _COUNT_IN,
        {
            "id": refused.id,
            "job_id": refused.job_id,
            "trigger": refused.trigger,
            "message": refused.message,
            "caused_by": refused.caused_by,
            "depth": refused.depth,
            "at": tx.at,
            "end_seq": next_end(tx),
        },
    )
    if shared is None:
        return refused
    tx.conn.execute("UPDATE OR REPLACE run_causes SET run_id = ? WHERE run_id = ?", (shared.id, refused.id))
    tx.conn.execute("DELETE FROM runs WHERE id = ?", (refused.id,))
    return shared


_OF_A_DELETED_JOB = f"EXISTS (SELECT 1 FROM jobs WHERE jobs.id = runs.job_id AND {DELETED})"


def replace_waiting(tx: Tx, by: Run) -> None:
    """Cancel what waits of a job, retries too, for a run that is decided about after all of them.

    A request that came later, and that no runner has decided about, is spared: it will replace in its turn.
    A retry is not spared, although no runner has decided about one that has just been entered. What belongs
    to a backfill is spared: it makes up for other times.
    """
    _end_waiting(
        tx,
        "job_id = :job_id AND id <> :id AND backfill_id IS NULL"
        " AND (id < :id OR epoch IS NOT NULL OR trigger = :retry)",
        status=RunStatus.CANCELLED,
        reason=Reason.REPLACED,
        ref=str(by.id),
        job_id=by.job_id,
        id=by.id,
        retry=Trigger.RETRY,
    )


def cancel_waiting_of_stopped_jobs(tx: Tx, job_ids: Iterable[str]) -> None:
    """Cancel what waits, pending retries included, of those of these jobs that are deleted or disabled."""
    for reason, condition in _STOPPED.items():
        _end_waiting(
            tx,
            "job_id IN (SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(:ids))"
            f" AND {condition})",
            status=RunStatus.CANCELLED,
            reason=reason,
            ids=json.dumps(list(job_ids)),
        )


def cancel_waiting_of_backfill(tx: Tx, backfill_id: int) -> list[Run]:
    """Cancel what waits of a backfill, pending retries included; which they were."""
    return _end_waiting(
        tx, "backfill_id = :backfill", status=RunStatus.CANCELLED, reason=Reason.CANCEL, backfill=backfill_id
    )


_STOPPED = {
    Reason.DELETED: DELETED,
    Reason.DISABLED: DISABLED,
}


def _end_waiting(
    tx: Tx,
    which: str,
    *,
    status: RunStatus,
    reason: Reason | None,
    ref: str | None = None,
    message: str | None = None,
    **bindings: Any,
) -> list[Run]:
    ended = returned_runs(
        tx,
        "UPDATE runs SET status = :status, reason = :reason, reason_ref = :ref,"
        f" message = coalesce(:message, message), finished_at = {AT_ITS_END}, end_seq = :end_seq"
        f" WHERE {WAITING} AND {which} RETURNING {RUN_COLUMNS}",
        {
            **bindings,
            "status": status,
            "reason": reason,
            "ref": ref,
            "message": message,
            "at": tx.at,
            "end_seq": next_end(tx),
        },
    )
    conclude(tx, ended)
    return ended


_INSERT_RETRY = f"""
INSERT INTO runs (job_id, status, trigger, attempt, chain_id, scheduled_for, not_before, delay_ms,
                  created_at, reason, params, given_params, forced, priority, pool, caused_by, depth,
                  backfill_id)
SELECT id, 'scheduled', :trigger, :attempt, :chain, :scheduled_for, :not_before, :delay_ms,
       :at, :reason, :params, (SELECT given_params FROM runs WHERE id = :run), false, :priority, :pool,
       :caused_by, :depth, :backfill
FROM jobs WHERE id = :job_id AND deleted_at IS NULL AND enabled
  AND NOT EXISTS (SELECT 1 FROM backfills WHERE backfills.id = :backfill AND backfills.status = 'cancelled')
RETURNING {RUN_COLUMNS}
"""


def _insert_retry(tx: Tx, run: Run, delay_ms: int) -> Run | None:
    """The next attempt of a chain, waiting for its time; None if the job is deleted or disabled, or the
    backfill of the chain is cancelled.

    No runner has decided about it: the one that lives takes it up as it does any request.
    """
    return returned_run(
        tx,
        _INSERT_RETRY,
        {
            "job_id": run.job_id,
            "trigger": Trigger.RETRY,
            "attempt": run.attempt + 1,
            "chain": run.chain_id or run.id,
            "scheduled_for": run.scheduled_for and to_text(run.scheduled_for),
            "not_before": to_text(tx.now + timedelta(milliseconds=delay_ms)),
            "delay_ms": delay_ms,
            "at": tx.at,
            "reason": Reason.RETRY,
            "params": run.params,
            "run": run.id,
            "priority": run.priority,
            "pool": run.pool,
            "caused_by": run.caused_by,
            "depth": run.depth,
            "backfill": run.backfill_id,
        },
    )
