"""What a play comes to: how much runs, how long it waits, what gets into each other's way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jeeves_runner.core.load import Peak, peak, per_minute
from jeeves_runner.core.model import BAD, Reason, RunStatus
from jeeves_runner.core.simulation.scenario import SimulatedRun

OF_OVERLAP: Final = (Reason.OVERLAP, Reason.QUEUE_FULL)
"""Reasons to be skipped for another run of the same job."""


@dataclass(kw_only=True, slots=True)
class Tally:
    """What happened to one job, or to all."""

    starts: int = 0
    """Attempts that started."""
    retries: int = 0
    """Of these, how many were no first ones."""
    skipped: int = 0
    """Occurrences that were skipped."""
    missed: int = 0
    """Occurrences that were missed."""
    overlaps: int = 0
    """Requests that came while another run of the job was active, whatever became of them."""
    bad: int = 0
    """Attempts that timed out, failed or were interrupted."""
    busy: timedelta = timedelta(0)
    """How long all of them ran together."""
    waited: timedelta = timedelta(0)
    """The longest time that one waited for its turn."""

    def add(self, run: SimulatedRun, end: datetime) -> None:
        """Count one row; ``end`` is that of the play."""
        if run.status is RunStatus.SKIPPED and run.started_at is None:
            self.skipped += run.occurrences
            self.overlaps += run.occurrences if run.reason in OF_OVERLAP else 0
            return
        if run.status is RunStatus.MISSED:
            self.missed += run.occurrences
            return
        self.overlaps += run.overlaps
        self.waited = max(self.waited, waited(run, end))
        if run.started_at is not None:
            self.starts += 1
            self.retries += run.attempt > 1
            self.bad += run.status in BAD
            self.busy += (run.finished_at or end) - run.started_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What a play comes to."""

    of_all: Tally
    """All jobs together."""
    by_job: dict[str, Tally]
    """Each job of which there is a row."""
    peak: Peak | None
    """The minute in which most start; None if nothing does."""
    longest_wait: SimulatedRun | None
    """The run that waited longest for its turn; None if none did."""


def summary(runs: Sequence[SimulatedRun], end: datetime) -> Summary:
    """Count the rows of a play that was over at ``end``."""
    of_all, by_job = Tally(), dict[str, Tally]()
    longest: SimulatedRun | None = None
    most = timedelta(0)
    for run in runs:
        of_all.add(run, end)
        by_job.setdefault(run.job_id, Tally()).add(run, end)
        if (time := waited(run, end)) > most:
            longest, most = run, time
    return Summary(of_all=of_all, by_job=by_job, peak=peak(per_minute(starts(runs))), longest_wait=longest)


def starts(runs: Iterable[SimulatedRun]) -> Iterable[datetime]:
    """When they start."""
    return (run.started_at for run in runs if run.started_at is not None)


def waited(run: SimulatedRun, end: datetime) -> timedelta:
    """How long a run waited for its turn, from the moment from which it could have started."""
    if run.status is RunStatus.MISSED and run.waited_for is None:
        return timedelta(0)
    until = run.started_at or run.finished_at or end
    return max(until - run.due_at, timedelta(0))
