"""What runs and waits at this moment, in memory: the rows that are not final, and who is whose."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from jeeves_runner.core.model import Run, Trigger
from jeeves_runner.runs.execution import Execution


class Stage(Enum):
    """Where an attempt stands. A ``NEW`` one has been decided about, but has no row yet."""

    NEW = auto()
    WAITING = auto()
    RUNNING = auto()
    """From the decision to start it, so that its slot is taken at once."""


@dataclass(slots=True, eq=False)
class Attempt:
    """A run that is not over; ``run`` is its row as last written, None before there is one."""

    job_id: str
    trigger: Trigger
    forced: bool = False
    pool: str | None = None
    run: Run | None = None
    stage: Stage = Stage.NEW
    execution: Execution | None = None

    @classmethod
    def of(cls, run: Run) -> "Attempt":
        """The attempt of a row that waits."""
        return cls(job_id=run.job_id, trigger=run.trigger, forced=run.forced, pool=run.pool, run=run)

    @property
    def is_retry(self) -> bool:
        return self.trigger is Trigger.RETRY

    @property
    def turn(self) -> tuple[int, int]:
        """Waiting attempts go by priority, then age."""
        return (0, 0) if self.run is None else (-self.run.priority, self.run.id)


class Board:
    """All attempts that are not over, by job, by run and in their order of waiting."""

    def __init__(self, max_concurrency: int, pools: Mapping[str, int]) -> None:
        self._limit = max_concurrency
        self._pool_limits = dict(pools)
        self._by_job: dict[str, list[Attempt]] = {}
        self._by_run: dict[int, Attempt] = {}
        self._waiting: list[Attempt] = []
        self._running = 0
        self._in_pool: Counter[str] = Counter()

    def __getitem__(self, run_id: int) -> Attempt:
        return self._by_run[run_id]

    def get(self, run_id: int) -> Attempt | None:
        return self._by_run.get(run_id)

    def of_job(self, job_id: str) -> Collection[Attempt]:
        """The attempts of a job, in the order they came."""
        return self._by_job.get(job_id, ())

    def waiting(self) -> Iterator[Attempt]:
        """Those that wait, in their order; the board may change meanwhile."""
        return iter(self._waiting.copy())

    def running(self) -> list[Attempt]:
        return [a for group in self._by_job.values() for a in group if a.stage is Stage.RUNNING]

    @property
    def slot_free(self) -> bool:
        return self._running < self._limit

    def full_pool(self, pool: str | None) -> str | None:
        """The pool, if it has no room. One without a limit in the config has room."""
        if pool is None or pool not in self._pool_limits:
            return None
        return pool if self._in_pool[pool] >= self._pool_limits[pool] else None

    def add(self, attempt: Attempt) -> None:
        """Enter an attempt that has been decided about."""
        self._by_job.setdefault(attempt.job_id, []).append(attempt)

    def set_run(self, attempt: Attempt, run: Run) -> None:
        """Note the row of an attempt as it is now."""
        attempt.run = run
        self._by_run[run.id] = attempt

    def wait(self, attempt: Attempt) -> None:
        """Put an attempt that has a row in line."""
        self._leave_stage(attempt)
        attempt.stage = Stage.WAITING
        insort(self._waiting, attempt, key=_turn)

    def take_slot(self, attempt: Attempt, pool: str | None) -> None:
        """Let an attempt run."""
        self._leave_stage(attempt)
        attempt.stage = Stage.RUNNING
        attempt.pool = pool
        self._running += 1
        if pool is not None:
            self._in_pool[pool] += 1

    def remove(self, attempt: Attempt) -> None:
        """Forget an attempt that is over or came to nothing."""
        self._leave_stage(attempt)
        attempt.stage = Stage.NEW
        group = self._by_job.get(attempt.job_id, [])
        if attempt in group:
            group.remove(attempt)
            if not group:
                del self._by_job[attempt.job_id]
        if attempt.run is not None:
            self._by_run.pop(attempt.run.id, None)

    def _leave_stage(self, attempt: Attempt) -> None:
        if attempt.stage is Stage.WAITING:
            del self._waiting[bisect_left(self._waiting, attempt.turn, key=_turn)]
        elif attempt.stage is Stage.RUNNING:
            self._running -= 1
            if attempt.pool is not None:
                self._in_pool[attempt.pool] -= 1


def _turn(attempt: Attempt) -> tuple[int, int]:
    return attempt.turn
