"""Requests: runs that are asked for, and not by the schedule.

A request is first a row that waits: entered here for a person at the API, by another program, or with the end
of an attempt that is tried again. One that can start at once is entered and started in one commit. What must
not be run is refused in that transaction, and leaves no row.
"""

import asyncio
import logging

from jeeves_runner.core.model import RunStatus, Trigger
from jeeves_runner.core.policy import Verdict
from jeeves_runner.core.run import Run
from jeeves_runner.db import run_requests
from jeeves_runner.db.run_requests import RunRequest, not_recorded
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.runs.arrival import Arrival, Stale
from jeeves_runner.runs.arrivals import Arrivals, answering
from jeeves_runner.runs.attempt import Attempt
from jeeves_runner.runs.jobs import KnownJobs
from jeeves_runner.runs.running import RunningRuns
from jeeves_runner.runs.waiting_ends import WaitingEnds

log = logging.getLogger(__name__)


class Requests:
    """Has them decided about, and sees those through that start."""

    def __init__(
        self,
        *,
        writer: Writer,
        jobs: KnownJobs,
        arrivals: Arrivals,
        running: RunningRuns,
        waiting_ends: WaitingEnds,
    ) -> None:
        self._writer = writer
        self._jobs = jobs
        self._arrivals = arrivals
        self._running = running
        self._waiting_ends = waiting_ends

    def request(self, request: RunRequest) -> "asyncio.Future[Run]":
        """Enter a request; its row, once that is committed: running, waiting or skipped.

        The future fails with NotFound for a job that is not there, Conflict for one that is paused
        unless forced, InvalidValue for parameters that it does not take, NoServer when the runner is
        shutting down. Nothing is recorded then.
        """
        recorded: asyncio.Future[Run] = asyncio.get_running_loop().create_future()
        self._running.track(self._request(request, recorded))
        return recorded

    def take_up(self, run: Run) -> None:
        """Decide about a request that another program has entered, or the end of another attempt."""
        attempt = Attempt.of(run)
        if run.trigger is Trigger.RETRY:
            self._arrivals.put_in_line(attempt)
            return
        if run.cancel_cause is not None and run.cancel_cause.ends_waiting:
            self._waiting_ends.cancel_for_sure(attempt, run.cancel_cause)
            return
        arrival = self._decide(attempt, None)
        if arrival is None:
            return
        if arrival.decision.verdict is Verdict.WAIT and arrival.decision.reason is not None:
            # Its row waits already: it need not be told so before it has its turn among the others.
            self._arrivals.put_in_line(attempt)
            self._arrivals.note_waiting([attempt], (arrival.decision.reason, arrival.decision.ref))
        else:
            self._arrivals.carry_in_soon(arrival)

    async def _request(self, request: RunRequest, recorded: "asyncio.Future[Run]") -> None:
        """One task for the request and the run it starts: the caller may leave meanwhile."""
        attempt = Attempt(
            job_id=request.job_id,
            trigger=request.trigger,
            forced=request.forced,
            is_of_the_past=request.backfill_id is not None,
            depth=request.depth,
        )
        started = False
        with answering(recorded) as answer:
            run = await self._enter_request(attempt, request)
            started = run.status is RunStatus.RUNNING
            answer(run)
        if started:
            await self._running.carry_out(attempt)

    async def _enter_request(self, attempt: Attempt, request: RunRequest) -> Run:
        while True:
            self._arrivals.check_open()
            arrival = self._decide(attempt, request)
            try:
                if arrival is None:
                    await self._writer.write(lambda tx: _refuse(tx, request), priority=Priority.START)
                else:
                    (run,) = await self._arrivals.record([arrival])
                    if run is None:  # it was entered in that very transaction
                        raise not_recorded(request.job_id)
                    return run
            except Stale:
                log.debug("job %s has changed meanwhile; deciding again", request.job_id)

    def _decide(self, attempt: Attempt, entry: RunRequest | None) -> Arrival | None:
        """About a request that comes now; None if its job cannot be read."""
        job = self._jobs.get(attempt.job_id)
        if job is not None:
            return self._arrivals.decide(job, attempt, entry)
        if attempt.run is not None:
            self._arrivals.put_in_line(attempt)  # for the apply that heals the job's row
        return None


def _refuse(tx: Tx, request: RunRequest) -> None:
    """Raise what is wrong with a job that could not be read; if nothing is by now, read it again."""
    run_requests.request_run(tx, request)
    raise Stale
