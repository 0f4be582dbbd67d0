"""The routes of runs."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.handlers import runs
from jeeves_runner.api.route import Audit, Route, act, look
from jeeves_runner.views.lineage import RunLineageDocument
from jeeves_runner.views.runs import RunDocument, RunsDocument

RUNS: Final[tuple[Route, ...]] = (
    look("/runs", "Runs, newest first", runs.runs, {200: RunsDocument}, problems={404}),
    look(
        "/runs/{run}",
        "A run with all that is recorded of it",
        runs.run,
        {200: RunDocument},
        description=(
            "With `?wait=30s` it comes as soon as the run has ended, and as it is once that time has "
            "passed or the server is told to stop."
        ),
        problems={404},
        run_may=RunMay.OWN,
    ),
    look(
        "/runs/{run}/lineage",
        "What led to a run, and what it led to",
        runs.lineage,
        {200: RunLineageDocument},
        description="A deleted run is found as long as one of its items is kept.",
        problems={404},
        run_may=RunMay.OWN,
    ),
    look(
        "/runs/{run}/logs",
        "What a run wrote",
        runs.logs,
        {200: str, 206: str, 304: None},
        description=(
            "The log file, or the tails where there is none, where it cannot be read, or its disk hangs. "
            "Of the file a part may be asked for (`Range`). Every byte is as the run wrote it, so `curl` "
            "hands a terminal what may steer it; [`logs`](commands.md#logs) does not."
        ),
        problems={404},
        run_may=RunMay.OWN,
    ),
    act(
        "/runs/{run}/cancel",
        "End a run that runs or waits",
        runs.cancel_run,
        {202: RunDocument},
        description="A run that has ended is answered with 409.",
        problems={404, 409},
        run_may=RunMay.OWN,
        audit=Audit.REQUEST,
    ),
)
