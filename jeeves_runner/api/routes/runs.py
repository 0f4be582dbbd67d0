"""The routes of runs."""

from typing import Final

from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.event_kinds import LogStream
from jeeves_runner.api.handlers import claims, runs
from jeeves_runner.api.route import Audit, Route, act, look
from jeeves_runner.views.claims import ClaimDocument
from jeeves_runner.views.lineage import RunLineageDocument
from jeeves_runner.views.runs import RunDocument, RunsDocument

RUNS: Final[tuple[Route, ...]] = (
    look(
        "/runs",
        "Runs, newest first",
        runs.runs,
        {200: RunsDocument, 304: None},
        description="It has an `ETag`, as `GET /jobs/{job}/runs`, unless `since` or `until` is given.",
        problems={404},
    ),
    look(
        "/runs/{run}",
        "A run with all that is recorded of it",
        runs.run,
        {200: RunDocument},
        description=(
            "With `?wait=30s` it comes as soon as the run has ended, and as it is once that time has "
            "passed or the server is told to stop. With `&until=decision` it comes as soon as it runs, is "
            "known to wait for something, or has ended: the runner decides within milliseconds."
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
        "What a run wrote, and goes on writing",
        runs.logs,
        {200: str | LogStream, 206: str},
        problems={404, 416},
        run_may=RunMay.OWN,
        description=(
            "The log file, or the tails where there is none, where it cannot be read, or its disk hangs. "
            "Of the file one part may be asked for: by `Range: bytes=-4096` the last 4 KiB, by "
            "`Range: bytes=5300-` what is behind the first 5,300 bytes. While a run goes on whose log has "
            "half of `log_max_size`, all of it comes. Every byte is as the run wrote it, so `curl` "
            "hands a terminal what may steer it; [`logs`](commands.md#logs) does not.\n\n"
            "With `?follow=1` [events](../explanation/events.md#logs): from the first byte to the end of the "
            "run, also of one that has yet to start."
        ),
    ),
    act(
        "/runs/{run}/cancel",
        "End a run that runs or waits",
        runs.cancel_run,
        {202: RunDocument},
        description=(
            "A run that has ended is answered with 409. After a 202 its row says how it ended: what has just "
            "ended by itself keeps its outcome."
        ),
        problems={404, 409},
        run_may=RunMay.OWN,
        audit=Audit.REQUEST,
    ),
    act(
        "/runs/{run}/claim",
        "Begin a run that is carried out elsewhere",
        claims.claim,
        {200: ClaimDocument},
        description=(
            "It takes the start token of the run, which an engine gets with the job and which counts once. "
            "Whatever else is answered, what has asked must end and do nothing: an engine may start a job "
            "twice, or after its end was asked for. By exit code 75 it says so."
        ),
        problems={404, 409},
        run_may=RunMay.CLAIMS,
    ),
)
