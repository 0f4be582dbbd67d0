"""What the runner before has left: ended, taken over, or put in line again, before anything is admitted."""

import asyncio
import logging
from dataclasses import replace

import apsw

from jeeves_runner.core.model import Reason, RunStatus, Trigger
from jeeves_runner.core.outcome import RUNNER_DIED, UNCONFIRMED, Cancelled, Lost
from jeeves_runner.core.run import Run
from jeeves_runner.db import runs
from jeeves_runner.db.runs import LeftRun
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.execute.contract import Executor
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runs.admission import Admission
from jeeves_runner.runs.attempt import Attempt, AttemptBoard
from jeeves_runner.runs.jobs import Job, KnownJobs
from jeeves_runner.runs.outcomes import record_outcome
from jeeves_runner.runs.run_lines import tell_end
from jeeves_runner.runs.running import RunningRuns
from jeeves_runner.runs.settle import (
    Kept,
    Recovered,
    end_left_run,
    left_report,
    record_lost_runs,
    recover_left_runs,
)
from jeeves_runner.runs.waiting_ends import WaitingEnds

log = logging.getLogger(__name__)


class Restart:
    """Done once, in this order: ``settle``, then ``line_up``."""

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        writer: Writer,
        executors: Executors,
        epoch: int,
        data_dir: str,
        board: AttemptBoard,
        jobs: KnownJobs,
        admission: Admission,
        running: RunningRuns,
        waiting_ends: WaitingEnds,
    ) -> None:
        self._conn = conn
        self._writer = writer
        self._executors = executors
        self._epoch = epoch
        self._data_dir = data_dir
        self._board = board
        self._jobs = jobs
        self._admission = admission
        self._running = running
        self._waiting_ends = waiting_ends

    async def settle(self, recovered: Recovered | None) -> None:
        """Record what has been lost, and take over what has outlived its runner. ``recovered``: what was
        found of both; None: they are looked for now."""
        if recovered is None:
            recovered = await recover_left_runs(self._conn, self._executors, self._data_dir)
        await record_lost_runs(recovered.lost, self._writer, self._epoch)
        for one in recovered.kept:
            await self._take_over(one)
        for left, lost in recovered.unbegun:
            await self._begin(left, lost)

    async def line_up(self) -> tuple[list[Run], int]:
        """Put in line what a runner had told to wait. What is left are requests that no runner has seen; they
        are returned with the largest id of this look."""
        waiting = runs.waiting_runs(self._conn)
        # All at once: what was missed shares its commits.
        await asyncio.gather(*(self._take_up(run) for run in waiting if _is_known(run)))
        return [run for run in waiting if not _is_known(run)], waiting[-1].id if waiting else 0

    async def _take_over(self, kept: Kept) -> None:
        """It has its slot before anything else is decided."""
        left, executor, handle = kept
        job = self._jobs.get(left.run.job_id)
        if job is None:
            log.error("run %d is ended: the row of its job %s is damaged", left.run.id, left.run.job_id)
            await self._end(left)
            return
        attempt = self._place(left, job, executor)
        self._running.track(self._running.resume(attempt, left, handle))

    async def _begin(self, left: LeftRun, lost: Lost) -> None:
        """Make up for a start that the last runner had recorded and not carried out.

        It was decided about by a spec: a job that is another by now, or is not to run any more, is left out.
        So is a run that has been asked to end meanwhile.
        """
        job = self._jobs.get(left.run.job_id)
        if job is None or not job.is_still_that_of(left.run) or left.run.cancel_cause is not None:
            report = await left_report(left, lost, self._data_dir)
            await record_lost_runs([(left, report)], self._writer, self._epoch)
            return
        attempt = self._place(left, job, self._executors.of(job.spec))
        self._running.track(self._running.begin(attempt, left))

    def _place(self, left: LeftRun, job: Job, executor: Executor) -> Attempt:
        """Give it its slot, and what carries it out."""
        attempt = Attempt.of(left.run)
        self._board.add(attempt)
        self._board.set_run(attempt, left.run)
        self._board.take_slot(attempt, executor.name, left.run.pool)
        self._running.equip(attempt, job, executor, left.mark)
        return attempt

    async def _end(self, left: LeftRun) -> None:
        report = await end_left_run(self._executors, left, self._data_dir)
        if isinstance(report.ending, Cancelled):  # no person has asked for that
            left_alive = None if report.ending.confirmed else UNCONFIRMED
            report = replace(report, ending=Lost(message=RUNNER_DIED, left_alive=left_alive))
        ended = await self._writer.write(
            lambda tx: record_outcome(tx, left.run.id, report, None, epoch=self._epoch, cause=None),
            priority=Priority.OUTCOME,
        )
        tell_end(ended)

    async def _take_up(self, run: Run) -> None:
        """It waits on, or is missed if it waited too long.

        What the last runner was asked to end and did not is ended: it must not start meanwhile.
        """
        attempt = Attempt.of(run)
        self._board.add(attempt)
        self._board.set_run(attempt, run)
        self._board.wait(attempt)
        if run.cancel_cause is not None and run.cancel_cause.ends_waiting:
            await self._waiting_ends.cancel(attempt, run.cancel_cause)
            return
        job = self._jobs.get(run.job_id)
        if job is None or not run.trigger.is_occurrence or run.scheduled_for is None:
            return
        if not self._admission.is_in_window(job, run.scheduled_for):
            await self._waiting_ends.end(attempt, RunStatus.MISSED, Reason.LATE)


def _is_known(run: Run) -> bool:
    """Whether a runner has told it to wait, before it had its row or since, or has been asked to end it.

    A retry waits by its nature.
    """
    is_told = run.epoch is not None or run.trigger.is_occurrence or run.trigger is Trigger.RETRY
    return is_told or (run.cancel_cause is not None and run.cancel_cause.ends_waiting)
