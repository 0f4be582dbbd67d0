"""All runs of one runner: due occurrences and requests become recorded decisions, processes and outcomes.

Every change is committed before it has an effect: no process starts without its row, and no end is
told that could still be lost. What runs and waits is mirrored in memory (``AttemptBoard``), so that deciding
is cheap; each transaction checks what its decision was based on.

``Arrivals`` is the one way in, for ``DueOccurrences`` and ``Requests``; ``WaitingLine`` the place between,
``RunningRuns`` the way from a start to its end, ``WaitingEnds`` the end of runs that never start. ``Ends``
tells of the ends that any process has recorded.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.board.entry import Stage
from jeeves_runner.core.model import CancelCause, RunStatus, Trigger
from jeeves_runner.core.policy import DEPTH_LIMIT
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db import runs, secret_params
from jeeves_runner.db.run_progress import request_cancel
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import Fenced
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runs.admission import Admission
from jeeves_runner.runs.arrivals import Arrivals
from jeeves_runner.runs.attempt import Attempt, AttemptBoard
from jeeves_runner.runs.claims import Claims
from jeeves_runner.runs.consequences import Consequences
from jeeves_runner.runs.decisions import Decisions
from jeeves_runner.runs.due import DueOccurrences
from jeeves_runner.runs.ends import Ends
from jeeves_runner.runs.jobs import KnownJobs
from jeeves_runner.runs.late import LateEnds
from jeeves_runner.runs.line import WaitingLine
from jeeves_runner.runs.renamed import follow_renames
from jeeves_runner.runs.requests import Requests
from jeeves_runner.runs.restart import Restart
from jeeves_runner.runs.running import RunningRuns
from jeeves_runner.runs.settle import Recovered
from jeeves_runner.runs.trace import Logs
from jeeves_runner.runs.waiting_ends import WaitingEnds

log = logging.getLogger(__name__)


class Runs:
    """All runs of one runner. Use it from one event loop; ``conn`` is for its reads there.

    ``start_up`` comes first. ``fenced`` is set once this runner has lost the database; ``on_end`` is called
    with the job of each run that has ended.
    """

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        writer: Writer,
        executors: Executors,
        clock: Clock,
        epoch: int,
        logs: Logs,
        pools: Mapping[str, int] | None = None,
        disk_full: Callable[[], bool] = lambda: False,
        depth_limit: int = DEPTH_LIMIT,
    ) -> None:
        """``depth_limit``: over how many runs one may follow from another."""
        self._conn = conn
        self._writer = writer
        self._board = board = AttemptBoard(executors.slots(), pools or {})
        self._jobs = jobs = KnownJobs(conn)
        self._admission = admission = Admission(conn, board, jobs, executors, clock, disk_full, depth_limit)
        secrets = partial(secret_params.kept, conn)
        self._late = late = LateEnds(conn, writer, executors, jobs, secrets, clock, epoch, self.fence)
        self._running = running = RunningRuns(
            board=board,
            writer=writer,
            clock=clock,
            epoch=epoch,
            origin=executors.here.as_json(),
            logs=logs,
            late=late,
            secrets=secrets,
            after_end=self._after_end,
            on_fenced=self.fence,
        )
        self._waiting_ends = waiting_ends = WaitingEnds(
            board=board, writer=writer, running=running, on_ends=self._on_ends
        )
        self._decisions = Decisions()
        self._arrivals = arrivals = Arrivals(
            conn=conn,
            writer=writer,
            epoch=epoch,
            board=board,
            jobs=jobs,
            admission=admission,
            running=running,
            waiting_ends=waiting_ends,
            executors=executors,
            on_ends=self._on_ends,
            on_commit=self._on_commit,
            on_failure=self._on_failure,
            on_fenced=self.fence,
            on_decided=self._decisions.tell,
        )
        self.claims = Claims(board, writer, epoch, running.api)
        self._requests = Requests(
            writer=writer, jobs=jobs, arrivals=arrivals, running=running, waiting_ends=waiting_ends
        )
        self._due = DueOccurrences(
            epoch=epoch, jobs=jobs, admission=admission, arrivals=arrivals, running=running
        )
        self._line = WaitingLine(
            clock=clock,
            board=board,
            jobs=jobs,
            admission=admission,
            arrivals=arrivals,
            waiting_ends=waiting_ends,
            follow_renames=partial(follow_renames, conn, board),
        )
        self._restart = Restart(
            conn=conn,
            writer=writer,
            executors=executors,
            epoch=epoch,
            data_dir=logs.data_dir,
            board=board,
            jobs=jobs,
            admission=admission,
            running=running,
            waiting_ends=waiting_ends,
        )
        self._ends = Ends(conn, self._is_carried)
        self._is_open = self._is_closed = False
        self._newest_seen = 0
        self._consequences = Consequences(conn.filename, self._follow, self._review_all)
        self.on_end: Callable[[str], object] = lambda _job_id: None
        self.fenced = asyncio.Event()

    # Life

    async def start_up(self, recovered: Recovered | None = None) -> None:
        """Settle what the runner before left, take up the runs that wait, and admit from here on.

        ``recovered``: the answer of ``recover_left_runs``, if it was asked before this runner could write.
        """
        await self._restart.settle(recovered)
        self._admission.read_pauses()
        # What another program enters after this look is taken up once, by the next.
        asked, self._newest_seen = await self._restart.line_up()
        if self._is_closed:
            return
        self._is_open = True
        self._consequences.open()
        self._arrivals.open()
        self._line.open()
        self._late.watch_on()
        for run in asked:
            self._requests.take_up(run)
        self._follow()

    def stop_admitting(self) -> None:
        """Start nothing from here on, also at the end of a ``start_up`` that is under way. Cancel requests
        are obeyed."""
        self._is_closed = True
        self._is_open = False
        self._arrivals.close()
        self._line.close()
        self._late.stop()
        self._consequences.close()

    async def shut_down(self, grace: float, patience: float = math.inf) -> None:
        """Admit nothing more, give running work ``grace`` seconds, then end it. All is recorded then, but
        for what could not be ended and recorded within ``patience`` seconds."""
        self.stop_admitting()
        await self._running.shut_down(grace, patience)

    async def abandon(self) -> None:
        """Let go of what a shutdown has left unfinished, once the writer has stopped."""
        await self._running.abandon()

    def hurry(self) -> None:
        """Have a shutdown end all work now."""
        self.stop_admitting()
        self._running.hurry()

    async def idle(self) -> None:
        """Wait until nothing runs and no decision is on its way; waiting runs may be left."""
        await self._running.idle()

    def set_api_url(self, url: str) -> None:
        """Tell the runs that start from here on where the API listens."""
        self._running.api.url = url

    @property
    def is_admitting(self) -> bool:
        """Whether runs start: from the end of ``start_up`` until the stop."""
        return self._is_open

    @property
    def longest_kill_grace(self) -> float:
        """Seconds that the most patient of the runs that run now has between SIGTERM and SIGKILL."""
        return self._running.longest_kill_grace

    @property
    def running_ids(self) -> list[int]:
        return [a.run.id for a in self._board.running() if a.run is not None]

    def fence(self, fenced: Fenced) -> None:
        """This runner has lost its database: admit nothing more and end what runs."""
        self.stop_admitting()
        if not self.fenced.is_set():
            log.critical("%s", fenced)
            self.fenced.set()
            self._running.track(self._running.stop_all(CancelCause.FENCED))

    # Requests

    def expect(self, job_ids: Sequence[str]) -> None:
        """Occurrences of these jobs are submitted in a moment."""
        self._jobs.expect(job_ids)

    def submit(self, due: Due) -> "asyncio.Future[list[Run]]":
        """Decide about occurrences whose time has come; see ``DueOccurrences.submit``."""
        return self._due.submit(due)

    async def request(
        self, job_id: str, params: Mapping[str, object] | None = None, force: bool = False
    ) -> Run:
        """Run a job by hand, with JSON values by name; its row once that is committed: running, waiting or
        skipped.

        NotFound for a job that is not there, Conflict for one that is paused unless ``force``, InvalidValue
        for parameters that it does not take, NoServer when the runner is shutting down.
        """
        request = RunRequest(job_id=job_id, trigger=Trigger.MANUAL, params=params, forced=force)
        return await self.enter(request)

    async def enter(self, request: RunRequest) -> Run:
        """Enter a request of any trigger that is no occurrence; answer and errors as of ``request``."""
        return await self._requests.request(request)

    async def cancel(self, run_id: int, cause: CancelCause = CancelCause.CANCEL) -> Run:
        """Ask for the end of a run; its row afterwards. One that has ended stays as it is. NotFound."""
        await self.look()
        if (attempt := self._board.get(run_id)) is None:
            # Its row may be committed and not yet known here: then the look after this finds the request.
            await self._writer.write(lambda tx: request_cancel(tx, run_id, cause), priority=Priority.OUTCOME)
            await self.look()
        elif attempt.stage is Stage.RUNNING:
            await self._running.end(attempt, cause)
        else:
            await self._waiting_ends.cancel(attempt, cause)
        return self._read(run_id)

    async def wait(self, run_id: int) -> Run:
        """The run once its status is final. NotFound."""
        while True:
            if not self._is_carried(run_id) and (run := self._read(run_id)).status.is_final:
                return run
            if (told := await self._ends.wait(run_id)) is not None:
                return told

    async def decided(self, run_id: int) -> None:
        """Wait until the row of a run says that it runs, for what it waits, or that it is over. NotFound."""
        run = self._read(run_id)
        if run.status is RunStatus.SCHEDULED and run.reason is None:
            await self._decisions.wait(run_id)

    def _is_carried(self, run_id: int) -> bool:
        attempt = self._board.get(run_id)
        return attempt is not None and attempt.stage is Stage.RUNNING

    def _read(self, run_id: int) -> Run:
        if (run := runs.run(self._conn, run_id)) is None:
            raise runs.unknown_run(self._conn, run_id)
        return run

    # What commits lead to

    async def on_plan(self, job_ids: Sequence[str]) -> None:
        """These jobs were written by an apply, which has cancelled what waits of the stopped ones."""
        for job_id in job_ids:
            self._jobs.forget(job_id)
        follow_renames(self._conn, self._board, job_ids)
        self._admission.read_pauses()  # they may have gone along with a job that was renamed
        self._follow()
        self._review_all()

    def on_put_right(self) -> None:
        """What a wrong clock had left was put right in the rows: waits may end sooner than is known here."""
        self._consequences.see_to(self._read_waits)

    def _read_waits(self) -> None:
        for run in runs.waiting_runs(self._conn):
            attempt = self._board.get(run.id)
            if attempt is not None and attempt.stage is Stage.WAITING and attempt.run is not None:
                attempt.run = attempt.run._replace(not_before=run.not_before)
        self._admission.read_pauses()
        self._review_all()

    async def look(self) -> None:
        """Take up what other programs wrote: requests for runs, ends, cancel requests, pauses.

        A runner that is shutting down obeys cancel requests alone.
        """
        if self.fenced.is_set():
            return
        # First the pauses: nothing that is taken up now may start by the older ones.
        is_changed = self._is_open and self._admission.read_pauses()
        self._follow()
        for run_id, cause in runs.cancel_requests(self._conn):
            self._obey_cancel_request(run_id, cause)
        if is_changed:
            self._review_all()

    def _review_all(self) -> None:
        self._line.review(all_of_them=True)

    def _after_end(self, attempt: Attempt, ended: Run | None) -> None:
        self._consequences.see_to(lambda: self._follow_end(attempt, ended))
        self.on_end(attempt.job_id)

    def _on_ends(self) -> None:
        self._consequences.see_to(self._follow)

    def _on_commit(self) -> None:
        """Nothing has ended, and it does not pay to look at what other programs have written: they tell of
        it."""
        self._consequences.see_to(self._line.review)

    def _on_failure(self, undecided: Sequence[Run]) -> None:
        """The database did not take decisions. The attempts that were to start wait again, or have ended
        meanwhile; ``undecided`` are requests that are to be taken up again."""
        self._newest_seen = min([self._newest_seen, *(run.id - 1 for run in undecided)])
        self._consequences.see_to(self._follow_ends)
        self._consequences.look_again()

    def _follow_end(self, attempt: Attempt, ended: Run | None) -> None:
        if ended is not None and ended.status is RunStatus.OK:
            # None but its own has ended with it; what comes after it has been entered with it.
            self._ends.tell(ended)
            self._take_up_requests()
        else:
            self._follow(freed=None if attempt.run is None else attempt.run.id)
        self._line.renew_reasons(attempt.job_id, attempt.pool)

    def _follow(self, freed: int | None = None) -> None:
        """Follow what any process has committed: ends, requests, slots that are free now. ``freed``: the run
        that has just ended here."""
        self._follow_ends(freed)
        self._take_up_requests()

    def _take_up_requests(self) -> None:
        """First retries: their chains were active before. Then what waits; last, what was just asked for."""
        requested = runs.requested_runs(self._conn, self._newest_seen) if self._is_open else []
        for is_retry in (True, False):
            for run in (each for each in requested if (each.trigger is Trigger.RETRY) is is_retry):
                if self._board.get(run.id) is None:
                    self._requests.take_up(run)
                if run.not_before is not None:
                    self._line.review_at(run.not_before)
            if requested or not is_retry:
                self._line.review()
        if requested:
            self._newest_seen = requested[-1].id

    def _follow_ends(self, freed: int | None = None) -> None:
        ended = self._ends.look(freed)
        self._decisions.tell(ended)
        for run_id in ended:
            if (attempt := self._board.get(run_id)) is not None:
                self._board.remove(attempt)
                self.on_end(attempt.job_id)

    def _obey_cancel_request(self, run_id: int, cause: CancelCause) -> None:
        if (attempt := self._board.get(run_id)) is None:
            return
        if attempt.stage is Stage.RUNNING:
            self._running.end_soon(attempt, cause)
        else:
            self._waiting_ends.cancel_for_sure(attempt, cause)
