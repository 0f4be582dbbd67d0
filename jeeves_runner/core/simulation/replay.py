"""A play of the future: the moments in their order, and what the real decisions make of each.

What is left out: how long it takes to record and to start, full disks, budgets of tokens, prechecks, and
whatever people, queues, changes of files and other programs ask for.
"""

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from jeeves_runner.core.board.entry import Stage
from jeeves_runner.core.board.line_pass import LinePass
from jeeves_runner.core.catching_up import CatchingUp, Late, is_late
from jeeves_runner.core.gap import catch_up, is_in_window, split
from jeeves_runner.core.model import CancelCause, Reason, RunStatus, Trigger
from jeeves_runner.core.policy import Decision, Request, Verdict, admit
from jeeves_runner.core.retrying import retry_delay_ms
from jeeves_runner.core.schedule.timetable import Due, Timetable
from jeeves_runner.core.simulation.moments import Moments
from jeeves_runner.core.simulation.rows import Rows
from jeeves_runner.core.simulation.scenario import Down, OpenRun, Scenario, SimulatedJob, SimulatedRun
from jeeves_runner.core.simulation.standing import Standing

PORTION: Final = 100
"""Occurrences of one gap decided about at once, as a runner does."""

_INSTANT: Final = timedelta(microseconds=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_OF_ITS_OWN: Final = (Reason.RETRY, Reason.NEEDS)
"""Reasons to wait of which each run has its own time."""
_OF_CAUSE: Final = {
    CancelCause.REPLACED: RunStatus.CANCELLED,
    CancelCause.TIMEOUT: RunStatus.TIMEOUT,
    CancelCause.CANCEL: RunStatus.CANCELLED,
}


class Played(NamedTuple):
    """What has come of a scenario."""

    runs: list[SimulatedRun]
    """Every row, in the order of entering. At the end some run or wait."""
    most_running: dict[str, int]
    """By executor, how many ran at once at most."""
    most_in_pool: dict[str, int]
    """The same by pool."""


def play(scenario: Scenario) -> Played:
    """Play a scenario to its end."""
    return _Replay(scenario).play()


class _Replay:
    """One play. Moments are handled one after the other: at each first what ends, then what comes due, then
    what waits."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._now = scenario.begin
        self._jobs = {job.spec.id: job for job in scenario.jobs}
        self._timetable = Timetable()
        self._catching_up = CatchingUp(scenario.catch_up_spread)
        self._standing = Standing(scenario)
        self._board, self._edges = self._standing.board, self._standing.edges
        self._rows = Rows()
        self._moments = Moments(scenario)
        self._requested: deque[SimulatedRun] = deque()

    def play(self) -> Played:
        self._set_up()
        while (moment := self._next_moment()) is not None and moment <= self._scenario.end:
            self._now = moment
            self._end_what_is_over()
            if (down := self._moments.down_by(moment)) is not None:
                if down.end > self._scenario.end:
                    break
                self._go_down(down)
                self._end_what_is_over()
            self._look()
        return Played(self._rows.runs, self._standing.most_running, self._standing.most_in_pool)

    # Moments

    def _set_up(self) -> None:
        for job in self._scenario.jobs:
            if job.schedule is not None:
                self._timetable.put(job.spec.id, job.schedule, job.after)
        for pause in self._standing.pauses:
            self._wake_at(pause.end)
        for each in self._scenario.open_runs:
            self._take_over(each)
        if self._scenario.starts:
            self._start_runner()
        self._wake_at(self._now)

    def _next_moment(self) -> datetime | None:
        moments = (self._moments.next(), self._timetable.next_wake(), self._catching_up.next_wake())
        found = min((each for each in moments if each is not None), default=None)
        return None if found is None else max(found, self._now)

    def _wake_at(self, when: datetime) -> None:
        self._moments.wake_at(when, self._now)

    def _end_what_is_over(self) -> None:
        for run in self._moments.over_by(self._now):
            self._end(run)

    def _look(self) -> None:
        """See to all that this moment brings."""
        if self._moments.woken(self._now):
            for job_id in self._edges.following:
                self._follow(job_id)
            self._review(whole=True)
        portions = deque(self._due_now())
        while True:
            replaced: list[SimulatedRun] = []
            for _ in range(len(portions)):
                rest = self._decide_portion(portions.popleft(), replaced)
                if rest is not None:
                    portions.append(rest)
            self._enter_starts(replaced)
            self._take_up(replaced)
            for run in replaced:
                self._end(run, CancelCause.REPLACED)
            self._review()
            if not portions:
                return

    def _due_now(self) -> list[Due]:
        """What is decided about now: first what is on time, then what is late and has its moment."""
        now, due = self._now, self._timetable.due(self._now)
        if due and is_late(min(due, key=_latest), now):
            late = [Late(each, self._jobs[each.job_id].spec.priority) for each in due if is_late(each, now)]
            self._catching_up.add(late, now)
            due = [each for each in due if not is_late(each, now)]
        if not self._catching_up:
            return due
        return [*map(self._catching_up.joined, due), *self._catching_up.due(now, len(self._jobs))]

    def _go_down(self, down: Down) -> None:
        """The runner dies, and after a while another one makes up for it."""
        self._moments.forget_starts()
        for due in self._catching_up.due(_NEVER, len(self._jobs)):
            self._timetable.put(due.job_id, due.schedule, due.first - _INSTANT)
        self._now = max(down.end, self._now)
        for run in self._board.running():
            if not run.job.outlives:
                self._finish(run, RunStatus.INTERRUPTED)
        self._moments.forget_ended()
        for run in [run for run in self._runs_that_wait() if self._waited_too_long(run)]:
            self._finish(run, RunStatus.MISSED, Reason.LATE)
        self._start_runner()
        self._review()

    def _start_runner(self) -> None:
        for job in self._scenario.jobs:
            if job.spec.on_start and not self._waits_from_a_start(job.spec.id):
                self._moments.start_with_runner(job, self._now)

    def _waits_from_a_start(self, job_id: str) -> bool:
        return any(
            run.stage is Stage.WAITING and run.trigger is Trigger.START for run in self._board.of_job(job_id)
        )

    def _runs_that_wait(self) -> list[SimulatedRun]:
        return [
            run for job_id in self._jobs for run in self._board.of_job(job_id) if run.stage is Stage.WAITING
        ]

    def _waited_too_long(self, run: SimulatedRun) -> bool:
        if not run.trigger.is_occurrence or run.scheduled_for is None:
            return False
        return not is_in_window(run.scheduled_for, run.job.window, self._now)

    # What comes

    def _decide_portion(self, due: Due, replaced: list[SimulatedRun]) -> Due | None:
        """Decide about occurrences of one job, oldest first; what is left of them for later."""
        job, now = self._jobs[due.job_id], self._now
        policy, pauses = job.spec.catch_up, self._standing.pauses_of(due.job_id)
        skips = self._scenario.skips.get(due.job_id, ())
        due, rest = split(due, policy, job.window, now, PORTION, pauses, skips)
        gap = catch_up(due, policy, job.window, now, pauses, skips)
        left = deque(gap.left_out)
        for when, request in gap.wanted():
            while left and left[0].first < when:
                self._rows.leave_out(job, left.popleft(), now)
            self._arrive(job, request, when, replaced)
        for each in left:
            self._rows.leave_out(job, each, now)
        return rest

    def _enter_starts(self, replaced: list[SimulatedRun]) -> None:
        for job_id in self._moments.started_by(self._now):
            self._arrive(self._jobs[job_id], Request(trigger=Trigger.START), None, replaced)

    def _arrive(
        self, job: SimulatedJob, request: Request, when: datetime | None, replaced: list[SimulatedRun]
    ) -> None:
        self._decide(self._rows.new(job, request.trigger, when, self._now), request, replaced)

    def _decide(self, run: SimulatedRun, request: Request, replaced: list[SimulatedRun]) -> None:
        """About a run that comes now. One that was asked for has its row."""
        facts = self._standing.facts(run, self._now)
        decision = admit(request, facts)
        run.overlaps = facts.running + facts.retrying + facts.queued > 0
        if decision.verdict is Verdict.SKIP and run.run_id is not None:
            self._finish(run, RunStatus.SKIPPED, decision.reason, decision.ref)
            return
        if decision.verdict is Verdict.SKIP:
            self._rows.skip(run, decision.reason, decision.ref)
            return
        if run.run_id is None:
            self._rows.keep(run)
            self._board.add(run)
        if decision.verdict is Verdict.REPLACE:
            self._replace(run, replaced)
        if decision.verdict is Verdict.START:
            self._start(run)
        else:
            self._wait(run, decision)

    def _replace(self, by: SimulatedRun, replaced: list[SimulatedRun]) -> None:
        """All others of the job make room: what waits is cancelled, what runs is ended in a moment."""
        for other in [each for each in self._board.of_job(by.job_id) if each is not by]:
            if other.stage is Stage.RUNNING:
                replaced.append(other)
            else:
                self._finish(other, RunStatus.CANCELLED, Reason.REPLACED, str(by.run_id))

    # What follows

    def _follow(self, job_id: str) -> None:
        """Enter the run that follows others, if it may now."""
        found = self._edges.next_of(job_id)
        job = self._jobs[job_id]
        if found is None or not self._standing.may_follow(job_id, job.spec.overlap_policy, self._now):
            return
        self._edges.consume(job_id)
        run = self._rows.new(job, Trigger.AFTER, found.scheduled_for, self._now)
        run.depth, run.caused_by = found.depth, found.caused_by
        self._rows.keep(run)
        self._board.add(run)
        self._requested.append(run)

    def _take_up(self, replaced: list[SimulatedRun]) -> None:
        """Decide about the runs that were entered for what others have ended."""
        while self._requested:
            run = self._requested.popleft()
            if run.stage is Stage.ARRIVING:  # none that came later has replaced it
                self._decide(run, Request(trigger=run.trigger, depth=run.depth), replaced)

    # What waits

    def _review(self, *, whole: bool = False) -> None:
        """Start what can start, by priority, then age, as long as there is a slot; or look at all."""
        waiting = self._board.waiting
        if waiting.first_after(None) is None:
            return
        found: LinePass[SimulatedRun] = LinePass()
        while (whole or self._board.slot_free) and (
            run := found.next(waiting.first_after(found.last))
        ) is not None:
            following = waiting.next_of_group(run)
            request = Request(trigger=run.trigger, forced=run.forced, depth=run.depth, waiting=True)
            decision = admit(request, self._standing.facts(run, self._now))
            if decision.verdict is Verdict.START:
                self._start(run)
            elif decision.verdict is Verdict.SKIP:
                self._finish(run, RunStatus.SKIPPED, decision.reason, decision.ref)
            elif decision.verdict is Verdict.WAIT:
                self._wait(run, decision)
            if decision.verdict is not Verdict.WAIT or decision.reason in _OF_ITS_OWN:
                found.look_later_at(following)

    def _wait(self, run: SimulatedRun, decision: Decision) -> None:
        run.reason, run.reason_ref = decision.reason, decision.ref
        if decision.reason is not Reason.RETRY:
            run.waited_for = decision.reason
        if run.stage is not Stage.WAITING:
            self._board.wait(run)
        if decision.reason is Reason.NEEDS:
            unmet = self._edges.unmet(run, self._now)
            if unmet is not None and unmet.until is not None:
                self._wake_at(unmet.until)

    # What runs

    def _start(self, run: SimulatedRun) -> None:
        now = self._now
        run.status, run.started_at, run.reason, run.reason_ref = RunStatus.RUNNING, now, None, None
        self._standing.take_slot(run)
        self._carry_out(run, now)

    def _carry_out(self, run: SimulatedRun, since: datetime) -> None:
        """Begin the work of a run that has its slot."""
        run.ended = self._scenario.work(run)
        after = run.job.timeout if run.is_too_long else run.ended.after
        run.ends_at = max(since + after, self._now)
        self._moments.end_at(run.ends_at, run)

    def _end(self, run: SimulatedRun, cause: CancelCause | None = None) -> None:
        """The work is over: by itself, because it took too long, or for a cause."""
        if run.stage is not Stage.RUNNING:
            return
        ended = run.ended
        if cause is None and run.is_too_long:
            cause = CancelCause.TIMEOUT
        if cause is not None:
            self._finish(run, _OF_CAUSE[cause])
        elif ended is not None:
            run.exit_code = ended.exit_code
            self._finish(run, ended.status, ended.reason)
        self._review()
        if self._requested:
            replaced: list[SimulatedRun] = []
            self._take_up(replaced)
            for each in replaced:
                self._end(each, CancelCause.REPLACED)

    def _finish(
        self, run: SimulatedRun, status: RunStatus, reason: Reason | None = None, ref: str | None = None
    ) -> None:
        """A run is over. A failed one may be tried again; else its chain is over, and others may follow."""
        was_running = run.stage is Stage.RUNNING
        self._board.remove(run)
        run.status, run.reason, run.reason_ref, run.finished_at = status, reason, ref, self._now
        self._edges.ended(run)
        delay = retry_delay_ms(run.job.spec.retries, status, run.exit_code, run.attempt)
        if was_running and delay is not None:
            self._retry(run, timedelta(milliseconds=delay))
            return
        for job_id in self._edges.over(run):
            self._follow(job_id)

    def _retry(self, run: SimulatedRun, delay: timedelta) -> None:
        retry = self._rows.new(run.job, Trigger.RETRY, run.scheduled_for, self._now)
        retry.attempt, retry.chain_id = run.attempt + 1, run.chain_id or run.run_id
        retry.depth, retry.caused_by = run.depth, run.caused_by
        retry.not_before, retry.reason = self._now + delay, Reason.RETRY
        self._rows.keep(retry)
        self._board.add(retry)
        self._board.wait(retry)
        self._wake_at(retry.not_before)

    # Rows

    def _take_over(self, each: OpenRun) -> None:
        """Go on with what has begun before the play. What has already taken longer than it usually does is
        taken to end now."""
        job = self._jobs.get(each.job_id)
        if job is None:
            return
        run = self._rows.new(job, each.trigger, each.scheduled_for, each.created_at)
        self._rows.keep(run)
        run.attempt, run.forced, run.depth = each.attempt, each.forced, each.depth
        run.not_before = each.not_before
        self._board.add(run)
        if each.started_at is None:
            self._board.wait(run)
            if run.not_before is not None:
                self._wake_at(run.not_before)
            return
        run.status, run.started_at = RunStatus.RUNNING, each.started_at
        self._standing.take_slot(run)
        self._carry_out(run, each.started_at)


def _latest(due: Due) -> datetime:
    return due.latest
