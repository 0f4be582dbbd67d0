"""Keeps the claims of running runs from ending while they work."""

import logging
from typing import Protocol

from jeeves_runner.db.queue_claims import LEASE_INTERVAL
from jeeves_runner.db.queue_upkeep import extend_leases_of_runs
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.rounds import in_rounds

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
        await in_rounds(
            self.extend,
            LEASE_INTERVAL,
            log,
            failed="the leases of running runs could not be extended",
            over="the leases of running runs are extended again",
        )

    async def extend(self) -> None:
        """Extend the claims of all runs that run now beyond the next interval."""
        running = self._runs.running_ids
        if running:
            await self._writer.write(lambda tx: extend_leases_of_runs(tx, running), durable=False)
