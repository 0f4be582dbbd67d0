"""What runs and waits at this moment, in memory: the rows that are not final, and who is whose."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from jeeves_runner.core.model import Run, Trigger
from jeeves_runner.runs.execution import Execution


class Stage(Enum):
    """Where an attempt stands. A ``NEW`` one has been decided about, but has no row yet."""

    NEW = auto()
    WAITING = auto()
    RUNNING = auto()
    """From the decision to start it, so that its slot is taken at once."""


Line = tuple[str, bool, bool]
"""A job's forced or unforced, first or further attempts."""


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
    reason: str | None = None
    """Why it waits, as last noted in its row."""

    @classmethod
    def of(cls, run: Run) -> "Attempt":
        """The attempt of a row that waits."""
        return cls(job_id=run.job_id, trigger=run.trigger, forced=run.forced, pool=run.pool, run=run)

    @property
    def is_retry(self) -> bool:
        return self.trigger is Trigger.RETRY

    @property
    def line(self) -> "Line":
        """Attempts of one line wait for the same, but for the time of a retry."""
        return self.job_id, self.forced, self.is_retry

    @property
    def turn(self) -> tuple[int, int]:
        """Waiting attempts go by priority, then age."""
        return (0, 0) if self.run is None else (-self.run.priority, self.run.id)


class Counts(NamedTuple):
    """Attempts of one job: those that run, further ones and first ones that do not run yet."""

    running: int
    retrying: int
    queued: int


@dataclass(slots=True, eq=False)
class _Group:
    """The attempts of one job in the order they came, and how many of them run or are retries."""

    attempts: dict[Attempt, None] = field(default_factory=dict)
    running: int = 0
    retries: int = 0
    running_retries: int = 0

    def counts(self) -> Counts:
        retrying = self.retries - self.running_retries
        return Counts(self.running, retrying, len(self.attempts) - self.running - retrying)


_NOBODY = Counts(0, 0, 0)


class Board:
    """All attempts that are not over, by job, by run and in their order of waiting."""

    def __init__(self, max_concurrency: int, pools: Mapping[str, int]) -> None:
        self._limit = max_concurrency
        self._pool_limits = dict(pools)
        self._by_job: dict[str, _Group] = {}
        self._by_run: dict[int, Attempt] = {}
        self._waiting: list[Attempt] = []
        self._running: dict[Attempt, None] = {}
        self._in_pool: Counter[str] = Counter()

    def __getitem__(self, run_id: int) -> Attempt:
        return self._by_run[run_id]

    def get(self, run_id: int) -> Attempt | None:
        return self._by_run.get(run_id)

    def of_job(self, job_id: str) -> Collection[Attempt]:
        """The attempts of a job, in the order they came."""
        group = self._by_job.get(job_id)
        return () if group is None else group.attempts.keys()

    def others(self, attempt: Attempt) -> Counts:
        """The attempts of the same job but this one, which does not run."""
        group = self._by_job.get(attempt.job_id)
        if group is None:
            return _NOBODY
        counts = group.counts()
        if attempt not in group.attempts:
            return counts
        if attempt.is_retry:
            return counts._replace(retrying=counts.retrying - 1)
        return counts._replace(queued=counts.queued - 1)

    def waiting(self) -> list[Attempt]:
        """Those that wait, in their order, as a list of one's own."""
        return self._waiting.copy()

    def running(self) -> list[Attempt]:
        return list(self._running)

    @property
    def slot_free(self) -> bool:
        return len(self._running) < self._limit

    def full_pool(self, pool: str | None) -> str | None:
        """The pool, if it has no room. One without a limit in the config has room."""
        if pool is None or pool not in self._pool_limits:
            return None
        return pool if self._in_pool[pool] >= self._pool_limits[pool] else None

    def add(self, attempt: Attempt) -> None:
        """Enter an attempt that has been decided about."""
        group = self._by_job.setdefault(attempt.job_id, _Group())
        group.attempts[attempt] = None
        group.retries += attempt.is_retry

    def set_run(self, attempt: Attempt, run: Run) -> None:
        """Note the row of an attempt as it is now."""
        attempt.run = run
        attempt.reason = run.reason
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
        self._running[attempt] = None
        if pool is not None:
            self._in_pool[pool] += 1
        group = self._by_job[attempt.job_id]
        group.running += 1
        group.running_retries += attempt.is_retry

    def remove(self, attempt: Attempt) -> None:
        """Forget an attempt that is over or came to nothing."""
        self._leave_stage(attempt)
        attempt.stage = Stage.NEW
        group = self._by_job.get(attempt.job_id)
        if group is not None and attempt in group.attempts:
            del group.attempts[attempt]
            group.retries -= attempt.is_retry
            if not group.attempts:
                del self._by_job[attempt.job_id]
        if attempt.run is not None:
            self._by_run.pop(attempt.run.id, None)

    def _leave_stage(self, attempt: Attempt) -> None:
        if attempt.stage is Stage.WAITING:
            del self._waiting[bisect_left(self._waiting, attempt.turn, key=_turn)]
        elif attempt.stage is Stage.RUNNING:
            del self._running[attempt]
            if attempt.pool is not None:
                self._in_pool[attempt.pool] -= 1
            group = self._by_job[attempt.job_id]
            group.running -= 1
            group.running_retries -= attempt.is_retry


def _turn(attempt: Attempt) -> tuple[int, int]:
    return attempt.turn
