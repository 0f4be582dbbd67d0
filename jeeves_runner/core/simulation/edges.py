"""What the jobs of a play make of each other's ends: which runs follow, and what is lacking."""

from collections.abc import Iterable
from datetime import datetime

from jeeves_runner.core.after import Arrived, Following, following, met_by
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.needs import Unmet, unmet_of
from jeeves_runner.core.simulation.scenario import Scenario, SimulatedRun


class Edges:
    """The ends that have come so far, as far as ``after`` and ``needs`` ask for them."""

    def __init__(self, scenario: Scenario) -> None:
        by_id = sorted(scenario.jobs, key=lambda job: job.spec.id)  # in this order they follow
        after = {job.spec.id: job.spec.after for job in by_id if job.spec.after is not None}
        self._arrived = {
            job_id: {
                upstream: scenario.arrived.get(job_id, {}).get(upstream, Arrived()) for upstream in each.jobs
            }
            for job_id, each in after.items()
        }
        self._followers: dict[str, list[tuple[str, str]]] = {}
        for job_id, each in after.items():
            for upstream in each.jobs:
                self._followers.setdefault(upstream, []).append((job_id, each.when))
        self._last_ok = dict(scenario.last_ok)

    # Ends

    def ended(self, run: SimulatedRun) -> None:
        """An attempt is over."""
        if run.status is RunStatus.OK and run.finished_at is not None:
            self._last_ok[run.job_id] = run.finished_at

    def over(self, run: SimulatedRun) -> list[str]:
        """A chain is over; the jobs that may run now, because it was this that they waited for, or one of
        their own."""
        followers = self._followers.get(run.job_id, ())
        met = met_by(run.status, has_run=run.started_at is not None or run.attempt > 1) if followers else ()
        found = []
        for job_id, when in followers:
            if when in met:
                its = self._arrived[job_id]
                its[run.job_id] = its[run.job_id].with_end(run.run_id or 0, run.scheduled_for, run.depth)
                found.append(job_id)
        if any(each.ends for each in self._arrived.get(run.job_id, {}).values()):
            found.append(run.job_id)
        return found

    # After

    @property
    def following(self) -> Iterable[str]:
        """The jobs that come after others."""
        return self._arrived

    def next_of(self, job_id: str) -> Following | None:
        """The run of this job that follows now; None: one of the jobs before it is still to end."""
        return following([*self._arrived[job_id].values()])

    def consume(self, job_id: str) -> None:
        """That run is entered."""
        self._arrived[job_id] = dict.fromkeys(self._arrived[job_id], Arrived())

    # Needs

    def unmet(self, run: SimulatedRun, now: datetime) -> Unmet | None:
        """What a run needs and lacks now."""
        due = run.scheduled_for or run.created_at
        return unmet_of(run.job.spec.needs, run.trigger, self._last_ok.get, due, now)
