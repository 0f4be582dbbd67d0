"""The routes of runs."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.handlers import runs
from jeeves_runner.api.route import Audit, Route, act, look
from jeeves_runner.views.lineage import RunLineageDocument
from jeeves_runner.views.runs import RunDocument, RunsDocument

RUNS: Final[tuple[Route, ...]] = (
    look("/runs", "Runs, newest first", runs.runs, {200: RunsDocument, 304: None}, problems={404}),
    look(
        "/runs/{run}",
        "A run with all that is recorded of it",
        runs.run,
        {200: RunDocument},
        problems={404},
        run_may=RunMay.OWN,
    ),
    look(
        "/runs/{run}/lineage",
        "What led to a run, and what it led to",
        runs.lineage,
        {200: RunLineageDocument},
        problems={404},
        run_may=RunMay.OWN,
    ),
    look(
        "/runs/{run}/logs",
        "What a run wrote",
        runs.logs,
        {200: str, 206: str, 304: None},
        problems={404},
        run_may=RunMay.OWN,
    ),
    act(
        "/runs/{run}/cancel",
        "End a run that runs or waits",
        runs.cancel_run,
        {202: RunDocument},
        problems={404, 409},
        run_may=RunMay.OWN,
        audit=Audit.REQUEST,
    ),
)
