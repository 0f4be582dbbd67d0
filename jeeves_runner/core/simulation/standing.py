"""How things stand at a moment of a play: what runs, waits and is paused, and what a decision asks of it."""

from datetime import datetime

from jeeves_runner.core.after import is_free
from jeeves_runner.core.board.board import Board
from jeeves_runner.core.policy import Facts
from jeeves_runner.core.run import PausedTime
from jeeves_runner.core.simulation.edges import Edges
from jeeves_runner.core.simulation.scenario import Scenario, SimulatedRun


class Standing:
    """The board of a play beside its pauses and its edges; it decides nothing."""

    def __init__(self, scenario: Scenario) -> None:
        self.board: Board[SimulatedRun] = Board(scenario.slots, scenario.pools)
        self.edges = Edges(scenario)
        self.most_running: dict[str, int] = {}
        self.most_in_pool: dict[str, int] = {}
        self._pauses = {job_id: tuple(times) for job_id, times in scenario.pauses.items() if times}
        self._depth_limit = scenario.depth_limit

    @property
    def pauses(self) -> list[PausedTime]:
        """All of them, in no order."""
        return [pause for times in self._pauses.values() for pause in times]

    def pauses_of(self, job_id: str) -> tuple[PausedTime, ...]:
        """Those of a job, and those of all."""
        if not self._pauses:
            return ()
        return (*self._pauses.get(job_id, ()), *self._pauses.get(None, ()))

    def is_paused(self, job_id: str, now: datetime) -> bool:
        return any(pause.begin <= now < pause.end for pause in self.pauses_of(job_id))

    def may_follow(self, job_id: str, policy: str, now: datetime) -> bool:
        """Whether a run of this job may follow others now."""
        is_active = bool(self.board.of_job(job_id))
        return is_free(policy, is_active=is_active, is_paused=self.is_paused(job_id, now))

    def facts(self, run: SimulatedRun, now: datetime) -> Facts:
        """What the decision about a run asks."""
        spec, board = run.job.spec, self.board
        others, unmet = board.others(run), self.edges.unmet(run, now)
        return Facts(
            paused=self.is_paused(run.job_id, now),
            overlap=spec.overlap_policy,
            running=others.running,
            retrying=others.retrying,
            queued=others.queued,
            active_run=others.run_id,
            too_early=run.not_before is not None and run.not_before > now,
            unmet=None if unmet is None else unmet.job,
            may_be_met=unmet is not None and unmet.may_be_met(now),
            slot_free=board.free_slots(run.job.executor) > 0,
            full_pool=board.full_pool(spec.pool),
            depth_limit=self._depth_limit,
        )

    def take_slot(self, run: SimulatedRun) -> None:
        """Let a run have its slot, and its place in its pool."""
        self.board.take_slot(run, run.job.executor, run.job.spec.pool)
        _note_most(self.most_running, run.executor, self.board.on_executor(run.executor))
        if run.pool is not None:
            _note_most(self.most_in_pool, run.pool, self.board.in_pool(run.pool))


def _note_most(most: dict[str, int], name: str, count: int) -> None:
    if count > most.get(name, 0):
        most[name] = count
