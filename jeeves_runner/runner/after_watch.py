"""Runs that come after others and were held back: they follow once what held them back is over.

Most follow in the transaction of the end that they come after. What is left are jobs that were paused then,
and those that an apply has changed meanwhile: nothing ends when a pause does. And those whose run cannot be
entered: it is told once why, and tried at each look.
"""

import logging
from collections.abc import Awaitable
from typing import Final, Protocol

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db import after
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.rounds import in_rounds
from jeeves_runner.troubles import Troubles

log = logging.getLogger(__name__)

_LOOK: Final = 1.0
"""Seconds between two looks."""


class Follows(Protocol):
    """Takes up what was entered; see ``Runs.look``."""

    def look(self) -> Awaitable[None]: ...


class AfterWatch:
    """Looks for such jobs. ``conn`` is read in the event loop, by an index that is empty most of the time."""

    def __init__(self, *, conn: apsw.Connection, writer: Writer, clock: Clock, runs: Follows) -> None:
        self._conn = conn
        self._writer = writer
        self._clock = clock
        self._runs = runs
        self._troubles = Troubles(log, lambda job_id: f"{job_id} can run after others again")

    async def run(self) -> None:
        """Look until cancelled. A look that fails is told once, and the next one makes up for it."""
        await in_rounds(
            self.look,
            _LOOK,
            log,
            failed="runs that come after others could not be entered",
            over="runs that come after others are entered again",
        )

    async def look(self) -> None:
        """Enter the runs that nothing holds back any more."""
        free = after.free_to_follow(self._conn, self._clock.now())
        if not free:
            return
        refused = await self._writer.write(lambda tx: after.follow_all(tx, free))
        for job_id in free:
            if job_id in refused:
                self._troubles.met(job_id, f"{job_id} cannot run after others: {refused[job_id]}")
            else:
                self._troubles.over(job_id)
        if len(refused) < len(free):
            await self._runs.look()
