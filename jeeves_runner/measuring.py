"""Puts together what is measured of a runner, for programs that watch it."""

import logging
from typing import Final

from jeeves_runner.config import Config
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.writer import Writer
from jeeves_runner.metrics.gathering import Vitals
from jeeves_runner.metrics.metrics import CATCH_UP, Metrics
from jeeves_runner.metrics.run_totals import RunTotals
from jeeves_runner.reconcile.reconciler import Reconciler
from jeeves_runner.runner.loop_watch import LoopHealth
from jeeves_runner.runner.maintenance import Maintenance
from jeeves_runner.runner.rounds import in_rounds
from jeeves_runner.runner.scheduler import Scheduler
from jeeves_runner.runner.tasks import Tasks

log = logging.getLogger(__name__)


class Measuring:
    """The counts of one runner from its beginning on, and the metrics that they are a part of."""

    def __init__(self, config: Config, loop: LoopHealth) -> None:
        """``loop``: how the event loop is."""
        self._config = config
        self._loop = loop
        self.totals: Final = RunTotals(config.metrics.max_labels)

    async def begin(self, reads: ThreadReads, maintenance: Maintenance) -> None:
        """Count what ends from here on."""
        maintenance.count = self.totals.catch_up
        await reads.read(self.totals.begin)

    def keep(self, tasks: Tasks, reads: ThreadReads) -> None:
        """Count at intervals, also while nothing asks: then there is little left to read when it does."""

        async def catch_up() -> None:
            await reads.read(self.totals.catch_up)

        async def run() -> None:
            await in_rounds(
                catch_up,
                CATCH_UP,
                log,
                failed="the ends of runs could not be counted",
                over="the ends of runs are counted again",
            )

        tasks.keep("counts of runs", run)

    def metrics(self, scheduler: Scheduler, sync: Reconciler, writer: Writer) -> Metrics:
        """What there is to be asked for, of these parts too."""

        def vitals() -> Vitals:
            return Vitals(
                timetable=len(scheduler),
                tick_age=scheduler.tick_age,
                catching_up=len(scheduler.catching_up()),
                sync=sync.status,
                backlog=writer.backlog,
                latency=writer.latency,
                stalls=self._loop.stalls,
                answer=self._loop.answer,
            )

        folders = {"data": self._config.data_dir, "database": self._config.db_path.parent}
        return Metrics(self.totals, vitals, folders, most=self._config.metrics.max_labels)
