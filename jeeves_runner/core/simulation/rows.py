"""The rows that a play writes, as the database would have them."""

from datetime import datetime

from jeeves_runner.core.gap import LeftOut
from jeeves_runner.core.model import Reason, RunStatus, Trigger
from jeeves_runner.core.simulation.scenario import SimulatedJob, SimulatedRun


class Rows:
    """All of them, in the order of entering."""

    def __init__(self) -> None:
        self.runs: list[SimulatedRun] = []
        self._last: dict[str, SimulatedRun] = {}

    def new(self, job: SimulatedJob, trigger: Trigger, when: datetime | None, now: datetime) -> SimulatedRun:
        """A run that has no row yet."""
        return SimulatedRun(
            job=job,
            job_id=job.spec.id,
            trigger=trigger,
            priority=job.spec.priority,
            pool=job.spec.pool,
            scheduled_for=when,
            created_at=now,
        )

    def keep(self, run: SimulatedRun) -> None:
        """Let a run have its row."""
        self.runs.append(run)
        run.run_id = len(self.runs)
        self._last[run.job_id] = run

    def skip(self, run: SimulatedRun, reason: Reason | None, ref: str | None) -> None:
        """A run is skipped. Times on the schedule share a row while the reason stays the same."""
        before = self._last.get(run.job_id)
        if before is not None and run.scheduled_for is not None and _may_join(before, run, reason):
            before.last_for = run.last_for or run.scheduled_for
            before.occurrences += run.occurrences
            before.finished_at = run.created_at
            return
        self._end(run, RunStatus.SKIPPED, reason)
        run.reason_ref = ref

    def leave_out(self, job: SimulatedJob, left: LeftOut, now: datetime) -> None:
        """Occurrences of a gap do not run."""
        run = self.new(job, Trigger.SCHEDULE, left.first, now)
        run.occurrences = left.count
        run.last_for = left.last if left.count > 1 else None
        if left.reason in (Reason.PAUSED, Reason.SKIP):
            self.skip(run, left.reason, None)
        else:
            self._end(run, RunStatus.MISSED, left.reason)

    def _end(self, run: SimulatedRun, status: RunStatus, reason: Reason | None) -> None:
        self.keep(run)
        run.status, run.reason, run.finished_at = status, reason, run.created_at


def _may_join(before: SimulatedRun, run: SimulatedRun, reason: Reason | None) -> bool:
    newest = before.last_for or before.scheduled_for
    return (
        before.status is RunStatus.SKIPPED
        and before.reason is reason
        and before.started_at is None
        and newest is not None
        and run.scheduled_for is not None
        and newest < run.scheduled_for
    )
