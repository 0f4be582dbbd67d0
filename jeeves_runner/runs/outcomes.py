"""How a running run ended, and how that is recorded: by its runner, by the next one, or by a command."""

from dataclasses import dataclass

from jeeves_runner.core.model import CancelCause, ExitCodes, Retries
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.outcome import Ending, outcome
from jeeves_runner.core.run import Run
from jeeves_runner.db import audit, runs
from jeeves_runner.db.run_ends import RunRecord, end_running
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.transaction import Tx


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """How an attempt ended and what it left behind."""

    ending: Ending
    """How the work ended, by what carried it out."""
    record: RunRecord
    """Its output, its log and how long it took."""
    result: str | None = None
    """The JSON object that the script reported."""
    note: str | None = None
    """What there is to say about a result that was dropped."""
    of_precheck: bool = False
    """Whether it was the precheck that ended so, and the main part was not started."""


def record_outcome(
    tx: Tx,
    run_id: int,
    report: Report,
    retries: Retries | None,
    *,
    epoch: int,
    cause: CancelCause | None,
    exit_codes: ExitCodes | None = None,
) -> Run:
    """Record the end of a running run; ``cause`` is what it was asked to end for. Raises Fenced.

    ``retries`` and ``exit_codes`` are those of the spec it ran under. A run whose end is recorded already
    stays as it is; the later report is noted in the audit.
    """
    check_epoch(tx, epoch)
    record = report.record
    result = outcome(
        report.ending,
        cause=cause,
        result=report.result,
        note=report.note,
        exit_codes=exit_codes,
        tails=(record.stdout, record.stderr),
        of_precheck=report.of_precheck,
    )
    ended = end_running(tx, run_id, result, record, retries)
    if ended is not None:
        return ended
    audit.record(
        tx, actor=Actor("runner"), action="late result", target=f"run {run_id}", detail=str(result.status)
    )
    run = runs.run(tx.conn, run_id)
    if run is None:
        raise runs.unknown_run(tx.conn, run_id)
    return run
