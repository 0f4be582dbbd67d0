"""The runs that run: each carried out from its recorded start to its recorded end, or ended before."""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from jeeves_runner.clock import Clock
from jeeves_runner.core.board.entry import Stage
from jeeves_runner.core.model import CancelCause, RunStatus
from jeeves_runner.core.outcome import is_confirmed
from jeeves_runner.core.run import Run
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.runs import LeftRun
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import TRY_AGAIN, Priority, Writer
from jeeves_runner.errors import DatabaseError, DatabaseReplaced, Fenced, NotFound
from jeeves_runner.execute.contract import Executor, Handle
from jeeves_runner.runs.api_access import ApiAccess
from jeeves_runner.runs.attempt import Attempt, AttemptBoard
from jeeves_runner.runs.execution import Execution
from jeeves_runner.runs.jobs import Job
from jeeves_runner.runs.late import LateEnds
from jeeves_runner.runs.orders import Secrets
from jeeves_runner.runs.outcomes import Report, record_outcome
from jeeves_runner.runs.row_notes import RowNotes
from jeeves_runner.runs.run_lines import tell_end, tell_start
from jeeves_runner.runs.trace import Logs
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

_CAUSE_PATIENCE = 2.0
"""Seconds for which a signal waits until its cause is recorded; then the cause is recorded when it can be."""

_LAST_PATIENCE = 5.0
"""Seconds a shutdown waits beyond the kill graces for outcomes to be recorded."""


class RunningRuns:
    """Carries out recorded runs, one task each.

    ``after_end`` is called once the end of an attempt is committed and its slot is free, with its row as
    recorded; None instead if it could not be, or if the work was left to the next runner. ``on_fenced`` is
    called when a transaction finds that this runner has a successor. ``origin`` as in ``RowNotes``.
    """

    def __init__(
        self,
        *,
        board: AttemptBoard,
        writer: Writer,
        clock: Clock,
        epoch: int,
        origin: str,
        logs: Logs,
        late: LateEnds,
        secrets: Secrets,
        after_end: Callable[[Attempt, Run | None], None],
        on_fenced: Callable[[Fenced], None],
    ) -> None:
        self._board = board
        self._writer = writer
        self._clock = clock
        self._epoch = epoch
        self._logs = logs
        self._late = late
        self._secrets = secrets
        self._after_end = after_end
        self._on_fenced = on_fenced
        self._notes = RowNotes(writer, epoch, origin, on_fenced)
        self._tasks: set[asyncio.Task[None]] = set()
        self._grace: asyncio.Timeout | None = None
        self._is_hurried = False
        self._given_up = asyncio.Event()
        self.api = ApiAccess()

    def track(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it in a task of its own, which a shutdown waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._untrack)

    async def idle(self) -> None:
        """Wait until nothing runs and no decision is on its way; waiting runs may be left."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def equip(
        self, attempt: Attempt, job: Job, executor: Executor, mark: str, precheck: Executor | None = None
    ) -> Execution:
        """Prepare an attempt that has its slot for its start, so that it can be cancelled from now on.

        ``precheck`` carries out what comes before its main part; None: nothing does.
        """
        attempt.execution = execution = Execution(
            job,
            executor,
            self._clock,
            self._logs,
            self._notes,
            self._secrets,
            mark=mark,
            on_deadline=partial(self._on_deadline, attempt),
            precheck=precheck,
        )
        return execution

    async def carry_out(self, attempt: Attempt) -> None:
        """From the committed start to the committed end: perform, record the outcome, free the slot, tell."""
        run, execution = attempt.run, attempt.execution
        if run is None or execution is None:
            raise RuntimeError("an attempt without a row cannot be carried out")
        tell_start(run)
        await self._see_through(attempt, run, execution, execution.perform(run, self.api))

    async def resume(self, attempt: Attempt, left: LeftRun, handle: Handle) -> None:
        """The same for work that an earlier runner has started."""
        execution = attempt.execution
        if execution is None:
            raise RuntimeError("an attempt that is not equipped cannot be resumed")
        tell_start(left.run, "goes on")
        work = execution.resume(left, handle, self.api)
        await self._see_through(attempt, left.run, execution, work)

    async def begin(self, attempt: Attempt, left: LeftRun) -> None:
        """The same for work that an earlier runner was to start and did not."""
        execution = attempt.execution
        if execution is None:
            raise RuntimeError("an attempt that is not equipped cannot begin")
        tell_start(left.run)
        work = execution.begin(left, self.api)
        await self._see_through(attempt, left.run, execution, work)

    async def _see_through(
        self, attempt: Attempt, run: Run, execution: Execution, work: Coroutine[Any, Any, Report | None]
    ) -> None:
        ended: Run | None = None
        try:
            report = await work
            if report is not None:
                ended = await self._record(run, execution, report)
                if ended is not None:
                    tell_end(ended)
                if ended is not None and not is_confirmed(report.ending):
                    self._late.watch(ended, execution)
        finally:  # whatever was wrong with this run keeps no other one from its slot
            self._board.remove(attempt)
            self._after_end(attempt, ended)

    async def end(self, attempt: Attempt, cause: CancelCause) -> None:
        """Record why a running attempt is to end, then ask its process to.

        A program that has ended by itself gets no cause; only the wait for its output is cut short.
        """
        run, execution = attempt.run, attempt.execution
        if execution is not None and execution.is_asked_to_end():
            return
        if execution is not None and execution.has_ended():
            await execution.end()
            return
        # While its start is being committed, it will end before it has begun. Should the commit fail, it
        # waits on; in the row that waits, only a wish to cancel it has a place.
        is_recorded = run is not None and (run.status is RunStatus.RUNNING or cause.ends_waiting)
        first = await self._record_cause(run.id, cause) if run is not None and is_recorded else cause
        if first is not None and execution is not None:
            execution.cause = execution.cause or first
            await execution.end()

    def end_soon(self, attempt: Attempt, cause: CancelCause) -> None:
        """The same in a task of its own; nothing if one is under way."""
        execution = attempt.execution
        if execution is not None and not (execution.is_ending or execution.is_asked_to_end()):
            execution.is_ending = True
            self.track(self._end_marked(attempt, execution, cause))

    async def _end_marked(self, attempt: Attempt, execution: Execution, cause: CancelCause) -> None:
        try:
            await self.end(attempt, cause)
        finally:
            execution.is_ending = False

    @property
    def longest_kill_grace(self) -> float:
        """Seconds that the most patient of the runs that run now has between SIGTERM and SIGKILL."""
        executions = [a.execution for a in self._board.running() if a.execution is not None]
        return max((execution.job.spec.kill_grace_ms / 1000 for execution in executions), default=0.0)

    async def shut_down(self, grace: float, patience: float = math.inf) -> None:
        """Let work end by itself for ``grace`` seconds, then end it; returns when all is recorded, or after
        ``patience`` seconds. What is not recorded then the next runner settles.

        Work that outlives its runner is left to the next one.
        """
        ends_at = asyncio.get_running_loop().time() + patience
        self._leave()
        if await self._all_done(0.0 if self._is_hurried else min(grace, patience), may_be_hurried=True):
            return
        longest = self.longest_kill_grace
        self.track(self.stop_all(CancelCause.SHUTDOWN))
        left = ends_at - asyncio.get_running_loop().time()
        if not await self._all_done(min(longest + _LAST_PATIENCE, left)):
            self._given_up.set()
            log.error(
                "%d runs could not be ended and recorded in time; the next start settles them",
                len(self._board.running()),
            )

    async def abandon(self) -> None:
        """Let go of what a shutdown has left unfinished: nothing can be recorded any more."""
        self._given_up.set()
        for task in self._tasks:
            task.cancel()
        await self.idle()

    def hurry(self) -> None:
        """End all work now; a shutdown waits no longer for it to end by itself."""
        self._is_hurried = True
        if self._grace is not None and not self._grace.expired():
            self._grace.reschedule(asyncio.get_running_loop().time())
        self.track(self.stop_all(CancelCause.SHUTDOWN))

    async def stop_all(self, cause: CancelCause) -> None:
        """Ask all work to end that does not outlive its runner. No signal waits for the database: why it
        ends is recorded with its outcome."""
        self._leave()
        executions = [a.execution for a in self._board.running() if a.execution is not None]
        executions = [execution for execution in executions if not execution.outlives_the_runner]
        for execution in executions:
            _give_cause(execution, cause)
        answers = await asyncio.gather(*(execution.end() for execution in executions), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, Exception):
                log.error("a run could not be asked to end", exc_info=answer)

    def _leave(self) -> None:
        for attempt in self._board.running():
            if attempt.execution is not None and attempt.execution.main_outlives_the_runner:
                attempt.execution.leave()

    def _untrack(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if self._given_up.is_set():
            log.debug("a task has ended after the shutdown: %s", error)
        else:
            log.error("a task of the runner failed", exc_info=error)

    async def _all_done(self, patience: float, *, may_be_hurried: bool = False) -> bool:
        """Whether all work, what it leads to included, has ended within ``patience`` seconds."""
        try:
            async with asyncio.timeout(max(0.0, patience) if math.isfinite(patience) else None) as limit:
                self._grace = limit if may_be_hurried else None
                await self.idle()
        except TimeoutError:
            return not self._tasks
        finally:
            self._grace = None
        return True

    async def _record(self, run: Run, execution: Execution, report: Report) -> Run | None:
        """Record an end, however long the database takes, unless another runner has taken over or this one
        is at the end of its shutdown."""

        def op(tx: Tx) -> Run:
            cause = execution.cause
            if cause is not None:  # the signal may have been quicker; what was recorded first counts
                cause = request_cancel(tx, run.id, cause) or cause
            spec = execution.job.spec
            return record_outcome(
                tx,
                run.id,
                report,
                spec.retries,
                epoch=self._epoch,
                cause=cause,
                exit_codes=spec.exit_codes,
            )

        trouble = Trouble(log, over=f"the outcome of run {run.id} is recorded now")
        while not self._given_up.is_set():
            try:
                ended = await self._writer.write(op, priority=Priority.OUTCOME)
            except Fenced as fenced:
                self._on_fenced(fenced)
            except NotFound as error:
                log.error("the outcome of run %d could not be recorded: %s", run.id, error)
            except DatabaseReplaced as error:
                log.error("the outcome of run %d is left to the next start: %s", run.id, error)
            except DatabaseError as error:
                if self._given_up.is_set():
                    return None
                trouble.met(f"the outcome of run {run.id} waits for the database: {error}", logging.ERROR)
                await asyncio.sleep(TRY_AGAIN)
                continue
            else:
                trouble.over()
                return ended
            return None
        return None

    async def _record_cause(self, run_id: int, cause: CancelCause) -> CancelCause | None:
        """The first cause recorded for the run, None if it has ended.

        A run whose cause cannot be recorded, or not soon, ends all the same.
        """
        try:
            async with asyncio.timeout(_CAUSE_PATIENCE):
                return await self._writer.write(
                    lambda tx: request_cancel(tx, run_id, cause), priority=Priority.OUTCOME
                )
        except DatabaseError as error:
            log.error("why run %d ends could not be recorded: %s", run_id, error)
        except TimeoutError:
            log.warning("run %d is asked to end before it is recorded why: the database takes long", run_id)
        return cause

    def _on_deadline(self, attempt: Attempt) -> None:
        if attempt.stage is Stage.RUNNING:
            self.end_soon(attempt, CancelCause.TIMEOUT)


def _give_cause(execution: Execution, cause: CancelCause) -> None:
    if not (execution.is_asked_to_end() or execution.has_ended()):
        execution.cause = execution.cause or cause
