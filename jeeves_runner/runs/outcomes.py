"""Recording how a running run ended, whoever finds out: its runner, the next one, or a command."""

from jeeves_runner.core.model import CancelCause, Retries, Run
from jeeves_runner.core.outcome import outcome
from jeeves_runner.db import audit, runs
from jeeves_runner.db.run_ends import end_running
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.transaction import Tx
from jeeves_runner.errors import NotFound
from jeeves_runner.runs.execution import Report


def record_outcome(
    tx: Tx, run_id: int, report: Report, retries: Retries | None, *, epoch: int, cause: CancelCause | None
) -> Run:
    """Record the end of a running run; ``cause`` is what it was asked to end for. Raises Fenced.

    A run whose end is recorded already stays as it is; the later report is noted in the audit.
    """
    check_epoch(tx, epoch)
    result = outcome(report.ending, cause=cause, result=report.result, note=report.note)
    ended = end_running(tx, run_id, result, report.record, retries)
    if ended is not None:
        return ended
    audit.record(tx, actor="runner", action="late result", target=f"run {run_id}", detail=str(result.status))
    run = runs.run(tx.conn, run_id)
    if run is None:
        raise NotFound(f"run {run_id} is not in the database any more")
    return run
