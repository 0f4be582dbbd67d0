"""Runs of the jobs that say ``on_start``: one of each whenever a runner starts, and not all at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.model import Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.core.start_spread import SPREAD, delay_of
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.db.start_rows import has_start_run, id_to_start, namespaces_to_start, newest_id
from jeeves_runner.db.writer import TRY_AGAIN
from jeeves_runner.errors import DatabaseError, JeevesError
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)


class Entrance(Protocol):
    """Has a request decided about; see ``Runs.enter``."""

    async def enter(self, request: RunRequest) -> Run: ...


class StartRuns:
    """Asks for one run of each such job. Make it once the jobs are known and before any run starts.

    It is about the jobs that say so when it is made: what an apply adds or enables later waits for the next
    start. A run that the last runner has left waiting is that of this start.
    """

    def __init__(
        self, conn: apsw.Connection, runs: Entrance, clock: Clock, *, spread: float = SPREAD
    ) -> None:
        """``spread``: over how many seconds the moments are spread."""
        self._conn = conn
        self._runs = runs
        self._clock = clock
        self._began = clock.monotonic()
        self._newest = newest_id(conn)
        self._left = sorted(
            ((delay_of(name, spread), name) for name in namespaces_to_start(conn)), reverse=True
        )

    async def run(self, caught_up: Callable[[], Awaitable[None]]) -> None:
        """Ask for each run at its moment; then it ends. Begun again, it goes on where it was.

        ``caught_up`` hands over what is to be caught up: that comes first. A job that has been deleted or
        disabled by its moment, or no longer says ``on_start``, is left out.
        """
        await caught_up()
        while self._left:
            delay, namespace = self._left[-1]
            await asyncio.sleep(max(0.0, self._began + delay - self._clock.monotonic()))
            await self._ask_for(namespace)
            self._left.pop()

    async def _ask_for(self, namespace: str) -> None:
        trouble = Trouble(log, over=f"{namespace} runs, as it was to at the start")
        while (job_id := id_to_start(self._conn, namespace)) is not None:
            if has_start_run(self._conn, job_id, self._newest):  # this was begun again after its commit
                return
            try:
                await self._runs.enter(RunRequest(job_id=job_id, trigger=Trigger.START))
                trouble.over()
                return
            except DatabaseError as error:
                trouble.met(
                    f"{job_id} was to run at the start, and nothing could be recorded: {error}", logging.ERROR
                )
                await asyncio.sleep(TRY_AGAIN)
            except JeevesError as error:
                if id_to_start(self._conn, namespace) != job_id:
                    continue  # it has got another id meanwhile
                log.warning("%s does not run at the start: %s", job_id, error)
                return
