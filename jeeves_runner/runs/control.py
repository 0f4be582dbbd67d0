"""The heart: due occurrences and triggers become recorded decisions, processes and outcomes.

Every change is committed before it has an effect: no process starts without its row, and nobody
hears of an end that could still be lost. What runs and waits is mirrored in memory (``Board``),
so that deciding is cheap; each transaction checks what its decision was based on.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.model import Run, RunStatus
from jeeves_runner.core.policy import Verdict
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db import runs, runs_read
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import Conflict, Fenced, NoServer, NotFound
from jeeves_runner.execute.announcement import Announcement
from jeeves_runner.execute.contract import Executor, LocalHandle
from jeeves_runner.execute.local.prepare import clear_temporaries
from jeeves_runner.runs.admission import Admission, Stale, Step, write_steps
from jeeves_runner.runs.board import Board, Stage
from jeeves_runner.runs.ending import Ended
from jeeves_runner.runs.execution import Job, Surroundings
from jeeves_runner.runs.settle import settle_left_runs
from jeeves_runner.runs.waiting import WaitingRuns
from jeeves_runner.runs.work import Work

log = logging.getLogger(__name__)

Decide = Callable[[Job], tuple[Sequence[Step], Due | None]]
"""Decides about a job: the decisions, and the occurrences that are left to decide about."""


class Runs:
    """All runs of one runner. Use it from one event loop; ``conn`` is for its reads there.

    ``start_up`` comes first. ``observer`` is called with a run's row after each commit that
    decided, started or ended it. ``fenced`` is set once this runner has lost the database.
    """

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        writer: Writer,
        executor: Executor[LocalHandle],
        clock: Clock,
        epoch: int,
        surroundings: Surroundings,
        max_concurrency: int,
        pools: Mapping[str, int] | None = None,
        disk_full: Callable[[], bool] = lambda: False,
        observer: Callable[[Run], None] = lambda _run: None,
    ) -> None:
        self._conn = conn
        self._writer = writer
        self._executor = executor
        self._clock = clock
        self._epoch = epoch
        self._observer = observer
        self._data_dir = surroundings.data_dir
        self._board = Board(max_concurrency, pools or {})
        self._admission = Admission(conn, self._board, clock, epoch, disk_full)
        self._work = Work(
            board=self._board,
            writer=writer,
            executor=executor,
            clock=clock,
            epoch=epoch,
            surroundings=surroundings,
            on_end=self._on_end,
            on_fenced=self.fence,
        )
        self._waiting = WaitingRuns(
            conn=conn,
            writer=writer,
            clock=clock,
            epoch=epoch,
            board=self._board,
            admission=self._admission,
            work=self._work,
            on_start=observer,
            on_end=self._settle,
            on_fenced=self.fence,
        )
        self._is_open = False
        self._newest_seen = 0
        self._endings: dict[int, Announcement[Run]] = {}
        self._due: dict[str, asyncio.Future[list[Run]]] = {}
        self.fenced = asyncio.Event()

    # Life

    async def start_up(self) -> None:
        """Settle what a dead runner left, take up the runs that wait, and admit from here on."""
        left = await settle_left_runs(self._conn, self._writer, self._executor, self._epoch, self._data_dir)
        for ended in left:
            self._observer(ended.run)
        # Nothing runs yet: whatever lies there belongs to a runner that died.
        await asyncio.to_thread(clear_temporaries, self._data_dir)
        self._newest_seen = runs_read.newest_id(self._conn)
        self._admission.read_pauses()
        # All at once: what was missed shares its commits.
        await asyncio.gather(*map(self._waiting.take_up, runs_read.waiting_runs(self._conn)))
        self._is_open = True
        self._waiting.open()

    async def shut_down(self, grace: float) -> None:
        """Admit nothing more, give running work ``grace`` seconds, then end it; all is recorded then."""
        self._is_open = False
        self._waiting.close()
        await self._work.shut_down(grace)

    async def idle(self) -> None:
        """Wait until nothing runs and no decision is on its way; waiting runs may be left."""
        await self._work.idle()

    def set_api_url(self, url: str) -> None:
        """Tell the runs that start from here on where the API listens."""
        self._work.api_url = url

    @property
    def running_ids(self) -> list[int]:
        return [a.run.id for a in self._board.running() if a.run is not None]

    # Requests

    def submit(self, due: Due) -> "asyncio.Future[list[Run]]":
        """Decide about occurrences whose time has come; the rows written, once they are committed.

        A long gap is decided about in portions. The future fails with DatabaseError if one of them
        was not recorded: its occurrences and those after it are then as undecided as before. It
        fails with NoServer when the runner is shutting down.

        What a job submits is recorded in that order, and fails when what came before it failed: the
        watermark must not pass an occurrence that has no row.
        """
        recorded: asyncio.Future[list[Run]] = asyncio.get_running_loop().create_future()
        before = self._due.get(due.job_id)
        self._due[due.job_id] = recorded
        recorded.add_done_callback(partial(self._forget_due, due.job_id))
        self._work.track(self._decide_in_order(before, due, recorded))
        return recorded

    async def trigger(self, job_id: str, params: Mapping[str, str] | None = None, force: bool = False) -> Run:
        """Run a job by hand; its row once that is committed: running, waiting or skipped.

        NotFound for a job that is not there, Conflict for one that is paused unless ``force``, NoServer
        when the runner is shutting down.
        """

        def decide(job: Job) -> tuple[list[Step], None]:
            step = self._admission.decide_manual(job, params, force)
            if step.decision is not None and step.decision.verdict is Verdict.REFUSE:
                raise _refusal(job_id, step.decision.reason)
            return [step], None

        return (await self._begin(job_id, decide))[0]

    async def cancel(self, run_id: int, cause: str = "cancel") -> Run:
        """Ask for the end of a run; its row afterwards. One that has ended stays as it is. NotFound."""
        await self.look()
        attempt = self._board.get(run_id)
        if attempt is None:
            # Its row may be committed and not yet known here: then the look after this finds the request.
            await self._writer.write(
                lambda tx: runs.request_cancel(tx, run_id, cause), priority=Priority.OUTCOME
            )
            await self.look()
        if attempt is not None and attempt.stage is Stage.WAITING:
            await self._waiting.end(attempt, RunStatus.CANCELLED, cause)
        if attempt is not None and attempt.stage is Stage.RUNNING:
            await self._work.end(attempt, cause)
        return self._read(run_id)

    async def wait(self, run_id: int) -> Run:
        """The run once its status is final. NotFound."""
        if self._board.get(run_id) is None:
            run = self._read(run_id)
            if run.status.is_final:
                return run
        return await self._endings.setdefault(run_id, Announcement()).wait()

    async def on_plan(self, job_ids: Sequence[str]) -> None:
        """These jobs were written by an apply, which has cancelled what waits of the stopped ones."""
        for job_id in job_ids:
            self._admission.forget(job_id)
        for job_id in job_ids:
            await self._waiting.drop_ended(job_id)
        self._waiting.review(all_of_them=True)

    async def look(self) -> None:
        """Take up what other programs wrote: requests for runs, cancel requests, pauses.

        A runner that is shutting down obeys cancel requests alone.
        """
        if self.fenced.is_set():
            return
        for run in runs_read.unknown_waiting(self._conn, self._newest_seen) if self._is_open else ():
            self._newest_seen = run.id
            self._waiting.admit_requested(run)
        for run_id, cause in runs_read.cancel_requests(self._conn):
            self._obey_cancel_request(run_id, cause)
        if self._is_open and self._admission.read_pauses():
            self._waiting.review(all_of_them=True)

    # New runs

    def _begin(self, job_id: str, decide: Decide) -> "asyncio.Future[list[Run]]":
        recorded: asyncio.Future[list[Run]] = asyncio.get_running_loop().create_future()
        self._work.track(self._decide_and_carry_out(job_id, decide, recorded))
        return recorded

    async def _decide_in_order(
        self, before: "asyncio.Future[list[Run]] | None", due: Due, recorded: "asyncio.Future[list[Run]]"
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
            if (error := before.exception()) is not None:
                recorded.set_exception(error)
                return
        await self._decide_and_carry_out(
            due.job_id, lambda job: self._admission.decide_due(job, due), recorded
        )

    def _forget_due(self, job_id: str, recorded: "asyncio.Future[list[Run]]") -> None:
        if self._due.get(job_id) is recorded:
            del self._due[job_id]

    async def _decide_and_carry_out(
        self, job_id: str, decide: Decide, recorded: "asyncio.Future[list[Run]]"
    ) -> None:
        """One task for decisions and the run they start: whoever asked may leave meanwhile."""
        rows: list[Run] = []
        try:
            while True:
                job, steps, rest = await self._record(job_id, decide)
                rows += [step.run for step in steps if step.run is not None]
                # Not by the stage of the attempt: one recorded as waiting may have got its slot since.
                started = [s.attempt for s in steps if s.run and s.run.status is RunStatus.RUNNING]
                if rest is None:
                    break
                for attempt in started:
                    self._work.track(self._work.carry_out(attempt))
                decide = partial(self._decide_rest, rest, job.row.schedule_since)
        except BaseException as error:
            if not recorded.done():
                recorded.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        if not recorded.done():
            recorded.set_result(rows)
        for attempt in started[1:]:
            self._work.track(self._work.carry_out(attempt))
        if started:
            await self._work.carry_out(started[0])

    def _decide_rest(self, rest: Due, since: str, job: Job) -> tuple[Sequence[Step], Due | None]:
        """About the next portion of a gap, unless the job has another schedule by now."""
        return self._admission.decide_due(job, rest) if job.row.schedule_since == since else ([], None)

    async def _record(self, job_id: str, decide: Decide) -> tuple[Job, Sequence[Step], Due | None]:
        """Decide until a decision is still right when it is committed."""
        while True:
            if not self._is_open:
                raise NoServer("the server is not taking runs", hint="it is starting or stopping")
            job = self._admission.job(job_id)
            if job is None:
                raise _refusal(job_id, "damaged" if self._admission.is_damaged(job_id) else "deleted")
            steps, rest = decide(job)
            for step in steps:
                if step.attempt.stage is Stage.RUNNING:
                    self._work.equip(step.attempt, step.job, step.mark)
            if await self._write(steps):
                return job, steps, rest
            self._admission.forget(job_id)

    async def _write(self, steps: Sequence[Step]) -> bool:
        """Commit decisions and bring the board in line; False if they have to be made again."""
        if not steps:
            return True
        epoch = self._epoch
        try:
            rows = await self._writer.write(lambda tx: write_steps(tx, steps, epoch), priority=Priority.START)
        except BaseException as error:
            for step in steps:
                self._board.remove(step.attempt)
            if isinstance(error, Fenced):
                self.fence(error)
            # The slots that were taken for nothing go to those who wait.
            self._waiting.review()
            if isinstance(error, Stale):
                return False
            raise
        for step, run in zip(steps, rows, strict=True):
            self._enter(step, run)
        _note_refused(steps)
        # Whatever they wait for may have happened during the commit, and some have freed a slot.
        self._waiting.review()
        return True

    def _enter(self, step: Step, run: Run | None) -> None:
        """The effect of a committed decision; without a row there is none."""
        step.run = run
        if run is None:
            self._board.remove(step.attempt)
            return
        self._observer(run)
        if run.status is RunStatus.RUNNING:
            self._board.set_run(step.attempt, run)
        elif run.status is RunStatus.SCHEDULED:
            self._board.set_run(step.attempt, run)
            self._board.wait(step.attempt)
            if step.decision is not None and step.decision.verdict is Verdict.REPLACE:
                self._waiting.end_running_others(step.attempt)
                for victim in filter(None, map(self._board.get, step.victims)):
                    self._waiting.drop_if_ended(victim)

    def _obey_cancel_request(self, run_id: int, cause: str) -> None:
        attempt = self._board.get(run_id)
        if attempt is None:
            return
        if attempt.stage is Stage.WAITING:
            self._work.track(self._waiting.end(attempt, RunStatus.CANCELLED, cause))
        elif attempt.execution is not None and not attempt.execution.is_asked_to_end():
            self._work.track(self._work.end(attempt, cause))

    # Ends

    def _on_end(self, ended: Ended) -> None:
        if ended.retry is not None:
            self._waiting.enter_retry(ended.retry)
        self._settle(ended.run)
        self._waiting.review()

    def _settle(self, run: Run) -> None:
        """Tell those who wait for this run."""
        self._observer(run)
        ending = self._endings.pop(run.id, None)
        if ending is not None:
            ending.make(run)

    def fence(self, fenced: Fenced) -> None:
        """This runner has lost its database: admit nothing more and end what runs."""
        self._is_open = False
        self._waiting.close()
        if not self.fenced.is_set():
            log.critical("%s", fenced)
            self.fenced.set()
            self._work.track(self._work.stop_all("fenced"))

    def _read(self, run_id: int) -> Run:
        run = runs_read.run(self._conn, run_id)
        if run is None:
            raise NotFound(f"there is no run {run_id}", hint="`jeeves-runner runs` lists what there is")
        return run


def _note_refused(steps: Sequence[Step]) -> None:
    refused = [step.new for step in steps if step.run is None]
    if refused:
        log.info(
            "%s: %d occurrences from %s to %s were decided before; not started",
            refused[0].job_id,
            len(refused),
            refused[0].scheduled_for,
            refused[-1].scheduled_for,
        )


def _refusal(job_id: str, reason: str | None) -> Conflict | NotFound:
    if reason == "paused":
        return Conflict(f"job {job_id} is paused", hint="resume it, or force the run")
    if reason == "damaged":
        return runs.row_is_damaged(job_id)
    return NotFound(f"there is no job {job_id}", hint="`jeeves-runner jobs` lists what there is")
