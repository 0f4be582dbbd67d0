"""What brings runs besides the schedule and people: the start of a runner, ends of other runs, the items of
queues, files, and backfills."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.after_watch import AfterWatch
from jeeves_runner.runner.backfills import Backfills
from jeeves_runner.runner.change_watch import ChangeWatch
from jeeves_runner.runner.queue_watch import QueueWatch
from jeeves_runner.runner.start_runs import StartRuns
from jeeves_runner.runner.tasks import Tasks
from jeeves_runner.runs import Runs


class Triggers:
    """Puts together what asks for runs. Make it once the jobs are known and before any run starts."""

    def __init__(
        self,
        conn: apsw.Connection,
        reads: ThreadReads,
        writer: Writer,
        clock: Clock,
        runs: Runs,
        root: Path,
    ) -> None:
        """``conn`` is for their reads in the event loop, ``reads`` for those beside it. ``root``: the folder
        of the project."""
        self._starts = StartRuns(conn, runs, clock)
        self._after = AfterWatch(conn=conn, writer=writer, clock=clock, runs=runs)
        self._queues = QueueWatch(conn=conn, writer=writer, clock=clock, look=runs.look)
        self._changes = ChangeWatch(conn, reads, writer, clock, root=root, entered=runs.look)
        self._backfills = Backfills(conn=conn, writer=writer, runs=runs, clock=clock)
        runs.on_end = self._queues.on_end

    def keep(self, tasks: Tasks, caught_up: Callable[[], Awaitable[None]]) -> None:
        """Keep them going; ``caught_up`` hands over what is to be caught up, which comes first."""
        tasks.keep("runs at the start", partial(self._starts.run, caught_up))
        tasks.keep("runs that come after others", self._after.run)
        tasks.keep("watch of the queues", self._queues.run)
        tasks.keep("watch of the files that start jobs", self._changes.run)
        tasks.keep("backfills", self._backfills.run)

    def on_plan(self, job_ids: Sequence[str]) -> None:
        """These jobs were written by an apply."""
        self._queues.on_plan(job_ids)

    def wake(self) -> None:
        """Any process has committed something."""
        self._queues.wake()
        self._backfills.wake()
