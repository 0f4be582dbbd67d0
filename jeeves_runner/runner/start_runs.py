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
from jeeves_runner.db.jobs import started_with_the_runner, starts_with_the_runner
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.db.writer import TRY_AGAIN
from jeeves_runner.errors import DatabaseError, JeevesError
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)


class Entrance(Protocol):
    """Has a request decided about; see ``Runs.enter``."""

    async def enter(self, request: RunRequest) -> Run: ...


async def run_at_start(
    conn: apsw.Connection,
    runs: Entrance,
    clock: Clock,
    *,
    caught_up: Callable[[], Awaitable[None]],
    spread: float = SPREAD,
    done: set[str] | None = None,
) -> None:
    """Ask for one run of each such job, at its own moment; then it ends.

    ``caught_up`` hands over what is to be caught up: that comes first. A job that has been deleted or
    disabled by its moment, or no longer says ``on_start``, is left out. ``done``: the ids of jobs that have
    had their moment. This adds to them, so that it can be begun again.
    """
    done = set() if done is None else done
    began = clock.monotonic()
    await caught_up()
    for delay, job_id in sorted((delay_of(name, spread), name) for name in started_with_the_runner(conn)):
        if job_id in done:
            continue
        await asyncio.sleep(max(0.0, began + delay - clock.monotonic()))
        if starts_with_the_runner(conn, job_id):
            await _ask_for(runs, job_id)
        done.add(job_id)


async def _ask_for(runs: Entrance, job_id: str) -> None:
    trouble = Trouble(log, over=f"{job_id} runs, as it was to at the start")
    while True:
        try:
            await runs.enter(RunRequest(job_id=job_id, trigger=Trigger.START))
            trouble.over()
            return
        except DatabaseError as error:
            trouble.met(
                f"{job_id} was to run at the start, and nothing could be recorded: {error}", logging.ERROR
            )
            await asyncio.sleep(TRY_AGAIN)
        except JeevesError as error:
            log.warning("%s does not run at the start: %s", job_id, error)
            return
