"""Keeps the claims of running runs from ending while they work."""

import asyncio
import logging
from typing import Protocol

from jeeves_runner.db.queue_claims import LEASE_INTERVAL
from jeeves_runner.db.queue_upkeep import extend_leases_of_runs
from jeeves_runner.db.writer import Writer
from jeeves_runner.errors import JeevesError
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)


class RunningRuns(Protocol):
    """Tells which runs are running."""

    @property
    def running_ids(self) -> list[int]: ...


class Leases:
    """Extends the claims of running runs. A task of its own, because housekeeping may take long."""

    def __init__(self, *, writer: Writer, runs: RunningRuns) -> None:
        self._writer = writer
        self._runs = runs

    async def run(self) -> None:
        """Extend at intervals until cancelled. A failure is told once, and the next interval tries again."""
        trouble = Trouble(log, over="the leases of running runs are extended again")
        while True:
            try:
                await self.extend()
            except JeevesError as error:
                trouble.met(f"the leases of running runs could not be extended: {error}", logging.ERROR)
            else:
                trouble.over()
            await asyncio.sleep(LEASE_INTERVAL)

    async def extend(self) -> None:
        """Extend the claims of all runs that run now beyond the next interval."""
        running = self._runs.running_ids
        if running:
            await self._writer.write(lambda tx: extend_leases_of_runs(tx, running), durable=False)
