"""One attempt at work: from its recorded start to everything there is to record of its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from jeeves_runner.clock import Clock
from jeeves_runner.core.model import CancelCause
from jeeves_runner.core.outcome import Cancelled, Ending, Finished, Lost
from jeeves_runner.core.run import Run
from jeeves_runner.core.wrong_clock import time_left
from jeeves_runner.db.claims import not_to_begin
from jeeves_runner.db.runs import LeftRun
from jeeves_runner.db.writer import TRY_AGAIN
from jeeves_runner.errors import DatabaseError, JeevesError, StartFailed
from jeeves_runner.execute.contract import Executor, Handle, LeftFacts, Order
from jeeves_runner.runs.api_access import ApiAccess
from jeeves_runner.runs.jobs import Job
from jeeves_runner.runs.orders import Secrets, hides_what_is_lost, order_of, order_to_mask
from jeeves_runner.runs.outcomes import Report
from jeeves_runner.runs.precheck import says_go
from jeeves_runner.runs.row_notes import RowNotes
from jeeves_runner.runs.trace import Logs, Trace, report
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

NOTE_AFTER = 0.1
"""Seconds a run must last before its handle is noted in its row; the mark serves until then."""

_LAST_START = 2.0
"""Seconds that a start may take which is only committed once the runner stops."""


class Execution:
    """Sees one recorded run to its end: starts it, or takes it over from an earlier runner.

    ``cause`` is the first reason known here for which it was to end. ``on_deadline`` is called when the
    job's timeout, and the executor's patience, have passed. The handle is noted in the row at once for work
    that outlives its runner, for other work only if it takes longer than ``NOTE_AFTER``.

    A run with a ``precheck`` has two parts, that one and the main part. ``self.executor`` is what carries out
    the part that is under way; before the main part starts, the row names its executor.
    """

    def __init__(
        self,
        job: Job,
        executor: Executor,
        clock: Clock,
        logs: Logs,
        notes: RowNotes,
        secrets: Secrets,
        *,
        mark: str,
        on_deadline: Callable[[], None],
        precheck: Executor | None = None,
    ) -> None:
        self.job = job
        self.executor = precheck or executor
        self._main = executor
        self._is_precheck = precheck is not None
        self.mark = mark
        self._clock = clock
        self._logs = logs
        self._notes = notes
        self._secrets = secrets
        self._on_deadline = on_deadline
        self.cause: CancelCause | None = None
        self.is_ending = False  # why it is to end is being recorded
        self._asked_to_end = False
        self._is_left = self._is_main_left = False
        self._task: asyncio.Task[object] | None = None
        self._is_starting = self._is_kept_from_starting = False
        self._handle: Handle | None = None
        self._trace: Trace | None = None
        self._run: Run | None = None
        self._began = 0.0
        self._timers: list[asyncio.TimerHandle] = []

    async def perform(self, run: Run, api: ApiAccess) -> Report | None:
        """Run it; None if the work was left to the next runner.

        Every failure is an ending, and a cancelled task is one too: all runs get an outcome.
        """
        timeout = self.job.spec.timeout_ms
        seconds = None if timeout is None else timeout / 1000 + self._main.patience
        return await self._reported(run, self._start_and_wait(run, api, seconds))

    async def begin(self, left: LeftRun, api: ApiAccess) -> Report | None:
        """Run what an earlier runner was to start and did not, by the deadline that one has set."""
        return await self._reported(left.run, self._start_and_wait(left.run, api, self._left_of(left)))

    async def resume(self, left: LeftRun, handle: Handle, api: ApiAccess) -> Report | None:
        """See work to its end that an earlier runner has started, by the deadline that one has set. What
        turns out not to have begun is run now."""
        return await self._reported(left.run, self._wait_on_or_begin(left, handle, api))

    def is_asked_to_end(self) -> bool:
        return self._asked_to_end

    def has_ended(self) -> bool:
        """Whether the work is over by itself or was kept from starting, though its end may not be known and
        recorded yet."""
        if self._handle is None:
            return self._is_kept_from_starting
        return self.executor.has_ended(self._handle)

    @property
    def outlives_the_runner(self) -> bool:
        """Whether a runner that stops leaves the part that is under way to the next one."""
        return self.executor.on_shutdown == "leave"

    @property
    def main_outlives_the_runner(self) -> bool:
        """Whether it leaves the main part."""
        return self._main.on_shutdown == "leave"

    @property
    def handle(self) -> Handle | None:
        """Names the work; None before it has started, or while it is not known whether it has."""
        return self._handle

    def masked(self, text: str) -> str:
        """A text without the secrets of the run."""
        return text if self._trace is None else self._trace.output.masked(text)

    def may_be_claimed(self) -> bool:
        """Whether what an engine starts of it is to begin: its end was not asked for."""
        is_to_end = self._asked_to_end or self.is_ending
        return self._run is not None and self.outlives_the_runner and not is_to_end

    def order(self, api: ApiAccess) -> Order:
        """What there is to do. Conflict where a later runner has it, and its job is another one by now."""
        run = self._run
        if run is None or not self.job.is_still_that_of(run):
            raise not_to_begin("the job has changed since this run was begun")
        return order_of(self.job, run, self.mark, self._secrets, api)

    async def mask_also(self, secrets: Sequence[str]) -> None:
        """Mask these too in all that the run says from here on. StartFailed if they cannot be."""
        if self._trace is not None:
            output = self._trace.output
            await output.prepared(secrets=secrets, script_hash=output.script_hash)

    async def end(self) -> None:
        """Ask the work to end. Before its start this keeps it from starting; after its end it only cuts the
        wait for its output short."""
        self._asked_to_end = True
        if self._handle is not None:
            await self.executor.cancel(self._handle, self._grace)
        elif self._is_starting and self._task is not None:
            self._is_starting = False  # once: the second time it would keep the start from being undone
            self._task.cancel()

    def leave(self) -> None:
        """Look after the work no longer, or only begin it if it has not begun. The next runner finds it."""
        if self._is_precheck:
            self._is_main_left = True
            return
        self._is_left = True
        if self._task is not None:
            self._task.cancel()

    def _traced(self, run: Run, *, of_precheck: bool = False) -> Trace:
        return Trace(
            run,
            self._logs,
            self._notes.said,
            of_precheck=of_precheck,
            sends_output=bool(self.job.spec.output_channel),
        )

    @property
    def _grace(self) -> float:
        return self.job.spec.kill_grace_ms / 1000

    async def _reported(self, run: Run, work: Awaitable[Ending]) -> Report | None:
        self._began, self._run = self._clock.monotonic(), run
        ending: Ending
        self._task = asyncio.current_task()
        try:
            ending = await work
        except asyncio.CancelledError:
            if self._is_left:
                return None
            self._is_kept_from_starting = self._handle is None and self._asked_to_end
            stopped = Lost(message="the runner stopped while this ran")
            ending = Cancelled() if self._is_kept_from_starting else stopped
        except JeevesError as error:
            ending = Finished(status="error", message=_text(error))
        except MemoryError:
            ending = Finished(status="error", message="the runner had not enough memory to carry it out")
        except Exception:  # a run must get its outcome, and the log its traceback
            log.exception("run %d of %s could not be carried out", run.id, run.job_id)
            ending = Finished(status="error", message="internal error; the runner's log has more")
        finally:
            self._task = None
            self._stop_timers()
            if self._trace is not None:
                self._trace.say_no_more()
        waited_ms = round((self._clock.monotonic() - self._began) * 1000)
        if self._trace is None:
            return report(ending, waited_ms)
        await self._trace.close()
        return self._trace.report(ending, waited_ms)

    async def _start_and_wait(self, run: Run, api: ApiAccess, seconds: float | None) -> Ending:
        """``seconds``: until its deadline; None if there is none."""
        if seconds is not None and seconds <= 0:  # it has passed while no runner lived
            self.cause = self.cause or CancelCause.TIMEOUT
            return Cancelled()
        if self.is_asked_to_end():
            return Cancelled()
        trace = self._trace = self._traced(run, of_precheck=self._is_precheck)
        order = order_of(self.job, run, self.mark, self._secrets, api)
        if self._is_precheck:
            ending = await self._check_first(order, run, trace)
            if ending is not None:
                return ending
        if self.outlives_the_runner:  # its start may be a long wait already
            self._set_deadline(seconds)
        started = await self._start(order, run, trace)
        if not isinstance(started, Handle):
            return started
        if not self.outlives_the_runner:
            self._set_deadline(seconds)
        return await self._wait(started, trace)

    async def _check_first(self, order: Order, run: Run, trace: Trace) -> Ending | None:
        """Carry out the precheck; how the run has ended, None if its main part may start."""
        started = await self._start(order, run, trace)
        ending = started if not isinstance(started, Handle) else await self._wait(started, trace)
        if not says_go(ending):
            return ending
        if not self.is_asked_to_end():
            await self._begin_main_part(run, trace)
        return Cancelled() if self.is_asked_to_end() else None

    async def _begin_main_part(self, run: Run, trace: Trace) -> None:
        """Nothing of the precheck is left. Until the row names what carries out the main part, the run is one
        that this runner ends."""
        self._stop_timers()
        self._handle = None
        trace.begin_main_part()
        self._is_starting = True
        await self._notes.main_part(run.id, self.job.spec, self._main, self.mark)
        self._is_starting = self._is_precheck = False
        self.executor, self._is_left = self._main, self._is_main_left
        self._began = self._clock.monotonic()

    async def _start(self, order: Order, run: Run, trace: Trace) -> Handle | Cancelled:
        """The handle of the work; how it ended if it was asked to end before there was one."""
        if self._is_left:
            self._timers.append(asyncio.get_running_loop().call_later(_LAST_START, self.leave))
        self._is_starting = True
        if self.outlives_the_runner:
            facts = order.run._replace(start_token=partial(self._notes.start_token, run.id))
            order = order._replace(run=facts)
        try:
            self._handle = await self.executor.start(order, trace.output)
        except asyncio.CancelledError:
            if self._is_left or not (self.outlives_the_runner and self._asked_to_end):
                raise
            if self._task is not None:
                self._task.uncancel()  # this is as far as it goes
            return await self._undo_start(run, trace)
        finally:
            self._is_starting = False
        return self._handle

    async def _undo_start(self, run: Run, trace: Trace) -> Handle | Cancelled:
        """An engine may have taken the order all the same: then its work is ended by its handle."""
        left = LeftFacts(
            run_id=run.id,
            job_id=run.job_id,
            mark=self.mark,
            started_at=run.started_at,
            origin=None,
            spec=self.job.spec,
        )
        try:
            found = await self.executor.recover(left, None)
        except JeevesError as error:
            return Cancelled(message=_text(error), confirmed=False)
        if isinstance(found, Handle):
            self._handle = found
            return found
        self._is_kept_from_starting = True
        if found.left_alive is None:
            return trace.never_begun()
        return Cancelled(message=found.left_alive, confirmed=False)

    async def _wait_on_or_begin(self, left: LeftRun, handle: Handle, api: ApiAccess) -> Ending:
        ending = await self._wait_on(left, handle)
        if not isinstance(ending, Lost) or ending.began or not self.job.is_still_that_of(left.run):
            return ending
        self._stop_timers()
        self._handle = None
        if self._trace is not None:
            self._trace.say_no_more()
            await self._trace.close()
        return await self._start_and_wait(left.run, api, self._left_of(left))

    async def _wait_on(self, left: LeftRun, handle: Handle) -> Ending:
        self._handle = handle
        self._set_deadline(self._left_of(left))
        trace = self._trace = self._traced(left.run)
        await self._mask_again(left.run, trace)
        return await self._wait(handle, trace)

    def _left_of(self, left: LeftRun) -> float | None:
        """How many seconds are left until a stored deadline."""
        if left.deadline is None:
            return None
        return time_left(left.deadline, left.timeout, self._clock.now()).total_seconds()

    async def _mask_again(self, run: Run, trace: Trace) -> None:
        """Have the trace mask what the earlier runner's did, or show nothing where that is not known."""
        trouble = Trouble(log, over=f"the output of run {run.id} can be masked now")
        while True:
            try:
                secrets = await self._secrets_of(run)
                await trace.output.prepared(secrets=secrets or (), script_hash=run.script_hash)
                if secrets is None:
                    trace.output.withhold()
                trouble.over()
                return
            except (StartFailed, DatabaseError) as error:  # for want of time or threads, or a locked database
                trouble.met(f"the output of run {run.id} cannot be masked yet: {error}")
                await asyncio.sleep(TRY_AGAIN)

    async def _secrets_of(self, run: Run) -> Sequence[str] | None:
        """Those of a run that was taken over; None if they are not known. Raises DatabaseError."""
        order = order_to_mask(self.job, run, self.mark, self._secrets)
        if hides_what_is_lost(run, order):
            log.warning("run %d was taken over, and its output is not shown: a secret is not kept", run.id)
            return None
        try:
            return await self.executor.secrets(order)
        except DatabaseError:
            raise
        except Exception:  # a bug; the work goes on, and its end is waited for
            log.exception("run %d was taken over, and its output is not shown", run.id)
            return None

    async def _wait(self, handle: Handle, trace: Trace) -> Ending:
        try:
            await self._note(handle, trace)
            if self.is_asked_to_end():
                await self.executor.cancel(handle, self._grace)
            if self._is_left:  # it was while its start was being recorded
                raise asyncio.CancelledError
            return await self.executor.wait(handle, trace.output)
        except asyncio.CancelledError:
            if not self._is_left:
                # The event loop is being torn down. The work must not outlive its record.
                await self.executor.cancel(handle, 0)
                await self.executor.wait(handle, trace.output)
            raise

    async def _note(self, handle: Handle, trace: Trace) -> None:
        """Have the row tell by what the work is found again. A runner dies of much; work that outlives it
        goes no further before that is on disk."""
        if self.outlives_the_runner:
            await self._notes.handle(handle, trace.known())
            return

        def note() -> None:
            self._notes.handle_soon(handle, trace.known())

        self._timers.append(asyncio.get_running_loop().call_later(NOTE_AFTER, note))

    def _set_deadline(self, seconds: float | None) -> None:
        if seconds is not None:
            self._timers.append(asyncio.get_running_loop().call_later(seconds, self._on_deadline))

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


def _text(error: JeevesError) -> str:
    return "; ".join(filter(None, (error.message, error.hint)))
