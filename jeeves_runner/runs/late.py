"""Work whose run has ended without its own word: watched on for a while, since it may tell of its end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.outcome import Cancelled, Ending, Lost, outcome
from jeeves_runner.core.run import Outcome, Run
from jeeves_runner.core.wrong_clock import time_left
from jeeves_runner.db.run_late import note_late, unconfirmed_runs
from jeeves_runner.db.writer import TRY_AGAIN, Priority, Writer
from jeeves_runner.errors import DatabaseError, Fenced, JeevesError
from jeeves_runner.execute.contract import Handle, LeftFacts
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runs.execution import Execution
from jeeves_runner.runs.settle import left_facts

log = logging.getLogger(__name__)

WATCHED: Final = timedelta(minutes=10)
"""How long after a recorded end its work is still watched."""


class LateEnds:
    """Watches on, one task for each run. What comes is noted in its row and changes nothing else.

    It ends with the runner; the next one goes on with those whose time is not over.
    """

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        writer: Writer,
        executors: Executors,
        clock: Clock,
        epoch: int,
        on_fenced: Callable[[Fenced], None],
    ) -> None:
        self._conn = conn
        self._writer = writer
        self._executors = executors
        self._clock = clock
        self._epoch = epoch
        self._on_fenced = on_fenced
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def watch(self, run: Run, execution: Execution) -> None:
        """Watch work whose run has just ended. Where it was not found out whether there is any, that is asked
        again."""
        executor, handle = execution.executor, execution.handle
        if handle is not None:
            late = partial(executor.late, handle)
        else:
            kept = Handle(executor.name, run.id, {}).as_json()
            left = LeftFacts(
                run_id=run.id,
                job_id=run.job_id,
                mark=execution.mark,
                started_at=run.started_at,
                origin=None,
            )
            late = partial(self._look_for, left, kept)
        self._begin(self._watched(run.id, late, execution.masked), WATCHED)

    def watch_on(self) -> None:
        """Go on with what an earlier runner watched."""
        now = self._clock.now()
        for left in unconfirmed_runs(self._conn, now - WATCHED):
            if left.run.finished_at is not None:
                remaining = time_left(left.run.finished_at + WATCHED, WATCHED, now)
                look = partial(self._look_for, left_facts(left), left.handle)
                self._begin(self._watched(left.run.id, look, lambda text: text), remaining)

    def stop(self) -> None:
        """Watch nothing more."""
        self._is_stopped = True
        for task in self._tasks:
            task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None], remaining: timedelta) -> None:
        if self._is_stopped:
            work.close()
            return

        async def limited() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining.total_seconds()):
                    await work

        task = asyncio.get_running_loop().create_task(limited())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_for(self, left: LeftFacts, kept: str | None) -> Ending | None:
        """How work ended that has to be found again. It is asked to end once more: it was to."""
        found = await self._executors.recover(left, kept)
        if isinstance(found, Lost):
            return None
        executor, handle = found
        await executor.cancel(handle, 0)
        return await executor.late(handle)

    async def _watched(
        self,
        run_id: int,
        late: Callable[[], Coroutine[Any, Any, Ending | None]],
        masked: Callable[[str], str],
    ) -> None:
        try:
            ending = await late()
        except JeevesError as error:
            log.warning("run %d is watched no longer: %s", run_id, error)
            return
        except Exception:  # it is not worth the end of the runner
            log.exception("run %d is watched no longer", run_id)
            return
        match ending:
            case None | Lost() | Cancelled(confirmed=False):
                return
        await self._note(run_id, outcome(ending, cause=None, result=None), masked)

    async def _note(self, run_id: int, late: Outcome, masked: Callable[[str], str]) -> None:
        shown = late._replace(message=None if late.message is None else masked(late.message))
        while True:
            try:
                is_noted = await self._writer.write(
                    lambda tx: note_late(tx, run_id, shown, epoch=self._epoch), priority=Priority.OTHER
                )
            except Fenced as fenced:
                self._on_fenced(fenced)
                return
            except DatabaseError as error:
                log.warning("what has become of run %d waits for the database: %s", run_id, error)
                await asyncio.sleep(TRY_AGAIN)
                continue
            if is_noted:
                log.info("run %d has ended after all: %s", run_id, late.status)
            return
