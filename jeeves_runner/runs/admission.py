"""What the policy needs to know, gathered: the job, the board, the pauses, the room on the disk."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypedDict

import apsw

from jeeves_runner.clock import Clock
from jeeves_runner.core.durations import MAX_SPAN_MS
from jeeves_runner.core.gap import GapPlan, catch_up, is_in_window, split
from jeeves_runner.core.needs import Unmet, unmet_of
from jeeves_runner.core.policy import DEPTH_LIMIT, Decision, Facts, Request, Verdict, admit
from jeeves_runner.core.run import PausedTime
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.core.token_budget import day_of, token_use
from jeeves_runner.db import overrides, skips
from jeeves_runner.db.needs import last_ok
from jeeves_runner.db.token_use import tokens_used
from jeeves_runner.execute.contract import Executor
from jeeves_runner.execute.registry import Executors
from jeeves_runner.runs.attempt import Attempt, AttemptBoard
from jeeves_runner.runs.jobs import Job, KnownJobs

_PORTION = 100
"""Occurrences of one gap decided about and committed at once; each costs some 20 µs of the event loop."""


class GapLook(NamedTuple):
    """What becomes of the first portion of a gap."""

    plan: GapPlan
    """Which of its occurrences are to run, and which are not."""
    rest: Due | None
    """What is left to decide about."""
    known_skip: int
    """The newest skip that was known, by its id; 0 for none."""


class _Room(TypedDict):
    slot_free: bool
    full_pool: str | None


class Admission:
    """Decides for one runner, and changes nothing."""

    def __init__(
        self,
        conn: apsw.Connection,
        board: AttemptBoard,
        jobs: KnownJobs,
        executors: Executors,
        clock: Clock,
        disk_full: Callable[[], bool],
        depth_limit: int = DEPTH_LIMIT,
    ) -> None:
        self._conn = conn
        self._board = board
        self._jobs = jobs
        self._executors = executors
        self._clock = clock
        self._disk_full = disk_full
        self._depth_limit = depth_limit
        self.pauses = self._pauses_before = overrides.Pauses()
        self._has_read = False  # the pauses, in this turn of the event loop

    def read_pauses(self) -> bool:
        """Read the pauses again; whether they have changed since this was asked last."""
        before = self._pauses_before
        self.pauses = self._pauses_before = overrides.pauses(self._conn, self._clock.now())
        return before != self.pauses

    def is_in_window(self, job: Job, scheduled_for: datetime) -> bool:
        """Whether an occurrence that has waited for a runner may still run."""
        return is_in_window(scheduled_for, _window(job), self._clock.now())

    def look_at_gap(self, job: Job, due: Due) -> "GapLook":
        """Which of these occurrences are to run and which are not, and what is left to decide about.

        A portion at a time, so that a long gap keeps neither the event loop nor the database for long. By the
        pauses as read last, of which a job that has none costs no further read; and by the skips of now.
        """
        now, policy, window = self._clock.now(), job.spec.catch_up, _window(job)
        pauses: Sequence[PausedTime] = ()
        if self.pauses.may_reach(job.row.id, due.first):
            pauses = overrides.paused_times(self._conn, job.row.id, due.first, due.latest)
        skipped = skips.skipped(self._conn, job.row.id, due.first, due.latest)
        due, rest = split(due, policy, window, now, _PORTION, pauses, skipped.times)
        plan = catch_up(due, policy, window, now, pauses, skipped.times)
        return GapLook(plan, rest, skipped.newest)

    def is_paused_now(self, job: Job) -> bool:
        """Whether the database says so: the person who asks for a run may be the one who has just resumed.

        All who ask in one turn of the event loop are told by one read. Waiting runs are decided about by the
        same pauses from here on.
        """
        if not self._has_read:
            self.pauses = overrides.pauses(self._conn, self._clock.now())
            self._has_read = True
            asyncio.get_running_loop().call_soon(self._next_turn)
        return self._is_paused(job.row.id)

    def _next_turn(self) -> None:
        self._has_read = False

    def decide_arriving(self, job: Job, attempt: Attempt, request: Request, *, paused: bool) -> Decision:
        """About an attempt that has just come due or been asked for."""
        return self._decide(job, attempt, request, paused)

    def decide_waiting(self, job: Job, attempt: Attempt) -> Decision:
        """About an attempt that waits for its turn."""
        request = Request(trigger=attempt.trigger, forced=attempt.forced, depth=attempt.depth, waiting=True)
        return self._decide(job, attempt, request, self._is_paused(attempt.job_id))

    def _decide(self, job: Job, attempt: Attempt, request: Request, paused: bool) -> Decision:
        """Room that has become free belongs to attempts that come first, also while they are being recorded.

        Those that they replace may have left the line by then, and no longer keep their turn for them.
        """
        facts = self._facts(job, attempt, paused)
        decision = admit(request, facts)
        if decision.verdict is not Verdict.START:
            return decision
        slots = places = 0
        for other in filter(self._starts_once_recorded, self._board.arriving_before(attempt)):
            slots += self._executor_of(other.job_id) is self._executors.of(job.spec)
            places += other.pool == job.spec.pool
            decision = admit(request, replace(facts, **self._room(job, slots, places)))
            if decision.verdict is not Verdict.START:
                break
        return decision

    def _starts_once_recorded(self, attempt: Attempt) -> bool:
        job = self._jobs.get(attempt.job_id)
        if job is None:
            return False
        request = Request(trigger=attempt.trigger, forced=attempt.forced, waiting=True, entering=True)
        facts = self._facts(job, attempt, self._is_paused(attempt.job_id))
        return admit(request, facts).verdict is Verdict.START

    def _is_paused(self, job_id: str) -> bool:
        return _is_ahead(self.pauses.end_of(job_id), self._clock.now())

    def _executor_of(self, job_id: str) -> Executor | None:
        job = self._jobs.get(job_id)
        return None if job is None else self._executors.of(job.spec)

    def _facts(self, job: Job, attempt: Attempt, paused: bool) -> Facts:
        others = self._board.others(attempt)
        unmet = self._unmet(job, attempt)
        return Facts(
            live=job.row.deleted_at is None,
            enabled=job.spec.enabled,
            paused=paused,
            overlap=job.spec.overlap_policy,
            running=others.running,
            retrying=others.retrying,
            queued=others.queued,
            of_the_past=others.of_the_past,
            arriving=others.arriving,
            active_run=others.run_id,
            too_early=attempt.run is not None and _is_ahead(attempt.run.not_before, self._clock.now()),
            tokens_spent=self._tokens_spent(job),
            unmet=None if unmet is None else unmet.job,
            may_be_met=unmet is not None and unmet.may_be_met(self._clock.now()),
            disk_full=self._disk_full(),
            depth_limit=self._depth_limit,
            no_room=self._executors.of(job.spec).room(job.spec),
            **self._room(job, 0, 0),
        )

    def waits_for_needs_until(self, attempt: Attempt) -> datetime | None:
        """Until when one that waits for what its job needs goes on waiting; None: it does not."""
        job = self._jobs.get(attempt.job_id)
        unmet = None if job is None else self._unmet(job, attempt)
        return None if unmet is None else unmet.until

    def _unmet(self, job: Job, attempt: Attempt) -> Unmet | None:
        """What the job needs and lacks now, and how long that may be waited for."""
        now, run = self._clock.now(), attempt.run
        due = now if run is None else run.scheduled_for or run.created_at
        find = partial(last_ok, self._conn)
        return unmet_of(job.spec.needs, attempt.trigger, find, attempt.due_at or due, now)

    def _tokens_spent(self, job: Job) -> str | None:
        limit = job.spec.session and job.spec.session.max_tokens_per_day
        if limit is None:
            return None
        day = day_of(self._clock.now(), job.spec.timezone)
        used = tokens_used(self._conn, job.row.id, *day)
        use = token_use(used, limit, day, job.spec.timezone)
        return str(use) if use.is_spent else None

    def _room(self, job: Job, slots: int, places: int) -> _Room:
        """What is left when so many of the executor's slots and of the pool's places are kept for others."""
        return {
            "slot_free": self._board.free_slots(self._executors.of(job.spec).name) > slots,
            "full_pool": self._board.full_pool(job.spec.pool, places),
        }


def _window(job: Job) -> timedelta:
    return timedelta(milliseconds=min(job.spec.catch_up_window_ms, MAX_SPAN_MS))


def _is_ahead(when: datetime | None, now: datetime) -> bool:
    return when is not None and when > now
