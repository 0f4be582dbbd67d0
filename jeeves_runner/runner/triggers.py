"""What asks for runs besides the schedule and people: the start of a runner, and ends that others come after."""

from collections.abc import Awaitable, Callable
from functools import partial

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.db.writer import Writer
from jeeves_runner.runner.after_watch import AfterWatch
from jeeves_runner.runner.start_runs import StartRuns
from jeeves_runner.runner.tasks import Tasks
from jeeves_runner.runs.runs import Runs


class Triggers:
    """All of them of one runner. Make it once the jobs are known and before any run starts."""

    def __init__(self, *, conn: apsw.Connection, writer: Writer, clock: Clock, runs: Runs) -> None:
        self._starts = StartRuns(conn, runs, clock)
        self._after = AfterWatch(conn=conn, writer=writer, clock=clock, runs=runs)

    def keep(self, tasks: Tasks, caught_up: Callable[[], Awaitable[None]]) -> None:
        """Keep them going. ``caught_up`` hands over what is to be caught up, which comes first."""
        tasks.keep("runs at the start", partial(self._starts.run, caught_up))
        tasks.keep("runs that come after others", self._after.run)
