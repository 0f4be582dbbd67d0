"""The one way in: what wants to run becomes a decision, the decision a row, and the row its effect.

Occurrences come here from ``due``, requests from ``requests``, and attempts that have waited from ``line``.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import TypeVar

import apsw

from jeeves_runner.core.board.entry import Stage, Why
from jeeves_runner.core.model import CancelCause, RunStatus
from jeeves_runner.core.policy import Decision, Request, Verdict
from jeeves_runner.core.run import Run
from jeeves_runner.db import run_progress, runs
from jeeves_runner.db.run_entries import Occurrence
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import (
    Conflict,
    DatabaseError,
    Fenced,
    InvalidValue,
    JeevesError,
    NoServer,
    NotFound,
)
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runs.admission import Admission
from jeeves_runner.runs.arrival import Arrival, LeftOutRow, Stale, write_all
from jeeves_runner.runs.attempt import Attempt, AttemptBoard
from jeeves_runner.runs.jobs import Job, KnownJobs
from jeeves_runner.runs.precheck import precheck_of
from jeeves_runner.runs.row_notes import start_of
from jeeves_runner.runs.running import RunningRuns
from jeeves_runner.runs.waiting_ends import WaitingEnds
from jeeves_runner.troubles import Trouble

T = TypeVar("T")

log = logging.getLogger(__name__)

_STAYS = (Verdict.START, Verdict.WAIT, Verdict.REPLACE)


class Arrivals:
    """Decides about attempts and gives the decisions their effect, first in the database, then here.

    ``on_ends`` is called when a commit has made rows final, ``on_commit`` after any other one. ``on_failure``
    is called when the database did not take decisions, with the runs that are to be decided about again, but
    not at once: that would fail again. ``on_fenced`` is called when a transaction finds that this runner has
    a successor. ``on_decided`` is called with runs whose rows say by now what was decided. None of the five
    raises. Nothing is decided before ``open`` or after ``close``.
    """

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        writer: Writer,
        epoch: int,
        board: AttemptBoard,
        jobs: KnownJobs,
        admission: Admission,
        running: RunningRuns,
        waiting_ends: WaitingEnds,
        executors: Executors,
        on_ends: Callable[[], None],
        on_commit: Callable[[], None],
        on_failure: Callable[[Sequence[Run]], None],
        on_fenced: Callable[[Fenced], None],
        on_decided: Callable[[Sequence[int]], None],
    ) -> None:
        self._conn = conn
        self._writer = writer
        self._epoch = epoch
        self._board = board
        self._jobs = jobs
        self._admission = admission
        self._running = running
        self._executors = executors
        self._origin = executors.here.as_json()
        self._waiting_ends = waiting_ends
        self._trouble = Trouble(log, over="runs that wait are started and ended again")
        self._on_ends = on_ends
        self._on_commit = on_commit
        self._on_failure = on_failure
        self._on_fenced = on_fenced
        self._on_decided = on_decided
        self._is_open = False

    def open(self) -> None:
        self._is_open = True

    def close(self) -> None:
        self._is_open = False

    def check_open(self) -> None:
        """Raises NoServer while nothing is decided."""
        if not self._is_open:
            raise NoServer("the server is not taking runs", hint="it is starting or stopping")

    # Attempts that wait

    def note_waiting(self, attempts: Sequence[Attempt], why: Why) -> None:
        """Let the rows of attempts that wait say for what."""
        for attempt in attempts:
            self._board.note_why(attempt, why)
        ids = [attempt.run.id for attempt in attempts if attempt.run is not None]
        epoch = self._epoch
        noted = self._writer.submit(lambda tx: run_progress.note_waiting(tx, ids, *why, epoch), durable=False)
        noted.add_done_callback(lambda done: self._noted(done, ids))

    def _noted(self, done: "asyncio.Future[None]", run_ids: Sequence[int]) -> None:
        if done.cancelled():
            return
        if (error := done.exception()) is not None:
            trace = None if isinstance(error, JeevesError) else error
            log.error("for what %d runs wait could not be recorded: %s", len(run_ids), error, exc_info=trace)
            return
        self._on_decided(run_ids)

    def put_in_line(self, attempt: Attempt) -> None:
        """Let an attempt that has its row wait for its turn."""
        if attempt not in self._board:
            self._board.add(attempt)
        self._board.wait(attempt)

    def start(self, attempt: Attempt, job: Job, decision: Decision) -> None:
        """Start an attempt that has waited and may start now."""
        self.carry_in_soon(self._arrive(attempt, job, decision, None))

    # Decisions

    def decide(self, job: Job, attempt: Attempt, entry: RunRequest | None) -> Arrival:
        """About a request that comes now; ``entry`` is None for one that has its row.

        One that is yet to be entered, and does not lapse, is refused by its transaction if the job is paused.
        """
        request = Request(trigger=attempt.trigger, forced=attempt.forced, depth=attempt.depth)
        if attempt.run is None:
            attempt.priority, attempt.pool = job.spec.priority, job.spec.pool
        is_refused = entry is not None and not entry.trigger.lapses
        paused = not is_refused and self._admission.is_paused_now(job)
        decision = self._admission.decide_arriving(job, attempt, request, paused=paused)
        return self._arrive(attempt, job, decision, entry)

    def decide_occurrence(
        self, job: Job, request: Request, occurrence: Occurrence, *, paused: bool
    ) -> Arrival:
        """About a time on the schedule that has come."""
        attempt = Attempt(
            job_id=job.row.id,
            trigger=request.trigger,
            priority=job.spec.priority,
            pool=job.spec.pool,
            due_at=occurrence.scheduled_for,
        )
        decision = self._admission.decide_arriving(job, attempt, request, paused=paused)
        return self._arrive(attempt, job, decision, occurrence)

    async def record(
        self, arrivals: Sequence[Arrival], left_out: Sequence[LeftOutRow] = ()
    ) -> list[Run | None]:
        """Commit decisions and give them their effect; the row of each, None for what was decided before.

        What is ``left_out`` of the same gap is recorded in between, and has no effect here.

        Raises Stale if they have to be made again, and what the database raises.
        """
        if not arrivals and not left_out:
            return []
        return await self._give_effect(arrivals, left_out, self._hand_over(arrivals, left_out))

    def _hand_over(
        self, arrivals: Sequence[Arrival], left_out: Sequence[LeftOutRow]
    ) -> "asyncio.Future[list[Run | None]]":
        """Give decisions to the writer, in the turn of the loop in which they were made.

        So they are committed in the order in which they were made: the transaction of a run that replaces
        others finds the rows that were known when that was decided, and none that was decided about later.
        """
        epoch = self._epoch
        return self._writer.submit(
            lambda tx: write_all(tx, left_out, arrivals, epoch), priority=Priority.START
        )

    async def _give_effect(
        self,
        arrivals: Sequence[Arrival],
        left_out: Sequence[LeftOutRow],
        committed: "asyncio.Future[list[Run | None]]",
    ) -> list[Run | None]:
        """Wait for the commit, and do what follows from it; answer and errors as of ``record``."""
        try:
            rows = await committed
        except BaseException as error:
            self._take_all_back(arrivals, error)
            raise
        for arrival, run in zip(arrivals, rows, strict=True):
            self._take_effect(arrival, run)
        self._on_decided([run.id for run in rows if run is not None])
        # What they wait for may have happened during the commit, and some have freed a slot.
        if left_out or any(map(_ends_runs, arrivals, rows)):
            self._on_ends()
        else:
            self._on_commit()
        return rows

    def _take_all_back(self, arrivals: Sequence[Arrival], error: BaseException) -> None:
        """Undo what decisions did here that could not be committed."""
        is_refused = isinstance(error, Stale | Conflict | InvalidValue | NotFound)
        undecided: list[Run] = []
        for arrival in arrivals:
            run = arrival.attempt.run
            if isinstance(error, Stale):
                self._jobs.forget(arrival.job.row.id)
            if run is None or is_refused or arrival.starts:
                self._take_back(arrival)
            else:
                # Nothing of this decision lasts. In line it would be taken for one that was told to wait.
                self._board.remove(arrival.attempt)
                undecided.append(run)
        if isinstance(error, Fenced):
            self._on_fenced(error)
        if is_refused:
            self._on_ends()  # the slots that were taken for nothing go to the attempts that wait
        else:
            self._on_failure(undecided)

    def _arrive(
        self, attempt: Attempt, job: Job, decision: Decision, entry: Occurrence | RunRequest | None
    ) -> Arrival:
        """Let the board know of a decision. What starts takes its slot in this turn of the loop, and can be
        asked to end from here on."""
        executor = self._executors.of(job.spec)
        precheck = precheck_of(self._executors, job.spec)
        mark = token_hex(16)
        start = start_of(job.spec, precheck or executor, mark, self._origin)
        start = start._replace(token_digest=self._running.api.digest(mark))
        arrival = Arrival(attempt=attempt, job=job, decision=decision, entry=entry, start=start)
        if decision.verdict in _STAYS:
            if attempt not in self._board:
                self._board.add(attempt)
        else:
            self._board.remove(attempt)
        if decision.verdict is Verdict.REPLACE:
            of_job = self._board.of_job(attempt.job_id)
            arrival.replaced = [
                other for other in of_job if other.stage is Stage.RUNNING and not other.is_of_the_past
            ]
        if arrival.starts:
            self._board.take_slot(attempt, executor.name, job.spec.pool)
            self._running.equip(attempt, job, executor, start.mark, precheck)
        return arrival

    def _take_effect(self, arrival: Arrival, run: Run | None) -> None:
        """What a committed decision leads to."""
        attempt = arrival.attempt
        if run is None or run.status.is_final:
            self._take_back(arrival)
        elif run.status is RunStatus.RUNNING:
            self._board.set_run(attempt, run)
        else:
            self._board.set_run(attempt, run)
            self._wait_on(attempt)
            if arrival.decision.verdict is Verdict.REPLACE:
                self._end_replaced(arrival)

    def _take_back(self, arrival: Arrival) -> None:
        """Undo what the decision did here: the attempt waits on, or is forgotten if it has no row or its row
        has ended. If it was asked to end meanwhile, it ends now."""
        attempt, execution = arrival.attempt, arrival.attempt.execution
        attempt.execution = None
        if attempt.run is None:
            self._board.remove(attempt)
            return
        self._wait_on(attempt)
        cause = None if execution is None or not execution.is_asked_to_end() else execution.cause
        if attempt.stage is Stage.WAITING and cause is not None and cause.ends_waiting:
            self._waiting_ends.cancel_for_sure(attempt, cause)

    def _wait_on(self, attempt: Attempt) -> None:
        """Put an attempt in line if its row still waits.

        Its end may have been committed, and seen, before its entry was known here. Its start may have been
        committed although the task that asked for it was cancelled; the next runner settles such a run.
        """
        if attempt.run is None or not self._may_wait(attempt.run.id):
            self._board.remove(attempt)
            return
        self.put_in_line(attempt)

    def _may_wait(self, run_id: int) -> bool:
        """Whether the row waits, as far as can be read. Else the transaction of its start finds it out."""
        try:
            return runs.still_waits(self._conn, run_id)
        except DatabaseError as error:
            log.error("whether run %d waits could not be read: %s", run_id, error)
            return True

    def _end_replaced(self, arrival: Arrival) -> None:
        """Have what it replaces end, if that still runs; what waited, its transaction has cancelled."""
        for other in arrival.replaced:
            if other in self._board and other.stage is Stage.RUNNING:
                self._running.end_soon(other, CancelCause.REPLACED)

    def carry_in_soon(self, arrival: Arrival) -> None:
        """Record a decision about an attempt that has a row, and see it through if it starts.

        If it was to start, and the job has changed meanwhile or the database has not taken it, it waits for
        its turn, and is decided about then. Decided about as if it came now, it would replace what has come
        after it.
        """
        self._running.track(self._carry_in(arrival, self._hand_over([arrival], ())))

    async def _carry_in(self, arrival: Arrival, committed: "asyncio.Future[list[Run | None]]") -> None:
        attempt = arrival.attempt
        try:
            (run,) = await self._give_effect([arrival], (), committed)
        except Stale:
            log.debug("job %s has changed meanwhile; it waits on", attempt.job_id)
            return
        except Fenced:
            return
        except DatabaseError as error:
            self._trouble.met(f"runs that wait can be neither started nor ended: {error}", logging.ERROR)
            return
        self._trouble.over()
        if run is not None and run.status is RunStatus.RUNNING:
            await self._running.carry_out(attempt)


def _ends_runs(arrival: Arrival, run: Run | None) -> bool:
    """Whether the commit of a decision may have made runs final: its own, or those that it replaces."""
    return run is None or run.status.is_final or arrival.decision.verdict is Verdict.REPLACE


@contextmanager
def answering(recorded: "asyncio.Future[T]") -> Iterator[Callable[[T], None]]:
    """What the block gives or raises is the answer to the caller, who may have left."""

    def answer(value: T) -> None:
        if not recorded.done():
            recorded.set_result(value)

    try:
        yield answer
    except BaseException as error:
        if not recorded.done():
            recorded.set_exception(error)
        if not isinstance(error, Exception):
            raise
