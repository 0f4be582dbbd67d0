"""Occurrences whose time has come: which are to run and which are left out, in the order of the schedule."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from jeeves_runner.core.gap import LeftOut
from jeeves_runner.core.model import RunStatus, Trigger
from jeeves_runner.core.params import refreshed
from jeeves_runner.core.run import Run
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db.run_entries import Occurrence
from jeeves_runner.runs.admission import Admission
from jeeves_runner.runs.arrival import Arrival, LeftOutRow, Stale
from jeeves_runner.runs.arrivals import Arrivals, answering
from jeeves_runner.runs.attempt import Attempt
from jeeves_runner.runs.jobs import Job, KnownJobs
from jeeves_runner.runs.running import RunningRuns

log = logging.getLogger(__name__)

_INSTANT = timedelta(microseconds=1)


@dataclass(slots=True, eq=False)
class _Submission:
    """Occurrences of one job that are decided about together."""

    due: Due
    """The occurrences."""
    decided: "asyncio.Future[list[Run]]"
    """Their rows, once they are committed."""
    answers: "list[asyncio.Future[list[Run]]]" = field(default_factory=list)
    """Those who submitted them, each of whom gets the same answer."""
    waits: bool = False
    """An earlier submission of the job is being decided about; until then more may join."""


class DueOccurrences:
    """Has occurrences decided about, those of one job in their order."""

    def __init__(
        self, *, epoch: int, jobs: KnownJobs, admission: Admission, arrivals: Arrivals, running: RunningRuns
    ) -> None:
        self._epoch = epoch
        self._jobs = jobs
        self._admission = admission
        self._arrivals = arrivals
        self._running = running
        self._last: dict[str, _Submission] = {}

    def submit(self, due: Due) -> "asyncio.Future[list[Run]]":
        """Decide about occurrences; the rows of those that were not left out, once they are committed.

        What a job submits is recorded in that order, and fails when what came before it failed: the
        watermark must not pass an occurrence that has no row. What has to wait for that, because the
        database is locked, say, is one gap: it is decided about together, and all who submitted a part
        of it get the rows of the whole.

        A long gap is decided about in portions. The future fails with DatabaseError if one of them
        was not recorded: its occurrences and those after it are then as undecided as before. It
        fails with NoServer when the runner is shutting down.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Run]] = loop.create_future()
        last = self._last.get(due.job_id)
        joined = _joined(last.due, due) if last is not None and last.waits else None
        if last is not None and joined is not None:
            last.due = joined
            last.answers.append(answer)
            return answer
        submission = _Submission(due, loop.create_future(), [answer], waits=last is not None)
        self._last[due.job_id] = submission
        submission.decided.add_done_callback(lambda _: self._tell(submission))
        self._running.track(self._decide(last, submission))
        return answer

    def _tell(self, submission: _Submission) -> None:
        """Answer those who submitted, and may have left since."""
        if self._last.get(submission.due.job_id) is submission:
            del self._last[submission.due.job_id]
        error = submission.decided.exception()
        for answer in submission.answers:
            if answer.done():
                continue
            if error is None:
                answer.set_result(submission.decided.result())
            else:
                answer.set_exception(error)

    async def _decide(self, before: _Submission | None, submission: _Submission) -> None:
        """One task for the decisions and a run that they start."""
        started: list[Attempt] = []
        with answering(submission.decided) as answer:
            if before is not None:
                await asyncio.wait({before.decided})
                submission.waits = False
                before.decided.result()  # what could not be recorded takes along what comes behind it
            rows, started = await self._decide_in_portions(submission.due)
            answer(rows)
        for attempt in started[1:]:
            self._running.track(self._running.carry_out(attempt))
        if started:
            await self._running.carry_out(started[0])

    async def _decide_in_portions(self, due: Due) -> tuple[list[Run], list[Attempt]]:
        """All rows, and the attempts that the last portion started; those of earlier ones run already."""
        rows, started, rest, since = await self._record_portion(due, None)
        while rest is not None:
            for attempt in started:
                self._running.track(self._running.carry_out(attempt))
            more, started, rest, since = await self._record_portion(rest, since)
            rows += more
        return rows, started

    async def _record_portion(
        self, due: Due, since: str | None
    ) -> tuple[list[Run], list[Attempt], Due | None, str]:
        """Decide about the first portion of what is due, again if the job has changed before the commit.

        Answers its rows, the attempts it started, what is left, and since when the job has its schedule.
        ``since`` is that answer of the portion before: if it is another one now, the rest is dropped.
        """
        while True:
            self._arrivals.check_open()
            job = self._jobs.get(due.job_id)
            if job is None:
                raise self._jobs.absence(due.job_id)
            is_wanted = job.row.deleted_at is None and job.spec.enabled
            if not is_wanted or since not in (None, job.row.schedule_since):
                return [], [], None, job.row.schedule_since
            paused = self._admission.is_paused_now(job)
            gap = self._admission.look_at_gap(job, due)
            arrivals = [
                self._arrivals.decide_occurrence(
                    job, request, self._occurrence(job, request.trigger, when, gap.known_skip), paused=paused
                )
                for when, request in gap.plan.wanted()
            ]
            left_out = [self._left_out(job, each, gap.known_skip) for each in gap.plan.left_out]
            try:
                rows = await self._arrivals.record(arrivals, left_out)
            except Stale:
                self._jobs.forget(due.job_id)  # what was only left out has no attempt that says so
                continue
            _note_decided_before(arrivals, rows)
            pairs = [(arrival, run) for arrival, run in zip(arrivals, rows, strict=True) if run is not None]
            # By the row: an attempt that was recorded as waiting may have got its slot since.
            started = [arrival.attempt for arrival, run in pairs if run.status is RunStatus.RUNNING]
            return [run for _, run in pairs], started, gap.rest, job.row.schedule_since

    def _occurrence(self, job: Job, trigger: Trigger, when: datetime, known_skip: int) -> Occurrence:
        return Occurrence(
            job_id=job.row.id,
            spec_hash=job.row.spec_hash,
            trigger=trigger,
            epoch=self._epoch,
            scheduled_for=when,
            priority=job.spec.priority,
            pool=job.spec.pool,
            params=refreshed(job.spec.params, None, None),
            known_skip=known_skip,
        )

    def _left_out(self, job: Job, left_out: LeftOut, known_skip: int) -> LeftOutRow:
        """The row of occurrences that do not run; it names a last one only if there are several."""
        first = self._occurrence(job, Trigger.SCHEDULE, left_out.first, known_skip)
        its = first._replace(
            last_for=left_out.last if left_out.count > 1 else None, occurrences=left_out.count
        )
        return LeftOutRow(its, left_out.reason, left_out.message)


def _joined(one: Due, other: Due) -> Due | None:
    """Both as one gap; None if they are of two schedules, or if an occurrence between them is in neither."""
    if one.schedule is not other.schedule:
        return None
    older, newer = (one, other) if one.first <= other.first else (other, one)
    following = one.schedule.next_after(older.latest)
    if following is not None and following < newer.first:
        return None
    latest = max(older.latest, newer.latest)
    return replace(older, latest=latest, count=one.schedule.count(older.first - _INSTANT, latest))


def _note_decided_before(arrivals: Sequence[Arrival], rows: Sequence[Run | None]) -> None:
    refused = [
        a.entry.scheduled_for
        for a, run in zip(arrivals, rows, strict=True)
        if run is None and isinstance(a.entry, Occurrence)
    ]
    if refused:
        log.info(
            "%s: %d occurrences from %s to %s were decided before; not started",
            arrivals[0].job.row.id,
            len(refused),
            refused[0],
            refused[-1],
        )
