"""A play of the future: the moments in their order, and what the real decisions make of each.

What is left out: how long it takes to record and to start, full disks, budgets of tokens, prechecks, and
whatever people and other programs ask for.
"""

from collections import deque
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import chain
from typing import Final, NamedTuple

from jeeves_runner.core.board.board import Board
from jeeves_runner.core.board.entry import Stage
from jeeves_runner.core.board.line_pass import LinePass
from jeeves_runner.core.catching_up import CatchingUp, Late, is_late
from jeeves_runner.core.gap import catch_up, is_in_window, split
from jeeves_runner.core.model import CancelCause, Reason, RunStatus, Trigger
from jeeves_runner.core.policy import Decision, Facts, Request, Verdict, admit
from jeeves_runner.core.retrying import retry_delay_ms
from jeeves_runner.core.run import PausedTime
from jeeves_runner.core.schedule.timetable import Due, Timetable
from jeeves_runner.core.simulation.rows import Rows
from jeeves_runner.core.simulation.scenario import Down, OpenRun, Scenario, SimulatedJob, SimulatedRun
from jeeves_runner.core.start_spread import delay_of

PORTION: Final = 100
"""Occurrences of one gap decided about at once, as a runner does."""

_INSTANT: Final = timedelta(microseconds=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_NONE: Final[tuple[PausedTime, ...]] = ()
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
        self._board: Board[SimulatedRun] = Board(scenario.slots, scenario.pools)
        self._rows = Rows()
        self._ends: list[tuple[datetime, int, SimulatedRun]] = []
        self._wakes: list[datetime] = []
        self._starts: list[tuple[datetime, str]] = []
        self._down = deque(sorted(each for each in scenario.down if each.end > scenario.begin))
        self._most_running: dict[str, int] = {}
        self._most_in_pool: dict[str, int] = {}
        self._pauses = {job_id: tuple(times) for job_id, times in scenario.pauses.items() if times}

    def play(self) -> Played:
        self._set_up()
        while (moment := self._next_moment()) is not None and moment <= self._scenario.end:
            self._now = moment
            self._end_what_is_over()
            if self._down and self._down[0].begin <= moment:
                down = self._down.popleft()
                if down.end > self._scenario.end:
                    break
                self._go_down(down)
                self._end_what_is_over()
            self._look()
        return Played(self._rows.runs, self._most_running, self._most_in_pool)

    # Moments

    def _set_up(self) -> None:
        for job in self._scenario.jobs:
            if job.schedule is not None:
                self._timetable.put(job.spec.id, job.schedule, job.after)
        for pause in chain.from_iterable(self._pauses.values()):
            self._wake_at(pause.end)
        for each in self._scenario.open_runs:
            self._take_over(each)
        if self._scenario.starts:
            self._start_runner()
        self._wake_at(self._now)

    def _next_moment(self) -> datetime | None:
        found = []
        if self._ends:
            found.append(self._ends[0][0])
        if (due := self._timetable.next_wake()) is not None:
            found.append(due)
        if (moment := self._catching_up.next_wake()) is not None:
            found.append(moment)
        if self._wakes:
            found.append(self._wakes[0])
        if self._starts:
            found.append(self._starts[0][0])
        if self._down:
            found.append(self._down[0].begin)
        return max(min(found), self._now) if found else None

    def _wake_at(self, when: datetime) -> None:
        """Look then at what waits: time alone may start it."""
        if self._now <= when <= self._scenario.end:
            heappush(self._wakes, when)

    def _end_what_is_over(self) -> None:
        while self._ends and self._ends[0][0] <= self._now:
            self._end(heappop(self._ends)[2])

    def _look(self) -> None:
        """See to all that this moment brings."""
        if self._wakes and self._wakes[0] <= self._now:
            while self._wakes and self._wakes[0] <= self._now:
                heappop(self._wakes)
            self._review()
        portions = deque(self._due_now())
        while True:
            replaced: list[SimulatedRun] = []
            for _ in range(len(portions)):
                rest = self._decide_portion(portions.popleft(), replaced)
                if rest is not None:
                    portions.append(rest)
            self._enter_starts(replaced)
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
        self._starts.clear()
        for due in self._catching_up.due(_NEVER, len(self._jobs)):
            self._timetable.put(due.job_id, due.schedule, due.first - _INSTANT)
        self._now = max(down.end, self._now)
        for run in self._board.running():
            if not run.job.outlives:
                self._finish(run, RunStatus.INTERRUPTED)
        self._ends = [place for place in self._ends if place[2].stage is Stage.RUNNING]
        heapify(self._ends)
        for run in [run for run in self._runs_that_wait() if self._waited_too_long(run)]:
            self._finish(run, RunStatus.MISSED, Reason.LATE)
        self._start_runner()
        self._review()

    def _start_runner(self) -> None:
        for job in self._scenario.jobs:
            if job.spec.on_start and not self._waits_from_a_start(job.spec.id):
                moment = self._now + timedelta(seconds=delay_of(job.namespace or job.spec.id))
                heappush(self._starts, (moment, job.spec.id))

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
        policy, pauses = job.spec.catch_up, self._pauses_of(due.job_id)
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
        while self._starts and self._starts[0][0] <= self._now:
            _, job_id = heappop(self._starts)
            self._arrive(self._jobs[job_id], Request(trigger=Trigger.START), None, replaced)

    def _arrive(
        self, job: SimulatedJob, request: Request, when: datetime | None, replaced: list[SimulatedRun]
    ) -> None:
        run = self._rows.new(job, request.trigger, when, self._now)
        facts = self._facts(run)
        decision = admit(request, facts)
        run.overlaps = facts.running + facts.retrying + facts.queued > 0
        if decision.verdict is Verdict.SKIP:
            self._rows.skip(run, decision.reason, decision.ref)
            return
        self._rows.keep(run)
        if decision.verdict is Verdict.REPLACE:
            self._replace(run, replaced)
        self._board.add(run)
        if decision.verdict is Verdict.START:
            self._start(run)
        else:
            self._wait(run, decision)

    def _replace(self, by: SimulatedRun, replaced: list[SimulatedRun]) -> None:
        """All others of the job make room: what waits is cancelled, what runs is ended in a moment."""
        for other in list(self._board.of_job(by.job_id)):
            if other.stage is Stage.RUNNING:
                replaced.append(other)
            else:
                self._finish(other, RunStatus.CANCELLED, Reason.REPLACED)
                other.reason_ref = str(by.run_id)

    # What waits

    def _review(self) -> None:
        """Start what can start, by priority, then age."""
        waiting = self._board.waiting
        if waiting.first_after(None) is None:
            return
        found: LinePass[SimulatedRun] = LinePass()
        while self._board.slot_free and (run := found.next(waiting.first_after(found.last))) is not None:
            following = waiting.next_of_group(run)
            decision = admit(Request(trigger=run.trigger, forced=run.forced, waiting=True), self._facts(run))
            if decision.verdict is Verdict.START:
                self._start(run)
                found.look_later_at(following)
            elif decision.verdict is Verdict.WAIT:
                self._wait(run, decision)
                if decision.reason is Reason.RETRY:
                    found.look_later_at(following)

    def _wait(self, run: SimulatedRun, decision: Decision) -> None:
        run.reason, run.reason_ref = decision.reason, decision.ref
        if decision.reason is not Reason.RETRY:
            run.waited_for = decision.reason
        if run.stage is not Stage.WAITING:
            self._board.wait(run)

    def _facts(self, run: SimulatedRun) -> Facts:
        spec, board = run.job.spec, self._board
        others = board.others(run)
        return Facts(
            paused=bool(self._pauses) and self._is_paused(run.job_id),
            overlap=spec.overlap_policy,
            running=others.running,
            retrying=others.retrying,
            queued=others.queued,
            active_run=others.run_id,
            too_early=run.not_before is not None and run.not_before > self._now,
            slot_free=board.free_slots(run.job.executor) > 0,
            full_pool=board.full_pool(spec.pool),
        )

    def _pauses_of(self, job_id: str) -> tuple[PausedTime, ...]:
        if not self._pauses:
            return _NONE
        return (*self._pauses.get(job_id, _NONE), *self._pauses.get(None, _NONE))

    def _is_paused(self, job_id: str) -> bool:
        return any(pause.begin <= self._now < pause.end for pause in self._pauses_of(job_id))

    # What runs

    def _start(self, run: SimulatedRun) -> None:
        now, job = self._now, run.job
        run.status, run.started_at, run.reason, run.reason_ref = RunStatus.RUNNING, now, None, None
        self._board.take_slot(run, job.executor, job.spec.pool)
        self._carry_out(run, now)

    def _carry_out(self, run: SimulatedRun, since: datetime) -> None:
        """Begin the work of a run that has its slot."""
        _note_most(self._most_running, run.executor, self._board.on_executor(run.executor))
        if run.pool is not None:
            _note_most(self._most_in_pool, run.pool, self._board.in_pool(run.pool))
        run.ended = self._scenario.work(run)
        after = run.job.timeout if run.is_too_long else run.ended.after
        run.ends_at = max(since + after, self._now)
        heappush(self._ends, (run.ends_at, run.run_id or 0, run))

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

    def _finish(self, run: SimulatedRun, status: RunStatus, reason: Reason | None = None) -> None:
        """A run is over. A failed one may be tried again."""
        was_running = run.stage is Stage.RUNNING
        self._board.remove(run)
        run.status, run.reason, run.reason_ref, run.finished_at = status, reason, None, self._now
        if not was_running:
            return
        delay = retry_delay_ms(run.job.spec.retries, status, run.exit_code, run.attempt)
        if delay is not None:
            self._retry(run, timedelta(milliseconds=delay))

    def _retry(self, run: SimulatedRun, delay: timedelta) -> None:
        retry = self._rows.new(run.job, Trigger.RETRY, run.scheduled_for, self._now)
        retry.attempt, retry.chain_id = run.attempt + 1, run.chain_id or run.run_id
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
        run.attempt, run.forced = each.attempt, each.forced
        run.not_before = each.not_before
        self._board.add(run)
        if each.started_at is None:
            self._board.wait(run)
            if run.not_before is not None:
                self._wake_at(run.not_before)
            return
        run.status, run.started_at = RunStatus.RUNNING, each.started_at
        self._board.take_slot(run, job.executor, job.spec.pool)
        self._carry_out(run, each.started_at)


def _latest(due: Due) -> datetime:
    return due.latest


def _note_most(most: dict[str, int], name: str, count: int) -> None:
    if count > most.get(name, 0):
        most[name] = count
