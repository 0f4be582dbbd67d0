"""What a dead runner left behind, put in order before the first admission."""

import asyncio
import logging

import apsw

from jeeves_runner.core.model import Lost
from jeeves_runner.core.specs import job_from_text
from jeeves_runner.db import runs_read
from jeeves_runner.db.jobs import job_row
from jeeves_runner.db.runs import RunRecord
from jeeves_runner.db.runs_read import LeftRun
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.execute.contract import Executor, LocalHandle
from jeeves_runner.runs.ending import Ended, record_end
from jeeves_runner.runs.execution import Report

log = logging.getLogger(__name__)

_AT_ONCE = 8
"""Runs whose processes are hunted at the same time."""


async def settle_left_runs(
    conn: apsw.Connection, writer: Writer, executor: Executor[LocalHandle], epoch: int
) -> list[Ended]:
    """End what is left of the runs that are recorded as running, then record them as interrupted."""
    left = list(runs_read.left_running(conn))
    if not left:
        return []
    log.warning("settling %d runs of a runner that died", len(left))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def recover(one: LeftRun) -> str:
        async with gate:
            return await _recover(executor, one)

    messages = await asyncio.gather(*(recover(one) for one in left))

    def op(tx: Tx) -> list[Ended]:
        return [_record(tx, one, message, epoch) for one, message in zip(left, messages, strict=True)]

    return await writer.write(op, priority=Priority.OUTCOME)


async def _recover(executor: Executor[LocalHandle], left: LeftRun) -> str:
    """Whatever the executor can do for the run; what to say about it."""
    handle = LocalHandle(
        run_id=left.run.id,
        mark=left.mark,
        pid=left.pid,
        pid_started=left.pid_started,
        boot_id=left.boot_id,
    )
    answer = await executor.recover(left.run.id, handle)
    if isinstance(answer, Lost):
        return answer.message
    await executor.cancel(answer, 0)
    return "the runner died while this ran, and it could not be taken up again"


def _record(tx: Tx, left: LeftRun, message: str, epoch: int) -> Ended:
    job = job_row(tx.conn, left.run.job_id)
    retries = None if job is None else job_from_text(job.spec_text).retries
    report = Report(ending=Lost(message=message), record=RunRecord())
    cause = runs_read.cancel_cause(tx.conn, left.run.id)
    return record_end(tx, left.run.id, report, retries, epoch=epoch, cause=cause)
