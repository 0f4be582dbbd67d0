"""Runs that wait, in their order: each starts as soon as it may, by priority, then age."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from jeeves_runner.clock import Clock
from jeeves_runner.core.model import Reason, RunStatus
from jeeves_runner.core.policy import Decision, Verdict
from jeeves_runner.db.overrides import UNTIL_RESUMED
from jeeves_runner.db.writer import TRY_AGAIN
from jeeves_runner.runs.admission import Admission
from jeeves_runner.runs.arrivals import Arrivals
from jeeves_runner.runs.board import Attempt, Board, Peers, Stage, Why
from jeeves_runner.runs.jobs import KnownJobs
from jeeves_runner.runs.waiting_ends import WaitingEnds

_LONGEST_WAIT = 60.0
"""Seconds after which waiting runs are looked at again, whatever the wall clock promised."""

_TOLD = (Reason.LIMIT, Reason.POOL, Reason.OVERLAP)
"""Reasons to wait whose end this runner itself brings about."""

_SLICE = 0.002
"""Seconds of looking at waiting runs after which the event loop gets its turn."""

_AT_ONCE = 64


class _Pass(Enum):
    """Going through those that wait: as far as there are slots, or to the end of the line."""

    TO_START = auto()
    WHOLE = auto()


@dataclass(slots=True)
class _Found:
    """What a pass has found so far."""

    held: dict[Peers, Why] = field(default_factory=dict)
    """Why the first of each group of peers waits; the others wait for the same."""
    stands_back: bool = False
    """An attempt waits for the one that is about to replace it. Nothing behind it starts in this pass; the
    commit of the other one brings the next pass."""


class WaitingLine:
    """Decides about those who wait whenever a slot is free or their reasons may have changed.

    Nothing starts before ``open`` and after ``close``.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        board: Board,
        jobs: KnownJobs,
        admission: Admission,
        arrivals: Arrivals,
        waiting_ends: WaitingEnds,
    ) -> None:
        self._clock = clock
        self._board = board
        self._jobs = jobs
        self._admission = admission
        self._arrivals = arrivals
        self._waiting_ends = waiting_ends
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

    def review_at(self, when: datetime) -> None:
        """Look at all of them then: the time of a retry comes, also while no slot is free."""
        if self._is_open:
            self._look_again_in(self._seconds_until(when))

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

    def renew_reasons(self, job_id: str, pool: str | None) -> None:
        """After an end, while no slot is free: what waited for that run waits for a slot now, and a review
        would not look at it."""
        if self._is_open and not self._board.slot_free:
            for _ in self._go_through(self._board.held_by(job_id, pool), whole=True):
                continue

    def _look_on(self) -> None:
        until = self._clock.monotonic() + _SLICE
        while self._is_open:
            if self._pass is None:
                if self._wanted is None:
                    return
                whole, self._wanted = self._wanted is _Pass.WHOLE, None
                self._pass = self._go_through(self._board.waiting(), whole)
            try:
                for _ in self._pass:
                    if self._clock.monotonic() > until:
                        asyncio.get_running_loop().call_soon(self._look_on)
                        return
            except Exception:
                # A pass that has failed comes to no end; another one may.
                self._pass = None
                self._look_again_in(TRY_AGAIN)
                raise
            self._pass = None

    def _go_through(self, waiting: list[Attempt], whole: bool) -> Iterator[None]:
        """Decide about each in turn; of those that wait for the same, about the first alone."""
        found = _Found()
        for part in _portions(waiting):
            changed: dict[Why, list[Attempt]] = {}
            for attempt in part:
                is_here = attempt.stage is Stage.WAITING and not attempt.is_ending
                if is_here and (whole or self._board.slot_free):
                    why = self._look_at(attempt, found)
                    if why is not None and why != attempt.why:
                        changed.setdefault(why, []).append(attempt)
            for why, attempts in changed.items():
                self._arrivals.note_waiting(attempts, why)
            if not (whole or self._board.slot_free):
                return
            yield

    def _look_at(self, attempt: Attempt, found: _Found) -> Why | None:
        """Why an attempt goes on waiting; None if it does not, or if nothing new can be said."""
        if attempt.peers in found.held:
            return found.held[attempt.peers]
        job = self._jobs.get(attempt.job_id)
        if job is None:
            return None
        decision = self._admission.decide_waiting(job, attempt)
        delay = self._delay(attempt, decision)
        if delay is not None:
            self._look_again_in(delay)
        if decision.verdict is Verdict.START:
            if not found.stands_back:
                self._arrivals.start(attempt, job, decision)
            return None
        found.stands_back |= decision.verdict is Verdict.STAND_BACK
        if decision.verdict is Verdict.CANCEL:
            self._waiting_ends.end_for_sure(attempt, RunStatus.CANCELLED, decision.reason)
            return None
        if decision.reason is None:
            return None
        why = (decision.reason, decision.ref)
        # The time of a retry is its own.
        if decision.reason is not Reason.RETRY:
            found.held[attempt.peers] = why
        return why

    def _delay(self, attempt: Attempt, decision: Decision) -> float | None:
        """Seconds until time alone may change a decision to wait; None if it cannot."""
        until: datetime | None = None
        if decision.reason is None or decision.reason in _TOLD:
            return None
        if decision.reason is Reason.PAUSED:
            until = self._admission.pauses.end_of(attempt.job_id)
        elif decision.reason is Reason.RETRY and attempt.run is not None:
            until = attempt.run.not_before
        else:  # the disk is full, or the executor takes no more: it must be asked again
            return TRY_AGAIN
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


def _portions(attempts: list[Attempt]) -> Iterator[list[Attempt]]:
    for start in range(0, len(attempts), _AT_ONCE):
        yield attempts[start : start + _AT_ONCE]
