"""Runs that wait, in their order: each starts as soon as it may, by priority, then age."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto

from jeeves_runner.clock import Clock, Slice
from jeeves_runner.core.board.entry import Peers, Stage
from jeeves_runner.core.board.line_pass import LinePass
from jeeves_runner.core.model import Reason, RunStatus
from jeeves_runner.core.policy import Decision, Verdict
from jeeves_runner.db.overrides import UNTIL_RESUMED
from jeeves_runner.db.writer import TRY_AGAIN
from jeeves_runner.runs.admission import Admission
from jeeves_runner.runs.arrivals import Arrivals
from jeeves_runner.runs.attempt import Attempt, AttemptBoard
from jeeves_runner.runs.jobs import KnownJobs
from jeeves_runner.runs.waiting_ends import WaitingEnds

_LONGEST_WAIT = 60.0
"""Seconds after which waiting runs are looked at again, whatever the wall clock promised."""

_TOLD = (Reason.LIMIT, Reason.POOL, Reason.OVERLAP)
"""Reasons to wait whose end this runner itself brings about."""

_AT_ONCE = 64
"""Waiting runs whose reason is noted in one write."""


class _Pass(Enum):
    """Going through the attempts that wait: as far as there are slots, or to the end of the line."""

    TO_START = auto()
    WHOLE = auto()


class WaitingLine:
    """Decides about waiting attempts whenever a slot is free or their reasons may have changed.

    Nothing starts before ``open`` or after ``close``.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        board: AttemptBoard,
        jobs: KnownJobs,
        admission: Admission,
        arrivals: Arrivals,
        waiting_ends: WaitingEnds,
        follow_renames: Callable[[Sequence[str]], bool],
    ) -> None:
        """``follow_renames``: see to it that attempts of jobs that are gone have the job that they belong
        to now; whether one was moved."""
        self._follow_renames = follow_renames
        self._clock = clock
        self._slice = Slice(clock)
        self._board = board
        self._jobs = jobs
        self._admission = admission
        self._arrivals = arrivals
        self._waiting_ends = waiting_ends
        self._is_open = False
        self._timer: asyncio.TimerHandle | None = None
        self._pass: Iterator[None] | None = None
        self._wanted: _Pass | None = None
        self._to_renew: dict[Peers, None] = {}

    def open(self) -> None:
        self._is_open = True
        self.review(all_of_them=True)

    def close(self) -> None:
        self._is_open = False
        self._pass = self._wanted = None
        self._to_renew = {}
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
            self._to_renew |= dict.fromkeys(self._board.waiting.held_by(job_id, pool))
            if self._pass is None:
                self._look_on()

    def _look_on(self) -> None:
        self._slice.begin()
        while self._is_open:
            self._pass = self._pass or self._next_pass()
            if self._pass is None:
                return
            try:
                for _ in self._pass:
                    if self._slice.is_over:
                        asyncio.get_running_loop().call_soon(self._look_on)
                        return
            except Exception:  # whatever it is, another pass is begun: this one comes to no end
                # The caller's log tells of it, or that of the event loop where it has called this.
                self._pass = None
                self._look_again_in(TRY_AGAIN)
                raise
            self._pass = None

    def _next_pass(self) -> Iterator[None] | None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            return self._go_through(whole=wanted is _Pass.WHOLE)
        if self._to_renew:
            groups, self._to_renew = self._to_renew, {}
            return self._go_through_groups(groups)
        return None

    def _go_through(self, *, whole: bool) -> Iterator[None]:
        """Decide about attempts in turn; of those that wait for the same, about the first alone."""
        found, waiting = LinePass[Attempt](), self._board.waiting
        while (whole or self._board.slot_free) and (
            attempt := found.next(waiting.first_after(found.last))
        ) is not None:
            yield from self._look_at(attempt, found)
        yield from self._note(found)

    def _go_through_groups(self, groups: Iterable[Peers]) -> Iterator[None]:
        """The same for these groups alone, to their end."""
        found = LinePass[Attempt]()
        for peers in groups:
            found.look_later_at(self._board.waiting.first_of(peers))
        while (attempt := found.next(None)) is not None:
            yield from self._look_at(attempt, found)
        yield from self._note(found)

    def _look_at(self, attempt: Attempt, found: LinePass[Attempt]) -> Iterator[None]:
        """Decide about one. While something is yet to be noted, the event loop does not get its turn."""
        is_here = attempt.stage is Stage.WAITING and not attempt.is_ending
        if not is_here or self._decide(attempt, found):
            found.look_later_at(self._board.waiting.next_of_group(attempt))
        if sum(map(len, found.changed.values())) >= _AT_ONCE:
            yield from self._note(found)
        elif not found.changed:
            yield

    def _decide(self, attempt: Attempt, found: LinePass[Attempt]) -> bool:
        """Start an attempt, or find why it goes on waiting, and with it those of its group behind it; whether
        the next one of these may have another fate."""
        job = self._jobs.get(attempt.job_id)
        if job is None:
            return False
        decision = self._admission.decide_waiting(job, attempt)
        delay = self._delay(attempt, decision)
        if delay is not None:
            self._look_again_in(delay)
        if decision.verdict is Verdict.START:
            if not found.stands_back:
                self._arrivals.start(attempt, job, decision)
            return not found.stands_back
        found.stands_back |= decision.verdict is Verdict.STAND_BACK
        if decision.verdict is Verdict.CANCEL:
            return self._cancel(attempt, decision)
        if decision.verdict is Verdict.SKIP:
            self._waiting_ends.end_for_sure(
                attempt, RunStatus.SKIPPED, decision.reason, decision.message, decision.ref
            )
            return True
        if decision.reason is None:
            return False
        why = (decision.reason, decision.ref)
        is_its_own = decision.reason in (Reason.RETRY, Reason.NEEDS)  # each has its own time
        if not is_its_own:
            found.note(self._board.waiting.noted_otherwise(attempt, why), why)
        elif attempt.why != why:
            found.note([attempt], why)
        return is_its_own

    def _cancel(self, attempt: Attempt, decision: Decision) -> bool:
        """As ``_decide``, of a job that is gone, or that may only have another id by now."""
        if decision.reason is Reason.DELETED and self._follow_renames([attempt.job_id]):
            self._look_again_in(0)
            return False
        self._waiting_ends.end_for_sure(attempt, RunStatus.CANCELLED, decision.reason)
        return True

    def _note(self, found: LinePass[Attempt]) -> Iterator[None]:
        """Note for what attempts wait now, bit by bit."""
        for why, attempts in found.changed.items():
            for start in range(0, len(attempts), _AT_ONCE):
                portion = attempts[start : start + _AT_ONCE]
                self._arrivals.note_waiting([each for each in portion if each.stage is Stage.WAITING], why)
                yield
        found.changed.clear()

    def _delay(self, attempt: Attempt, decision: Decision) -> float | None:
        """Seconds until time alone may change a decision to wait; None if it cannot."""
        until: datetime | None = None
        if decision.reason is None or decision.reason in _TOLD:
            return None
        if decision.reason is Reason.PAUSED:
            until = self._admission.pauses.end_of(attempt.job_id)
        elif decision.reason is Reason.RETRY and attempt.run is not None:
            until = attempt.run.not_before
        elif decision.reason is Reason.NEEDS:
            until = self._admission.waits_for_needs_until(attempt)
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
