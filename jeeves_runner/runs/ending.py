"""Recording how a run ended: outcome, retry and returned queue items in one transaction."""

from dataclasses import dataclass

from jeeves_runner.core.model import Retries, Run, RunStatus
from jeeves_runner.core.outcome import outcome
from jeeves_runner.core.policy import retry_delay_ms
from jeeves_runner.db import audit, runs, runs_read
from jeeves_runner.db.queue import release_items_of_run
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import NotFound
from jeeves_runner.runs.execution import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A run as it is recorded now, and the attempt that follows it, if one does."""

    run: Run
    retry: Run | None = None


def record_end(
    tx: Tx, run_id: int, report: Report, retries: Retries | None, *, epoch: int, cause: str | None
) -> Ended:
    """Record the end of a running run, and ``cause`` as what it was asked to end for.

    A run whose end is recorded already stays as it is; the later report is noted in the audit.
    Raises Fenced.
    """
    check_epoch(tx, epoch)
    result = outcome(report.ending, cause=cause, result=report.result, note=report.note)
    ended = runs.finish(tx, run_id, result, report.record)
    if ended is None:
        return Ended(run=_note_late(tx, run_id, result.status))
    release_items_of_run(tx, run_id, count_attempt=ended.status is not RunStatus.INTERRUPTED)
    delay = retry_delay_ms(retries, result, ended.attempt)
    if delay is None:
        return Ended(run=ended)
    return Ended(run=ended, retry=runs.insert_retry(tx, ended, delay_ms=delay, epoch=epoch))


def _note_late(tx: Tx, run_id: int, status: RunStatus) -> Run:
    audit.record(tx, actor="runner", action="late result", target=f"run {run_id}", detail=str(status))
    run = runs_read.run(tx.conn, run_id)
    if run is None:
        raise NotFound(f"run {run_id} is not in the database any more")
    return run
