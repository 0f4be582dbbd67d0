"""From a request to a recorded decision: gathers the facts, asks the policy, writes what it says."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.model import CatchUp, Run, RunStatus, Trigger
from jeeves_runner.core.policy import (
    Decision,
    Facts,
    Missed,
    Request,
    Verdict,
    admit,
    catch_up,
    is_in_window,
    split,
)
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.core.specs import SpecError, job_from_text
from jeeves_runner.db import overrides, runs
from jeeves_runner.db.jobs import JobRow, job_row
from jeeves_runner.db.runner import check_epoch
from jeeves_runner.db.runs import NewRun
from jeeves_runner.db.transaction import Tx
from jeeves_runner.runs.board import Attempt, Board, Stage
from jeeves_runner.runs.execution import Job

log = logging.getLogger(__name__)

_PORTION = 100
"""Occurrences of one gap decided about and committed at once; each costs some 20 µs of the event loop."""


class Stale(Exception):
    """The job has changed between a decision and its transaction."""


@dataclass(slots=True, eq=False)
class Step:
    """One decision on its way into the database; ``run`` is the row it has become there.

    ``decision`` is None for occurrences that are ``missed``. ``victims`` are the waiting runs that
    this one replaces.
    """

    job: Job
    decision: Decision | None
    new: NewRun
    attempt: Attempt
    mark: str
    missed: Missed | None = None
    victims: tuple[int, ...] = ()
    run: Run | None = None

    def write(self, tx: Tx) -> Run | None:
        """The row, or None if the occurrence has been decided before. Raises Stale."""
        run = self._write(tx)
        if run is None and not runs.spec_is_current(tx, self.new):
            raise Stale
        return run

    def _write(self, tx: Tx) -> Run | None:
        if self.decision is None:
            reason = None if self.missed is None else self.missed.reason
            return runs.insert_run(tx, self.new, RunStatus.MISSED, reason)
        match self.decision.verdict:
            case Verdict.START:
                return runs.insert_run(tx, self.new, RunStatus.RUNNING, mark=self.mark)
            case Verdict.SKIP:
                return runs.skip(tx, self.new, self.decision.reason)
            case _:
                for run_id in self.victims:
                    runs.end_waiting(tx, run_id, RunStatus.CANCELLED, "replaced")
                return runs.insert_run(tx, self.new, RunStatus.SCHEDULED, self.decision.reason)


def write_steps(tx: Tx, steps: Sequence[Step], epoch: int) -> list[Run | None]:
    """Record decisions about one job, oldest occurrence first. Raises Fenced and Stale."""
    check_epoch(tx, epoch)
    return [step.write(tx) for step in steps]


class Admission:
    """Decides for one runner. A decision to start takes its slot on the board at once.

    Jobs are read once and kept: a transaction that finds another spec raises Stale, and
    ``forget`` makes the next decision read again.
    """

    def __init__(
        self,
        conn: apsw.Connection,
        board: Board,
        clock: Clock,
        epoch: int,
        disk_full: Callable[[], bool],
    ) -> None:
        self._conn = conn
        self._board = board
        self._clock = clock
        self._epoch = epoch
        self._disk_full = disk_full
        self._jobs: dict[str, Job] = {}
        self._damaged: set[str] = set()
        self.pauses = overrides.Pauses()

    def job(self, job_id: str) -> Job | None:
        """The job as last read, deleted or not; None if there never was one of that name, or if its row
        cannot be read."""
        job = self._jobs.get(job_id)
        if job is None and (row := job_row(self._conn, job_id)) is not None:
            job = self._read(row)
        return job

    def _read(self, row: JobRow) -> Job | None:
        try:
            job = self._jobs[row.id] = Job(row, job_from_text(row.spec_text))
        except SpecError as error:
            if row.id not in self._damaged:
                self._damaged.add(row.id)
                log.error("job %s cannot run until an apply has healed its row: %s", row.id, error)
            return None
        return job

    def is_damaged(self, job_id: str) -> bool:
        """Whether there is such a job, and its row cannot be read."""
        return job_id in self._damaged

    def forget(self, job_id: str) -> None:
        """Read the job again when it is needed."""
        self._jobs.pop(job_id, None)
        self._damaged.discard(job_id)

    def read_pauses(self) -> bool:
        """Read the pauses again; whether they have changed."""
        before, self.pauses = self.pauses, overrides.pauses(self._conn, self._clock.now())
        return before != self.pauses

    def is_in_window(self, job: Job, scheduled_for: datetime) -> bool:
        """Whether an occurrence that has waited for a runner may still run."""
        return is_in_window(scheduled_for, _window(job), self._clock.now())

    def decide_manual(self, job: Job, params: Mapping[str, str] | None, forced: bool) -> Step:
        """About a trigger by hand."""
        text = json.dumps(dict(params), ensure_ascii=False) if params else None
        request = Request(trigger=Trigger.MANUAL, forced=forced)
        return self._fresh(job, request, paused=self._is_paused_now(job), params=text)

    def decide_due(self, job: Job, due: Due) -> tuple[list[Step], Due | None]:
        """About occurrences of a job whose time has come, oldest first; and what is left to decide about.

        A portion at a time, so that a long gap keeps neither the event loop nor the database for long.
        """
        if job.row.deleted_at is not None or not job.spec.enabled:
            return [], None
        now = self._clock.now()
        due, rest = split(due, job.spec.catch_up, _window(job), now, _PORTION)
        gap = catch_up(due, job.spec.catch_up, _window(job), now)
        every = job.spec.catch_up is CatchUp.ALL
        paused = self._is_paused_now(job)
        steps = [] if gap.missed is None else [self._missed(job, gap.missed)]
        for when, trigger in gap.wanted():
            request = Request(trigger=trigger, every=every and trigger is Trigger.CATCH_UP)
            steps.append(self._fresh(job, request, when, paused=paused))
        return steps, rest

    def decide_requested(self, job: Job, attempt: Attempt) -> Decision:
        """About a run that another program asked for by its row: nobody is there to be refused."""
        request = Request(trigger=attempt.trigger, forced=attempt.forced)
        decision = admit(request, self._facts(job, attempt, paused=self._is_paused(attempt)))
        if decision.verdict is not Verdict.REFUSE:
            return decision
        return Decision(Verdict.WAIT if decision.reason == "paused" else Verdict.CANCEL, decision.reason)

    def decide_waiting(self, job: Job, attempt: Attempt) -> Decision:
        """About a run that waits for its turn."""
        request = Request(trigger=attempt.trigger, forced=attempt.forced, waiting=True)
        return admit(request, self._facts(job, attempt, paused=self._is_paused(attempt)))

    def _fresh(
        self,
        job: Job,
        request: Request,
        when: datetime | None = None,
        *,
        paused: bool,
        params: str | None = None,
    ) -> Step:
        """Decide about a first attempt, and let the board know what comes of it."""
        attempt = Attempt(job_id=job.row.id, trigger=request.trigger, forced=request.forced)
        decision = admit(request, self._facts(job, attempt, paused=paused))
        new = NewRun(
            job_id=job.row.id,
            spec_hash=job.row.spec_hash,
            trigger=request.trigger,
            epoch=self._epoch,
            scheduled_for=when,
            params=params,
            forced=request.forced,
            priority=job.spec.priority,
            pool=job.spec.pool,
        )
        step = Step(job=job, decision=decision, new=new, attempt=attempt, mark=token_hex(16))
        if decision.verdict is Verdict.REPLACE:
            waiting = (o.run for o in self._board.of_job(job.row.id) if o.stage is Stage.WAITING)
            step.victims = tuple(run.id for run in waiting if run is not None)
        if decision.verdict in (Verdict.START, Verdict.WAIT, Verdict.REPLACE):
            self._board.add(attempt)
        if decision.verdict is Verdict.START:
            self._board.take_slot(attempt, job.spec.pool)
        return step

    def _missed(self, job: Job, missed: Missed) -> Step:
        new = NewRun(
            job_id=job.row.id,
            spec_hash=job.row.spec_hash,
            trigger=Trigger.SCHEDULE,
            epoch=self._epoch,
            scheduled_for=missed.first,
            last_for=missed.last,
            occurrences=missed.count,
        )
        attempt = Attempt(job_id=job.row.id, trigger=Trigger.SCHEDULE)
        return Step(job=job, decision=None, new=new, attempt=attempt, mark="", missed=missed)

    def _facts(self, job: Job, attempt: Attempt, *, paused: bool) -> Facts:
        others = self._board.others(attempt)
        return Facts(
            live=job.row.deleted_at is None,
            enabled=job.spec.enabled,
            paused=paused,
            overlap=job.spec.overlap_policy,
            running=others.running,
            retrying=others.retrying,
            queued=others.queued,
            too_early=attempt.run is not None and _is_ahead(attempt.run.not_before, self._clock.now()),
            slot_free=self._board.slot_free,
            full_pool=self._board.full_pool(job.spec.pool),
            disk_full=self._disk_full(),
        )

    def _is_paused_now(self, job: Job) -> bool:
        """Whether the database says so: who asks for a run at once may have been the one who resumed."""
        return overrides.job_is_paused(self._conn, job.row.id, self._clock.now())

    def _is_paused(self, attempt: Attempt) -> bool:
        return _is_ahead(self.pauses.end_of(attempt.job_id), self._clock.now())


_LONGEST_WINDOW_MS = 10 * 365 * 86_400_000


def _window(job: Job) -> timedelta:
    return timedelta(milliseconds=min(job.spec.catch_up_window_ms, _LONGEST_WINDOW_MS))


def _is_ahead(when: datetime | None, now: datetime) -> bool:
    return when is not None and when > now
