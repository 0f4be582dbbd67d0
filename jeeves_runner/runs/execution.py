"""One attempt at work: from its recorded start to everything there is to record of its end."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jeeves_runner.clock import Clock, to_text
from jeeves_runner.core.model import CancelCause, Run
from jeeves_runner.core.outcome import Cancelled, Ending, Finished, Lost
from jeeves_runner.db.run_ends import RunRecord
from jeeves_runner.errors import JeevesError
from jeeves_runner.execute.contract import Executor, LocalHandle
from jeeves_runner.execute.local.prepare import Prepared, RunFacts, prepare
from jeeves_runner.execute.output.log_file import log_path
from jeeves_runner.execute.output.sink import Output
from jeeves_runner.runs.jobs import Job
from jeeves_runner.runs.outcomes import Report

log = logging.getLogger(__name__)

NOTE_AFTER = 0.1
"""Seconds a run must last before its process is noted in its row; the mark serves until then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What all runs of a runner share. Paths are absolute."""

    project_dir: str
    """The project root."""
    data_dir: str
    """The data folder, in which the logs are."""
    db_path: str
    """The database's file."""
    runners: Mapping[str, str]
    """The config's commands that run scripts, by file extension without the dot."""
    base_env: Mapping[str, str]
    """The environment that runs get before the job's own variables are set."""
    log_max: int
    """Bytes of a log beyond which its middle is cut out."""


class Execution:
    """Starts one recorded run and sees it to its end.

    ``cause`` is the first reason known here for which it was to end. ``on_deadline`` is called
    when the job's timeout has passed, ``on_lasting`` if the run takes longer than ``NOTE_AFTER``.
    """

    def __init__(
        self,
        job: Job,
        executor: Executor[LocalHandle],
        clock: Clock,
        surroundings: Surroundings,
        *,
        mark: str,
        on_deadline: Callable[[], None],
        on_lasting: Callable[[int, LocalHandle, RunRecord], None],
    ) -> None:
        self.job = job
        self.mark = mark
        self._executor = executor
        self._clock = clock
        self._around = surroundings
        self._on_deadline = on_deadline
        self._on_lasting = on_lasting
        self.cause: CancelCause | None = None
        self._asked_to_end = False
        self._grace = job.spec.kill_grace_ms / 1000
        self._handle: LocalHandle | None = None
        self._output: Output | None = None
        self._script_hash: str | None = None
        self._log_path: Path | None = None

    async def perform(self, run: Run, api_url: str | None) -> Report:
        """Run it. Every failure is an ending, and a cancelled task is one too: all runs get an outcome."""
        began = self._clock.monotonic()
        ending: Ending
        try:
            ending = await self._start_and_wait(run, api_url)
        except asyncio.CancelledError:
            ending = Lost(message="the runner stopped while this ran")
        except JeevesError as error:
            ending = Finished(status="error", message="; ".join(filter(None, (error.message, error.hint))))
        except Exception:  # a run must get its outcome, and the log its traceback
            log.exception("run %d of %s could not be carried out", run.id, run.job_id)
            ending = Finished(status="error", message="internal error; the runner's log has more")
        return self._report(ending, round((self._clock.monotonic() - began) * 1000))

    def is_asked_to_end(self) -> bool:
        return self._asked_to_end

    def has_ended(self) -> bool:
        """Whether the work is over by itself, though its end may not be known and recorded yet."""
        return self._handle is not None and self._executor.has_ended(self._handle)

    async def end(self) -> None:
        """Ask the work to end. Before its start this keeps it from starting; after its end it only cuts the
        wait for its output short."""
        self._asked_to_end = True
        if self._handle is not None:
            await self._executor.cancel(self._handle, self._grace)

    async def _start_and_wait(self, run: Run, api_url: str | None) -> Ending:
        if self.is_asked_to_end():
            return Cancelled()
        prepared = prepare(
            self.job.spec, self._facts(run, api_url), self._around.runners, self._around.base_env
        )
        self._script_hash = prepared.script_hash
        output = self._open_output(run, prepared)
        self._handle = await self._executor.start(prepared.launch, output)
        timers = self._set_timers(run.id, self._handle)
        try:
            if self.is_asked_to_end():
                await self._executor.cancel(self._handle, self._grace)
            return await self._wait(self._handle, output)
        finally:
            for timer in timers:
                timer.cancel()

    async def _wait(self, handle: LocalHandle, output: Output) -> Ending:
        try:
            return await self._executor.wait(handle, output)
        except asyncio.CancelledError:
            # The event loop is being torn down. The process must not outlive its record.
            await self._executor.cancel(handle, 0)
            await self._executor.wait(handle, output)
            raise

    def _set_timers(self, run_id: int, handle: LocalHandle) -> list[asyncio.TimerHandle]:
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(NOTE_AFTER, self._note_lasting, run_id, handle)]
        if self.job.spec.timeout_ms is not None:
            timers.append(loop.call_later(self.job.spec.timeout_ms / 1000, self._on_deadline))
        return timers

    def _note_lasting(self, run_id: int, handle: LocalHandle) -> None:
        self._on_lasting(run_id, handle, self._record())

    def _open_output(self, run: Run, prepared: Prepared) -> Output:
        self._log_path = log_path(self._around.data_dir, run.job_id, run.id)
        self._output = Output(prepared.secrets, self._log_path, self._around.log_max)
        return self._output

    def _facts(self, run: Run, api_url: str | None) -> RunFacts:
        return RunFacts(
            run_id=run.id,
            mark=self.mark,
            attempt=run.attempt,
            trigger=str(run.trigger),
            scheduled_for=None if run.scheduled_for is None else to_text(run.scheduled_for),
            namespace=self.job.row.namespace,
            project_dir=self._around.project_dir,
            data_dir=self._around.data_dir,
            db_path=self._around.db_path,
            api_url=api_url,
            params={} if run.params is None else json.loads(run.params),
        )

    def _record(self, duration_ms: int | None = None) -> RunRecord:
        return RunRecord(
            duration_ms=duration_ms,
            script_hash=self._script_hash,
            log_path=None if self._log_path is None else str(self._log_path),
            stdout=None if self._output is None else self._output.stdout_tail,
            stderr=None if self._output is None else self._output.stderr_tail,
        )

    def _report(self, ending: Ending, duration_ms: int) -> Report:
        output = self._output
        if output is None:
            return Report(ending=ending, record=self._record(duration_ms))
        output.close()
        return Report(
            ending=ending, record=self._record(duration_ms), result=output.result, note=output.result_note
        )
