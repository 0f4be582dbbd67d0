"""One attempt at work: from its recorded start to everything there is to record of its end."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.core.model import CancelCause
from jeeves_runner.core.outcome import Cancelled, Ending, Exited, Finished, Lost, Span
from jeeves_runner.core.run import Run
from jeeves_runner.core.wrong_clock import time_left
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.db.runs import LeftRun
from jeeves_runner.errors import JeevesError
from jeeves_runner.execute.contract import Executor, Handle, Order, RunFacts
from jeeves_runner.execute.output.log_place import LogPlace
from jeeves_runner.execute.output.sink import Output
from jeeves_runner.runs.jobs import Job
from jeeves_runner.runs.outcomes import Report
from jeeves_runner.runs.progress import Progress, Said

log = logging.getLogger(__name__)

NOTE_AFTER = 0.1
"""Seconds a run must last before its handle is noted in its row; the mark serves until then."""


class Logs(NamedTuple):
    """Where the logs of runs go."""

    data_dir: str
    """The absolute path of the data folder, in which they are."""
    max_bytes: int
    """The size of a log beyond which its middle is cut out."""


class Execution:
    """Sees one recorded run to its end: starts it, or takes it over from an earlier runner.

    ``cause`` is the first reason known here for which it was to end. ``on_deadline`` is called when the
    job's timeout has passed. ``on_handle`` is called when the handle is to be noted in the row: at once for
    work that outlives its runner, for other work only if it takes longer than ``NOTE_AFTER``. ``write_said``
    writes what is said of the run meanwhile.
    """

    def __init__(
        self,
        job: Job,
        executor: Executor,
        clock: Clock,
        logs: Logs,
        *,
        mark: str,
        on_deadline: Callable[[], None],
        on_handle: Callable[[Handle, RunRecord], None],
        write_said: Callable[[int, Said], Awaitable[object]],
    ) -> None:
        self.job = job
        self.executor = executor
        self.mark = mark
        self._clock = clock
        self._logs = logs
        self._on_deadline = on_deadline
        self._on_handle = on_handle
        self._write_said = write_said
        self.cause: CancelCause | None = None
        self.is_ending = False  # why it is to end is being recorded
        self._asked_to_end = False
        self._is_left = False
        self._task: asyncio.Task[object] | None = None
        self._is_starting = self._is_kept_from_starting = False
        self._handle: Handle | None = None
        self._output: Output | None = None
        self._log: LogPlace | None = None
        self._progress: Progress | None = None

    async def perform(self, run: Run, api_url: str | None) -> Report | None:
        """Run it; None if the work was left to the next runner.

        Every failure is an ending, and a cancelled task is one too: all runs get an outcome.
        """
        return await self._reported(run, self._start_and_wait(run, api_url))

    async def resume(self, left: LeftRun, handle: Handle) -> Report | None:
        """See work to its end that an earlier runner has started, by the deadline that one has set."""
        return await self._reported(left.run, self._wait_on(left, handle))

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
        """Whether a runner that stops leaves the work to the next one."""
        return self.executor.on_shutdown == "leave"

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
        self._is_left = True
        if self._task is not None:
            self._task.cancel()

    @property
    def _grace(self) -> float:
        return self.job.spec.kill_grace_ms / 1000

    async def _reported(self, run: Run, work: Awaitable[Ending]) -> Report | None:
        began = self._clock.monotonic()
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
            ending = Finished(status="error", message="; ".join(filter(None, (error.message, error.hint))))
        except MemoryError:
            ending = Finished(status="error", message="the runner had not enough memory to carry it out")
        except Exception:  # a run must get its outcome, and the log its traceback
            log.exception("run %d of %s could not be carried out", run.id, run.job_id)
            ending = Finished(status="error", message="internal error; the runner's log has more")
        finally:
            self._task = None
            if self._progress is not None:
                self._progress.close()
        waited_ms = round((self._clock.monotonic() - began) * 1000)
        if self._output is not None:
            self._output.close()
            with suppress(asyncio.CancelledError):  # a run that was to end gets its outcome too
                await self._output.is_log_written()
        return self._report(ending, waited_ms)

    async def _start_and_wait(self, run: Run, api_url: str | None) -> Ending:
        if self.is_asked_to_end():
            return Cancelled()
        output = self._open_output(run)
        order = Order(self.job.spec, self._facts(run, api_url))
        # An engine may have taken the order already; its work is ended by its handle.
        self._is_starting = not self.outlives_the_runner
        self._handle = await self.executor.start(order, output)
        self._is_starting = False
        timeout = self.job.spec.timeout_ms
        timers = self._timers(self._handle, None if timeout is None else timeout / 1000)
        return await self._wait(self._handle, output, timers)

    async def _wait_on(self, left: LeftRun, handle: Handle) -> Ending:
        self._handle = handle
        seconds: float | None = None
        if left.deadline is not None:
            seconds = time_left(left.deadline, left.timeout, self._clock.now()).total_seconds()
        return await self._wait(handle, self._open_output(left.run), self._timers(handle, seconds))

    async def _wait(self, handle: Handle, output: Output, timers: list[asyncio.TimerHandle]) -> Ending:
        try:
            if self.is_asked_to_end():
                await self.executor.cancel(handle, self._grace)
            if self._is_left:  # it was while its start was being recorded
                raise asyncio.CancelledError
            return await self.executor.wait(handle, output)
        except asyncio.CancelledError:
            if not self._is_left:
                # The event loop is being torn down. The work must not outlive its record.
                await self.executor.cancel(handle, 0)
                await self.executor.wait(handle, output)
            raise
        finally:
            for timer in timers:
                timer.cancel()

    def _timers(self, handle: Handle, timeout: float | None) -> list[asyncio.TimerHandle]:
        """``timeout``: seconds until the deadline; None if there is none."""
        loop = asyncio.get_running_loop()
        timers = []
        if self.outlives_the_runner:
            self._note(handle)
        else:
            timers.append(loop.call_later(NOTE_AFTER, self._note, handle))
        if timeout is not None:
            timers.append(loop.call_later(timeout, self._on_deadline))
        return timers

    def _note(self, handle: Handle) -> None:
        output = self._output
        known = RunRecord(
            script_hash=None if output is None else output.script_hash,
            log_path=None if self._log is None else str(self._log),
        )
        self._on_handle(handle, known)

    def _open_output(self, run: Run) -> Output:
        self._log = LogPlace(self._logs.data_dir, run.job_id, run.id)
        self._progress = Progress(partial(self._write_said, run.id), Said(run.message, run.tokens))
        self._output = Output(self._log, self._logs.max_bytes, self._progress.say)
        return self._output

    def _facts(self, run: Run, api_url: str | None) -> RunFacts:
        return RunFacts(
            run_id=run.id,
            job_id=run.job_id,
            mark=self.mark,
            attempt=run.attempt,
            trigger=str(run.trigger),
            scheduled_for=None if run.scheduled_for is None else to_text(run.scheduled_for),
            namespace=self.job.row.namespace,
            params={} if run.params is None else json.loads(run.params),
            api_url=api_url,
        )

    def _record(self, started_at: datetime | None, duration_ms: int | None) -> RunRecord:
        output = self._output
        return RunRecord(
            started_at=started_at,
            duration_ms=duration_ms,
            script_hash=None if output is None else output.script_hash,
            log_path=None if self._log is None else str(self._log),
            stdout=None if output is None else output.stdout_tail,
            stderr=None if output is None else output.stderr_tail,
        )

    def _report(self, ending: Ending, waited_ms: int) -> Report:
        """``waited_ms``: how long this took, for an ending that does not say when the work ran."""
        span: Span | None = None
        match ending:
            case Exited() | Finished():
                span = ending.span
        started_at, duration_ms = (None, waited_ms) if span is None else span
        output = self._output
        if output is None:
            return Report(ending=ending, record=self._record(started_at, duration_ms))
        if isinstance(ending, Finished) and ending.message is not None:
            ending = replace(ending, message=output.masked(ending.message))
        return Report(
            ending=ending,
            record=self._record(started_at, duration_ms),
            result=output.result,
            note=output.result_note,
        )
