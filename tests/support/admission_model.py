"""What must become of requests to run, one event after the other: slow, in memory, and plain to read.

The model knows the rules and nothing of SQL, transactions or event loops. Reasons are the words of the
documentation; the object of a reason (which pool) is left out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from support.admission_state import BackfillState, JobRules, JobState, PauseState, Row

from jeeves_runner.core.model import CatchUp, OverlapPolicy, RunStatus, Trigger

ON_TIME = timedelta(seconds=5)
"""How long after its time an occurrence is not late."""


class Refused(Exception):
    """A request that leaves no row."""


@dataclass
class AdmissionModel:
    """The rows there must be. Each public method is an event; after it all that can start has started.

    ``unseen`` are requests whose rows other programs wrote, and that no runner has looked at yet.
    """

    limit: int
    pools: Mapping[str, int]
    now: datetime
    jobs: dict[str, JobState]
    rows: list[Row] = field(default_factory=list)
    pauses: list[PauseState] = field(default_factory=list)
    skips: set[tuple[str, datetime]] = field(default_factory=set)
    unseen: list[Row] = field(default_factory=list)
    backfills: list[BackfillState] = field(default_factory=list)

    @classmethod
    def of(
        cls, rules: Sequence[JobRules], *, limit: int, pools: Mapping[str, int], now: datetime
    ) -> "AdmissionModel":
        jobs = {each.id: JobState(rules=each) for each in rules}
        return cls(limit=limit, pools=pools, now=now, jobs=jobs)

    # Events

    def pass_time(self, now: datetime) -> None:
        """Retries and the ends of pauses come due."""
        self.now = now
        self._start_what_can()

    def arrive_due(self, job_id: str, occurrences: Sequence[datetime]) -> None:
        """Occurrences are handed over, oldest first. Those decided before stay as they are."""
        job = self.jobs[job_id]
        if not job.is_wanted:
            return
        runnable = [
            when
            for when in occurrences
            if not self.is_paused(job_id, when) and (job_id, when) not in self.skips
        ]
        missed, why, wanted = self._split_gap(job.rules, runnable)
        every = job.rules.catch_up is CatchUp.ALL and any(self._is_late(when) for when in wanted)
        before: datetime | None = None
        for when in occurrences:
            if not self._is_undecided(job, when):
                continue
            if when in missed:
                self._miss(job, when, why, joins=before in missed)
            elif when in wanted:
                trigger = Trigger.CATCH_UP if self._is_late(when) else Trigger.SCHEDULE
                self._decide_occurrence(job, trigger, when, every)
            else:
                self._skip(job, Trigger.SCHEDULE, when, "skip" if (job_id, when) in self.skips else "paused")
            job.decided_until = before = when
        self._start_what_can()

    def request_by_hand(self, job_id: str, *, forced: bool) -> Row:
        """The runner is asked for a run, and says what came of it. Raises Refused."""
        job = self.jobs[job_id]
        self._refuse(job, forced)
        row = self._add(job, RunStatus.SCHEDULED, Trigger.MANUAL, forced=forced)
        self._decide(row)
        self._start_what_can()
        return row

    def write_request(self, job_id: str, *, forced: bool) -> Row:
        """Another program writes the row of a request, which no runner has looked at yet. Raises Refused."""
        job = self.jobs[job_id]
        self._refuse(job, forced)
        row = self._add(job, RunStatus.SCHEDULED, Trigger.MANUAL, forced=forced)
        self.unseen.append(row)
        return row

    def look(self) -> None:
        """The runner decides about the rows that other programs wrote, in their order."""
        while self.unseen:
            row = self.unseen.pop(0)
            if row.waits:
                self._decide(row)
                self._start_what_can()

    def end(self, run_id: int, status: RunStatus, *, unasked: bool = False) -> None:
        """The work of a running run is over: ``ok`` or ``error``, as it says itself.

        ``unasked``: it was over before the runner could ask the run that is being replaced to end.
        """
        self._finish(self.row(run_id), status, unasked=unasked)
        self._start_what_can()

    def cancel(self, run_id: int, cause: str = "cancel") -> None:
        """A waiting run ends at once; a running one is asked to. The first cause stays."""
        row = self.row(run_id)
        if row.waits:
            row.status, row.reason = RunStatus.CANCELLED, cause
        elif row.runs:
            row.cause = row.cause or cause
        self._start_what_can()

    def pause(self, job_id: str | None, until: datetime) -> None:
        """One job or all; an earlier pause of the same is replaced."""
        self._end_pause(job_id)
        self.pauses.append(PauseState(job=job_id, begin=self.now, end=until))
        self._start_what_can()

    def resume(self, job_id: str | None) -> None:
        self._end_pause(job_id)
        self._start_what_can()

    def skip(self, job_id: str, when: datetime) -> None:
        """An occurrence is not to run. Raises Refused for what has been decided about."""
        if not self.jobs[job_id].is_wanted or not self._is_to_come(job_id, when):
            raise Refused
        self.skips.add((job_id, when))

    def unskip(self, job_id: str, when: datetime) -> None:
        """It is to run after all. Raises Refused where nothing is to be taken back."""
        job = self.jobs[job_id]
        is_over = not self._is_to_come(job_id, when) or (not job.enabled and when <= self.now)
        if job.deleted or is_over or (job_id, when) not in self.skips:
            raise Refused
        self.skips.remove((job_id, when))

    def disable(self, job_id: str) -> None:
        self.jobs[job_id].enabled = False
        self._cancel_waiting(job_id, "disabled")

    def delete(self, job_id: str) -> None:
        self.jobs[job_id].deleted = True
        self._cancel_waiting(job_id, "deleted")

    def restore(self, job_id: str) -> None:
        """The job is declared and enabled again."""
        job = self.jobs[job_id]
        job.enabled, job.deleted, job.since = True, False, self.now
        self._start_what_can()

    def enter_past(self, job_id: str, **facts: Any) -> Row:
        """A backfill writes the row of a request for a time of the past."""
        self.unseen.append(self._add(self.jobs[job_id], RunStatus.SCHEDULED, Trigger.BACKFILL, **facts))
        return self.unseen[-1]

    def restart(self) -> None:
        """One runner ends, in good order or not, and the next one starts."""
        for row in [row for row in self.rows if row.runs]:
            self._finish(row, RunStatus.INTERRUPTED)
        for row in self.waiting():
            window = max(self.jobs[row.job].rules.window, ON_TIME)
            is_occurrence = row.trigger in (Trigger.SCHEDULE, Trigger.CATCH_UP)
            if is_occurrence and row.scheduled_for and self.now - row.scheduled_for > window:
                row.status, row.reason = RunStatus.MISSED, "late"
        self._start_what_can()
        self.look()

    # What holds now

    def row(self, run_id: int) -> Row:
        return next(row for row in self.rows if row.id == run_id)

    def running(self) -> list[Row]:
        return [row for row in self.rows if row.runs]

    def waiting(self) -> list[Row]:
        """Those that wait for their turn, by priority, then age."""
        waiting = [row for row in self.rows if row.waits and row not in self.unseen]
        return sorted(waiting, key=lambda row: (-self._priority(row), row.id))

    def _priority(self, row: Row) -> int:
        return self.jobs[row.job].rules.priority if row.priority is None else row.priority

    def is_paused(self, job_id: str, when: datetime | None = None) -> bool:
        """Whether a pause of the job, or of all, held at that time, or holds now."""
        time = when or self.now
        return any(each.begin <= time < each.end for each in self.pauses if each.job in (job_id, None))

    def obstacles(self, row: Row) -> Iterator[str]:
        """What keeps a waiting run from starting, first things first."""
        job = self.jobs[row.job]
        others = self._active(row.job, row)
        if not row.forced and self.is_paused(row.job):
            yield "paused"
        if row.not_before is not None and row.not_before > self.now:
            yield "retry"
        # Two retries that waited for each other would wait for ever.
        waited_for = any(other.runs or (other.is_retry and not row.is_retry) for other in others)
        if waited_for and not row.forced and job.rules.overlap is not OverlapPolicy.ALLOW:
            yield "overlap"
        yield from self._full(job.rules)

    def true_reasons(self, row: Row) -> set[str]:
        """What a waiting row may give as its reason: all that stands in its way.

        While no slot is free its reason may be an older one: the runner does not look at what cannot start.
        """
        if row in self.unseen:
            return set()
        older = any(other.id < row.id for other in self._active(row.job, row))
        is_ordered = not row.forced and self.jobs[row.job].rules.overlap is not OverlapPolicy.ALLOW
        reasons = {*self.obstacles(row), *(["overlap"] if older and is_ordered else [])}
        return reasons | {"overlap", "pool"} if "limit" in reasons else reasons

    # Rules

    def _refuse(self, job: JobState, forced: bool) -> None:
        if job.deleted or (self.is_paused(job.rules.id) and not forced):
            raise Refused

    def _split_gap(
        self, rules: JobRules, occurrences: Sequence[datetime]
    ) -> tuple[list[datetime], str, list[datetime]]:
        """Those that are missed, why, and those that are to run."""
        on_time = [when for when in occurrences if not self._is_late(when)]
        late = [when for when in occurrences if self._is_late(when)]
        in_window = [when for when in late if self.now - when <= rules.window]
        match rules.catch_up:
            case CatchUp.NONE:
                return late, "no_catch_up", on_time
            case CatchUp.ALL:
                return late[: len(late) - len(in_window)], "late", in_window + on_time
            case CatchUp.LATEST if on_time:
                return late, "superseded", on_time
            case CatchUp.LATEST:
                newest = in_window[-1:]
                return late[: len(late) - len(newest)], "superseded" if newest else "late", newest

    def _is_late(self, when: datetime) -> bool:
        return self.now - when > ON_TIME

    def _is_undecided(self, job: JobState, when: datetime) -> bool:
        return job.decided_until is None or job.decided_until < when

    def _is_to_come(self, job_id: str, when: datetime) -> bool:
        job = self.jobs[job_id]
        return self._is_undecided(job, when) and (job.since is None or job.since < when)

    def _decide_occurrence(self, job: JobState, trigger: Trigger, when: datetime, every: bool) -> None:
        skipped = self._skip_reason(job, every)
        if skipped is None:
            others = self._active(job.rules.id)
            replaces = job.rules.overlap is OverlapPolicy.REPLACE and not self._meets_the_past_alone(others)
            self._decide(self._add(job, RunStatus.SCHEDULED, trigger, scheduled_for=when), every=every)
            if not replaces:  # what replaces others waits; its turn comes after all that is handed over
                self._start_what_can()
        else:
            self._skip(job, trigger, when, skipped)

    def _skip(self, job: JobState, trigger: Trigger, when: datetime, reason: str) -> None:
        if (last := self._joinable(job, reason)) is not None:
            last.last_for, last.occurrences = when, last.occurrences + 1
        else:
            self._add(job, RunStatus.SKIPPED, trigger, scheduled_for=when, reason=reason)

    def _miss(self, job: JobState, when: datetime, reason: str, *, joins: bool) -> None:
        """``joins``: the occurrence before it in the same gap was missed too, and they share a row."""
        if joins:
            row = [row for row in self.rows if row.job == job.rules.id][-1]
            row.last_for, row.occurrences = when, row.occurrences + 1
        else:
            self._add(job, RunStatus.MISSED, Trigger.SCHEDULE, scheduled_for=when, reason=reason)

    def _end_pause(self, job_id: str | None) -> None:
        for each in self.pauses:
            if each.job == job_id:
                each.end = min(each.end, self.now)

    def _skip_reason(self, job: JobState, every: bool) -> str | None:
        """Why an occurrence does not run at all."""
        if self.is_paused(job.rules.id):
            return "paused"
        return None if every else self._overlap_verdict(job, self._active(job.rules.id))

    def _overlap_verdict(self, job: JobState, others: Sequence[Row]) -> str | None:
        """Why a new request is skipped because of those, which are active; None if it is not."""
        if self._meets_the_past_alone(others):
            return None
        others = [each for each in others if not each.only_waits_for_the_past]
        if job.rules.overlap is OverlapPolicy.SKIP and others:
            return "overlap"
        if job.rules.overlap is OverlapPolicy.QUEUE and any(o.waits and not o.is_retry for o in others):
            return "queue_full"
        return None

    def _meets_the_past_alone(self, others: Sequence[Row]) -> bool:
        """It waits for a backfill, and neither is skipped nor replaces it."""
        return all(each.backfill is not None for each in others)

    def _joinable(self, job: JobState, reason: str) -> Row | None:
        """The row before this one, if it tells of occurrences that were skipped for the same reason."""
        rows = [row for row in self.rows if row.job == job.rules.id]
        if rows and rows[-1].status is RunStatus.SKIPPED and rows[-1].reason == reason:
            return rows[-1] if rows[-1].scheduled_for is not None else None
        return None

    def _decide(self, row: Row, *, every: bool = False) -> None:
        """The one decision about a new request that has its row."""
        job, others = self.jobs[row.job], self._active(row.job, row)
        if row.forced or self.is_paused(row.job) or job.rules.overlap is OverlapPolicy.ALLOW:
            return
        if row.backfill is not None or self._meets_the_past_alone(others):
            return
        if job.rules.overlap is OverlapPolicy.REPLACE:
            self._replace(row)
        elif not every and (skipped := self._overlap_verdict(job, others)):
            row.status, row.reason = RunStatus.SKIPPED, skipped

    def _replace(self, row: Row) -> None:
        """It takes the place of all that was decided about, and of older requests not yet looked at."""
        for other in self._open_of(row.job):
            if other is row or (other in self.unseen and other.id > row.id) or other.backfill is not None:
                continue
            if other.waits:
                other.status, other.reason = RunStatus.CANCELLED, "replaced"
            elif other.cause is None:
                other.cause = "replaced"
            elif other.cause != "replaced":
                other.reason = "replaced"

    def _open_of(self, job_id: str) -> list[Row]:
        return [row for row in self.rows if row.job == job_id and row.is_open]

    def _active(self, job_id: str, but: Row | None = None) -> list[Row]:
        """The open rows of a job that were decided about, without one of them."""
        return [row for row in self._open_of(job_id) if row is not but and row not in self.unseen]

    def _full(self, rules: JobRules) -> Iterator[str]:
        running = self.running()
        if len(running) >= self.limit:
            yield "limit"
        if rules.pool is not None and rules.pool in self.pools:
            users = [row for row in running if self.jobs[row.job].rules.pool == rules.pool]
            if len(users) >= self.pools[rules.pool]:
                yield "pool"

    def _start_what_can(self) -> None:
        while row := next((row for row in self.waiting() if not any(self.obstacles(row))), None):
            row.status, row.reason, row.started = RunStatus.RUNNING, None, True
        for row in self.waiting():
            row.reason = next(self.obstacles(row))

    def _finish(self, row: Row, status: RunStatus, *, unasked: bool = False) -> None:
        """An end asked for is named after the cause; some others are tried again."""
        is_replaced = row.cause == "replaced"
        row.status = RunStatus.CANCELLED if row.cause and not (unasked and is_replaced) else status
        job = self.jobs[row.job]
        by_rule = row.status in job.rules.retry_on and row.attempt <= job.rules.retries
        if (by_rule or row.is_taken_up(job.rules)) and job.is_wanted:
            self._add(
                job,
                RunStatus.CANCELLED if is_replaced else RunStatus.SCHEDULED,
                Trigger.RETRY,
                reason="replaced" if is_replaced else None,
                scheduled_for=row.scheduled_for,
                attempt=row.attempt + 1,
                chain=row.chain or row.id,
                not_before=self.now + job.rules.retry_delay * by_rule,
                backfill=row.backfill,
                priority=row.priority,
            )

    def _cancel_waiting(self, job_id: str, reason: str) -> None:
        self.cancel_those(lambda row: row.job == job_id, reason)

    def cancel_those(self, which: Callable[[Row], bool], reason: str) -> None:
        """Those of them that wait."""
        for row in self.rows:
            if row.waits and which(row):
                row.status, row.reason = RunStatus.CANCELLED, reason
        self._start_what_can()

    def _add(self, job: JobState, status: RunStatus, trigger: Trigger, **facts: Any) -> Row:
        row = Row(id=len(self.rows) + 1, job=job.rules.id, status=status, trigger=trigger, **facts)
        self.rows.append(row)
        return row
