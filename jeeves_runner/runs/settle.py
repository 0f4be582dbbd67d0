"""What a dead runner left behind, put in order before the first admission."""

import asyncio
import logging
from pathlib import Path

import apsw

from jeeves_runner.core.model import Retries, Run
from jeeves_runner.core.outcome import Lost
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.db.jobs import JobRow, job_row
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.runs import LeftRun, cancel_cause, left_running
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.execute.contract import Executor, LocalHandle
from jeeves_runner.execute.output.log_file import join_log, log_path
from jeeves_runner.runs.outcomes import Report, record_outcome

log = logging.getLogger(__name__)

_AT_ONCE = 8
"""Runs whose processes are hunted at the same time."""


async def settle_left_runs(
    conn: apsw.Connection, writer: Writer, executor: Executor[LocalHandle], epoch: int, data_dir: str
) -> None:
    """End what is left of the runs that are recorded as running, then record them as interrupted."""
    left = list(left_running(conn))
    if not left:
        return
    log.warning("settling %d runs of a runner that died", len(left))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def recover(one: LeftRun) -> Report:
        async with gate:
            message = await _recover(executor, one)
            record = await asyncio.to_thread(left_record, one.run, data_dir)
            return Report(ending=Lost(message=message), record=record)

    reports = await asyncio.gather(*(recover(one) for one in left))

    def op(tx: Tx) -> None:
        for one, report in zip(left, reports, strict=True):
            _record(tx, one, report, epoch)

    await writer.write(op, priority=Priority.OUTCOME)


async def _recover(executor: Executor[LocalHandle], left: LeftRun) -> str:
    """Have the executor do what it can for the run; what to say about its end."""
    handle = LocalHandle.from_json(left.run.id, left.mark, left.handle)
    answer = await executor.recover(left.run.id, handle)
    if isinstance(answer, Lost):
        return answer.message
    await executor.cancel(answer, 0)
    return "the runner died while this ran, and it could not be taken up again"


def left_record(run: Run, data_dir: str) -> RunRecord:
    """What a run left besides its process, which has ended: its log, put in order. Blocks."""
    path = log_path(data_dir, run.job_id, run.id) if run.log_path is None else Path(run.log_path)
    try:
        join_log(path)
    except OSError as error:
        log.warning("the log %s stays in two parts: %s", path, error.strerror or error)
    return RunRecord(log_path=str(path) if path.is_file() else None)


def _record(tx: Tx, left: LeftRun, report: Report, epoch: int) -> None:
    job = job_row(tx.conn, left.run.job_id)
    retries = None if job is None else _retries(job)
    cause = cancel_cause(tx.conn, left.run.id)
    record_outcome(tx, left.run.id, report, retries, epoch=epoch, cause=cause)


def _retries(job: JobRow) -> Retries | None:
    """How the job is retried; not at all when its row was damaged by hand."""
    try:
        return job_from_text(job.spec_text).retries
    except SpecError:
        return None
