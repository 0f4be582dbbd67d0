"""Work whose run has ended without its own word: watched on for a while, since it may tell of its end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.outcome import Cancelled, Ending, Finished, Lost, outcome
from jeeves_runner.core.run import Outcome, Run
from jeeves_runner.core.wrong_clock import time_left
from jeeves_runner.db.run_late import note_late, unconfirmed_runs
from jeeves_runner.db.runs import LeftRun
from jeeves_runner.db.writer import TRY_AGAIN, Priority, Writer
from jeeves_runner.errors import DatabaseError, Fenced, JeevesError
from jeeves_runner.execute.contract import Handle
from jeeves_runner.execute.output.mask import masked
from jeeves_runner.execute.output.masks import mask_of
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runs.execution import Execution
from jeeves_runner.runs.jobs import KnownJobs
from jeeves_runner.runs.orders import Secrets, hides_what_is_lost, order_to_mask
from jeeves_runner.runs.settle import left_facts
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)

Late = Callable[[], Coroutine[Any, Any, Ending | None]]
"""Waits for what comes late, masked; None if nothing does."""

WATCHED: Final = timedelta(minutes=10)
"""How long after a recorded end its work is still watched."""


class LateEnds:
    """Watches on, one task for each run. What comes is noted in its row and changes nothing else.

    It ends with the runner; the next one goes on with those whose time is not over.
    """

    def __init__(
        self,
        conn: apsw.Connection,
        writer: Writer,
        executors: Executors,
        jobs: KnownJobs,
        secrets: Secrets,
        clock: Clock,
        epoch: int,
        on_fenced: Callable[[Fenced], None],
    ) -> None:
        self._conn = conn
        self._writer = writer
        self._executors = executors
        self._jobs = jobs
        self._secrets = secrets
        self._clock = clock
        self._epoch = epoch
        self._on_fenced = on_fenced
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def watch(self, run: Run, execution: Execution) -> None:
        """Watch work whose run has just ended. Where it was not found out whether there is any, that is asked
        again."""
        self._begin(run.id, WATCHED, partial(self._of_this_runner, run, execution))

    def watch_on(self) -> None:
        """Go on with what an earlier runner watched."""
        now = self._clock.now()
        for left in unconfirmed_runs(self._conn, now - WATCHED):
            if left.run.finished_at is not None:
                remaining = time_left(left.run.finished_at + WATCHED, WATCHED, now)
                self._begin(left.run.id, remaining, partial(self._of_an_earlier_one, left))

    def stop(self) -> None:
        """Watch nothing more."""
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()

    def _begin(self, run_id: int, remaining: timedelta, late: Late) -> None:
        if not self._is_stopped:
            task = asyncio.get_running_loop().create_task(self._watch(run_id, remaining, late))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _watch(self, run_id: int, remaining: timedelta, late: Late) -> None:
        try:
            async with asyncio.timeout(remaining.total_seconds()):
                ending = await late()
                if ending is not None:
                    await self._note(run_id, outcome(ending, cause=None, result=None))
        except TimeoutError:
            log.debug("run %d is watched no longer", run_id)
        except JeevesError as error:
            log.warning("run %d is watched no longer: %s", run_id, error)
        except Exception:  # it is not worth the end of the runner
            log.exception("run %d is watched no longer", run_id)

    async def _of_this_runner(self, run: Run, execution: Execution) -> Ending | None:
        handle = execution.handle
        if handle is None:
            kept = Handle(execution.executor.name, run.id, {}).as_json()
            left = LeftRun(run=run, mark=execution.mark, handle=kept, deadline=None)
            return await self._of_an_earlier_one(left)
        return _told(await execution.executor.late(handle), execution.masked)

    async def _of_an_earlier_one(self, left: LeftRun) -> Ending | None:
        """How work ended that has to be found again. It is asked to end once more: it was to."""
        job = self._jobs.get(left.run.job_id)
        facts = left_facts(left, None if job is None else job.spec)
        found = await self._executors.recover(facts, left.handle)
        if isinstance(found, Lost):
            return None
        executor, handle = found
        await executor.cancel(handle, 0)
        ending = await executor.late(handle)
        if job is None:
            return _told(ending, lambda _: None)  # what is to be masked is not known
        order = order_to_mask(job, left.run, left.mark, self._secrets)
        mask = await mask_of(await executor.secrets(order))
        if hides_what_is_lost(left.run, order):
            return _told(ending, lambda _: None)
        return _told(ending, lambda text: masked(text, mask))

    async def _note(self, run_id: int, late: Outcome) -> None:
        trouble = Trouble(log, over=f"what has become of run {run_id} can be noted now")
        while True:
            try:
                is_noted = await self._writer.write(
                    lambda tx: note_late(tx, run_id, late, epoch=self._epoch), priority=Priority.OTHER
                )
            except Fenced as fenced:
                self._on_fenced(fenced)
                return
            except DatabaseError as error:
                trouble.met(f"what has become of run {run_id} waits for the database: {error}")
                await asyncio.sleep(TRY_AGAIN)
                continue
            trouble.over()
            if is_noted:
                log.info("run %d has ended after all: %s", run_id, late.status)
            return


def _told(ending: Ending | None, masked: Callable[[str], str | None]) -> Ending | None:
    """An end with its secrets masked; None if it tells nothing. ``masked`` answers None for a text that
    cannot be."""
    match ending:
        case None | Lost() | Cancelled(confirmed=False):
            return None
        case Finished(message=str(message)) | Cancelled(message=str(message)):
            return replace(ending, message=masked(message))
        case _:
            return ending
