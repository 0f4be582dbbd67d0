"""Runs that wait: taken up from the database, started in their turn, or ended without a start."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import Enum, auto
from secrets import token_hex

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.model import Run, RunStatus, Trigger
from jeeves_runner.core.policy import Decision, Verdict
from jeeves_runner.db import runs, runs_read
from jeeves_runner.db.overrides import UNTIL_RESUMED
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.writer import Priority, Writer
from jeeves_runner.errors import DatabaseError, Fenced
from jeeves_runner.runs.admission import Admission
from jeeves_runner.runs.board import Attempt, Board, Line, Stage
from jeeves_runner.runs.execution import Execution, Job
from jeeves_runner.runs.work import Work

log = logging.getLogger(__name__)

_LONGEST_WAIT = 60.0
"""Seconds after which waiting runs are looked at again, whatever the wall clock promised."""

_AGAIN = 1.0
"""Seconds until a run that the database or a full disk kept from starting is looked at again."""


_SLICE = 0.002
"""Seconds of looking at waiting runs after which the event loop gets its turn."""

_AT_ONCE = 64


class _Pass(Enum):
    """Going through those that wait: as far as there are slots, or to the end of the line."""

    TO_START = auto()
    WHOLE = auto()


class WaitingRuns:
    """Starts what waits as soon as it may start, by priority, then age.

    ``on_start`` and ``on_end`` are called with a row after the commit that started the run or
    ended its wait. Nothing starts before ``open`` and after ``close``.
    """

    def __init__(
        self,
        *,
        conn: apsw.Connection,
        writer: Writer,
        clock: Clock,
        epoch: int,
        board: Board,
        admission: Admission,
        work: Work,
        on_start: Callable[[Run], None],
        on_end: Callable[[Run], None],
        on_fenced: Callable[[Fenced], None],
    ) -> None:
        self._conn = conn
        self._writer = writer
        self._clock = clock
        self._epoch = epoch
        self._board = board
        self._admission = admission
        self._work = work
        self._on_start = on_start
        self._on_end = on_end
        self._on_fenced = on_fenced
        self._is_open = False
        self._timer: asyncio.TimerHandle | None = None
        self._pass: Iterator[None] | None = None
        self._wanted: _Pass | None = None

    def open(self) -> None:
        self._is_open = True
        self.review(all_of_them=True)

    def close(self) -> None:
        self._is_open = False
        self._pass = self._wanted = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def enter(self, run: Run) -> Attempt:
        """Put a row that waits in line."""
        attempt = Attempt.of(run)
        self._board.add(attempt)
        self._board.set_run(attempt, run)
        self._board.wait(attempt)
        return attempt

    def enter_retry(self, run: Run) -> None:
        """Put the next attempt of a chain in line, and come back to it when its time has come."""
        self.enter(run)
        if run.not_before is not None:
            self._look_again_in(self._seconds_until(run.not_before))

    async def take_up(self, run: Run) -> None:
        """At start-up: what waited for the last runner waits on, or is missed if it waited too long."""
        attempt = self.enter(run)
        job = self._admission.job(run.job_id)
        if job is None or run.trigger not in (Trigger.SCHEDULE, Trigger.CATCH_UP) or not run.scheduled_for:
            return
        if not self._admission.is_in_window(job, run.scheduled_for):
            await self.end(attempt, RunStatus.MISSED, "late")

    def admit_requested(self, run: Run) -> None:
        """Decide about a run that another program asked for."""
        if self._board.get(run.id) is not None:
            return
        attempt = self.enter(run)
        job = self._admission.job(run.job_id)
        if job is None:  # its row was damaged by hand: the run waits for the apply that heals it
            return
        decision = self._admission.decide_requested(job, attempt)
        match decision.verdict:
            case Verdict.SKIP:
                self._work.track(self.end(attempt, RunStatus.SKIPPED, decision.reason))
            case Verdict.REPLACE:
                for other in list(self._board.of_job(run.job_id)):
                    if other is not attempt and other.stage is Stage.WAITING:
                        self._work.track(self.end(other, RunStatus.CANCELLED, "replaced"))
                self.end_running_others(attempt)
            case _:
                reason = self._act(attempt, job, decision)
                if reason is not None:
                    self._note_reason([attempt], reason)

    def end_running_others(self, attempt: Attempt) -> None:
        """This attempt replaces whatever of its job runs."""
        for other in list(self._board.of_job(attempt.job_id)):
            if other is not attempt and other.stage is Stage.RUNNING:
                self._work.track(self._work.end(other, "replaced"))

    def review(self, *, all_of_them: bool = False) -> None:
        """Start what can start now; arm the timer for what time alone can start.

        While no slot is free nothing can start, so looking on is worth it only when the reasons
        to wait may have changed. A long line is gone through in slices between which the event
        loop has its turn; asked for meanwhile, another pass follows.
        """
        if not self._is_open:
            return
        if all_of_them or self._wanted is None:
            self._wanted = _Pass.WHOLE if all_of_them else _Pass.TO_START
        if self._pass is None:
            self._look_on()

    def _look_on(self) -> None:
        until = self._clock.monotonic() + _SLICE
        while self._is_open:
            if self._pass is None:
                if self._wanted is None:
                    return
                whole, self._wanted = self._wanted is _Pass.WHOLE, None
                self._pass = self._go_through(self._board.waiting(), whole)
            for _ in self._pass:
                if self._clock.monotonic() > until:
                    asyncio.get_running_loop().call_soon(self._look_on)
                    return
            self._pass = None

    def _go_through(self, waiting: list[Attempt], whole: bool) -> Iterator[None]:
        """Decide about each in turn, or about the first of a line if all behind it wait for the same."""
        held: dict[Line, str] = {}
        for part in _portions(waiting):
            changed: dict[str, list[Attempt]] = {}
            for attempt in part:
                if attempt.stage is Stage.WAITING and (whole or self._board.slot_free):
                    reason = self._look_at(attempt, held, whole)
                    if reason is not None and reason != attempt.reason:
                        changed.setdefault(reason, []).append(attempt)
            for reason, attempts in changed.items():
                self._note_reason(attempts, reason)
            if not (whole or self._board.slot_free):
                return
            yield

    def _look_at(self, attempt: Attempt, held: dict[Line, str], whole: bool) -> str | None:
        """Why an attempt goes on waiting; None if it does not, or if nobody wants to know."""
        if attempt.line in held:
            return held[attempt.line] if whole else None
        reason = self._decide(attempt)
        # The time of a retry is its own.
        if reason is not None and reason != "retry":
            held[attempt.line] = reason
        return reason

    def _decide(self, attempt: Attempt) -> str | None:
        """Act on the decision about an attempt that waits; why it goes on waiting, if it does."""
        job = self._admission.job(attempt.job_id)
        if job is None:
            return None
        decision = self._admission.decide_waiting(job, attempt)
        delay = self._delay(attempt, decision)
        if delay is not None:
            self._look_again_in(delay)
        return self._act(attempt, job, decision)

    async def end(self, attempt: Attempt, status: RunStatus, reason: str) -> None:
        """Record that a waiting run will not start. Without effect if it has started or ended."""
        run = attempt.run
        if run is None:
            return
        ended = await self._writer.write(
            lambda tx: runs.end_waiting(tx, run.id, status, reason), priority=Priority.OUTCOME
        )
        if ended is not None and attempt.stage is Stage.WAITING:
            self._forget(attempt, ended)
            self.review()

    async def drop_ended(self, job_id: str) -> None:
        """Forget the waiting runs of a job whose rows say that they are over."""
        waiting = [each for each in self._board.of_job(job_id) if each.stage is Stage.WAITING]
        if not waiting:
            return
        still = runs_read.waiting_ids(self._conn, job_id)
        for part in _portions(
            [each for each in waiting if each.run is not None and each.run.id not in still]
        ):
            for attempt in part:
                self.drop_if_ended(attempt)
            await asyncio.sleep(0)

    def drop_if_ended(self, attempt: Attempt) -> None:
        """Forget a waiting run whose row says that it is over; the slots are the caller's to offer."""
        if attempt.stage is not Stage.WAITING or attempt.run is None:
            return
        run = runs_read.run(self._conn, attempt.run.id)
        if run is not None and run.status.is_final:
            self._forget(attempt, run)

    def _forget(self, attempt: Attempt, ended: Run) -> None:
        self._board.remove(attempt)
        self._on_end(ended)

    def _act(self, attempt: Attempt, job: Job, decision: Decision) -> str | None:
        """Why the attempt goes on waiting, if it does."""
        match decision.verdict:
            case Verdict.START:
                self._board.take_slot(attempt, job.spec.pool)
                # In the same turn: from here on a request for its end has something to end.
                execution = self._work.equip(attempt, job, token_hex(16))
                self._work.track(self._start(attempt, job, execution))
                return None
            case Verdict.CANCEL:
                self._work.track(self.end(attempt, RunStatus.CANCELLED, f"job {decision.reason}"))
                return None
            case _:
                return decision.reason

    def _note_reason(self, attempts: list[Attempt], reason: str) -> None:
        for attempt in attempts:
            attempt.reason = reason
        ids = [attempt.run.id for attempt in attempts if attempt.run is not None]
        self._writer.post(lambda tx: runs.set_reason(tx, ids, reason), durable=False)

    def _delay(self, attempt: Attempt, decision: Decision) -> float | None:
        """Seconds until time alone may change a decision to wait; None if it cannot."""
        until: datetime | None = None
        if decision.reason == "disk_full":
            return _AGAIN
        if decision.reason == "paused":
            until = self._admission.pauses.end_of(attempt.job_id)
        elif decision.reason == "retry" and attempt.run is not None:
            until = attempt.run.not_before
        return None if until in (None, UNTIL_RESUMED) else self._seconds_until(until)

    def _seconds_until(self, when: datetime) -> float:
        return max(0.0, (when - self._clock.now()) / timedelta(seconds=1))

    def _look_again_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        when = loop.time() + min(seconds, _LONGEST_WAIT)
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.review(all_of_them=True)

    async def _start(self, attempt: Attempt, job: Job, execution: Execution) -> None:
        """Start a run that has its slot, and see it through."""
        try:
            run = await self._record_start(attempt, job, execution.mark)
        except Fenced as fenced:
            self._board.remove(attempt)
            self._on_fenced(fenced)
            return
        except DatabaseError as error:
            log.error("a waiting run of %s could not be started: %s", attempt.job_id, error)
            await self._wait_again(attempt, execution)
            self._look_again_in(_AGAIN)
            return
        if run is None:
            # The row was ended, or the job changed, while the start was on its way.
            self._admission.forget(attempt.job_id)
            await self._wait_again(attempt, execution)
            self.drop_if_ended(attempt)
            self.review(all_of_them=True)
            return
        self._board.set_run(attempt, run)
        self._on_start(run)
        await self._work.carry_out(attempt)

    async def _record_start(self, attempt: Attempt, job: Job, mark: str) -> Run | None:
        before, spec_hash, epoch = attempt.run, job.row.spec_hash, self._epoch

        def op(tx: Tx) -> Run | None:
            check_epoch(tx, epoch)
            if before is None:
                return None
            return runs.start_waiting(tx, before.id, spec_hash=spec_hash, mark=mark, epoch=epoch)

        return await self._writer.write(op, priority=Priority.START)

    async def _wait_again(self, attempt: Attempt, execution: Execution) -> None:
        """Give the slot back; whoever wanted the end of what was about to start gets it."""
        attempt.execution = None
        self._board.wait(attempt)
        if execution.is_asked_to_end():
            await self.end(attempt, RunStatus.CANCELLED, execution.cause or "cancel")


def _portions(attempts: list[Attempt]) -> Iterator[list[Attempt]]:
    for start in range(0, len(attempts), _AT_ONCE):
        yield attempts[start : start + _AT_ONCE]
