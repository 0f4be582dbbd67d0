"""What runs and waits at this moment, in memory: the attempts whose rows are not final."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Generic, NamedTuple

from jeeves_runner.core.board.entry import BoardEntry, E, Stage, Why
from jeeves_runner.core.board.waiting import Waiting


class Others(NamedTuple):
    """How many other attempts of a job there are.

    ``running`` ones; of those that do not run yet, ``retrying`` ones (retries) and ``queued`` ones (first
    attempts, but for those of backfills). Of those that do not run ``arriving`` are not committed yet.
    ``of_the_past`` are those of ``running`` and ``retrying`` that belong to backfills. ``run_id`` is the
    oldest attempt of all that has a row.
    """

    running: int = 0
    retrying: int = 0
    queued: int = 0
    arriving: int = 0
    of_the_past: int = 0
    run_id: int | None = None


@dataclass(slots=True, eq=False)
class _Group(Generic[E]):
    """The attempts of one job in the order they came, and how many there are of each kind."""

    attempts: dict[E, None] = field(default_factory=dict)
    of_the_past: dict[E, None] = field(default_factory=dict)
    running: int = 0
    retries: int = 0
    running_retries: int = 0
    arriving: int = 0

    def without(self, attempt: E) -> Others:
        """All but this one, which does not run."""
        is_here = attempt in self.attempts
        retrying = self.retries - self.running_retries
        past = [other for other in self.of_the_past if other is not attempt]
        active_past = sum(other.stage is Stage.RUNNING or other.is_retry for other in past)
        queued = len(self.attempts) - self.running - retrying - (len(past) - active_past)
        ids = (other.run_id for other in self.attempts if other is not attempt)
        return Others(
            running=self.running,
            retrying=retrying - (is_here and attempt.is_retry),
            queued=queued - (is_here and not attempt.is_retry),
            arriving=self.arriving - (is_here and attempt.stage is Stage.ARRIVING),
            of_the_past=active_past,
            run_id=next((run_id for run_id in ids if run_id is not None), None),
        )


_NONE = Others()


class Board(Generic[E]):
    """All attempts that are not over, by job and by run; ``waiting`` has those that wait, in their order."""

    def __init__(self, slots: Mapping[str, int | None], pools: Mapping[str, int]) -> None:
        """``slots``: by executor, how many may run at once; None: as many as come. ``pools``: the same by
        pool."""
        self._slots = {name: inf if count is None else count for name, count in slots.items()}
        self._pool_limits = dict(pools)
        self._by_job: dict[str, _Group[E]] = {}
        self._by_run: dict[int, E] = {}
        self._arriving: dict[E, None] = {}
        self.waiting: Waiting[E] = Waiting()
        self._running: dict[E, None] = {}
        self._in_pool: Counter[str] = Counter()
        self._on_executor: Counter[str] = Counter()

    def __getitem__(self, run_id: int) -> E:
        return self._by_run[run_id]

    def __contains__(self, attempt: object) -> bool:
        group = self._by_job.get(attempt.job_id) if isinstance(attempt, BoardEntry) else None
        return group is not None and attempt in group.attempts

    def get(self, run_id: int) -> E | None:
        return self._by_run.get(run_id)

    def of_job(self, job_id: str) -> Collection[E]:
        """The attempts of a job, in the order they came."""
        group = self._by_job.get(job_id)
        return () if group is None else group.attempts.keys()

    def others(self, attempt: E) -> Others:
        """The attempts of the same job but this one, which does not run."""
        group = self._by_job.get(attempt.job_id)
        return _NONE if group is None else group.without(attempt)

    def arriving_before(self, attempt: E) -> Iterator[E]:
        """Those whose decision is being committed, and whose turn comes before that of this attempt."""
        turn = attempt.turn
        return (other for other in self._arriving if other is not attempt and other.turn <= turn)

    def running(self) -> list[E]:
        return list(self._running)

    @property
    def slot_free(self) -> bool:
        """Whether any executor has a free slot."""
        return any(self.free_slots(name) > 0 for name in self._slots)

    def free_slots(self, executor: str) -> float:
        """How many more runs this executor may run now; infinite if it has no limit."""
        return self._slots.get(executor, inf) - self._on_executor[executor]

    def on_executor(self, executor: str) -> int:
        """How many runs this executor runs now."""
        return self._on_executor[executor]

    def in_pool(self, pool: str) -> int:
        """How many runs have a place in this pool."""
        return self._in_pool[pool]

    def full_pool(self, pool: str | None, kept: int = 0) -> str | None:
        """The pool, if it has no room but ``kept`` places. One without a limit in the config has room."""
        if pool is None or pool not in self._pool_limits:
            return None
        return pool if self._in_pool[pool] + kept >= self._pool_limits[pool] else None

    def add(self, attempt: E) -> None:
        """Enter an attempt that has been decided about."""
        group = self._by_job.setdefault(attempt.job_id, _Group())
        attempt.stage = Stage.ARRIVING
        group.attempts[attempt] = None
        if attempt.is_of_the_past:
            group.of_the_past[attempt] = None
        group.retries += attempt.is_retry
        group.arriving += 1
        self._arriving[attempt] = None
        if attempt.run_id is not None:
            self._by_run[attempt.run_id] = attempt

    def note_id(self, attempt: E, run_id: int) -> None:
        """Note the id of an attempt's row."""
        attempt.run_id = run_id
        self._by_run[run_id] = attempt

    def note_why(self, attempt: E, why: Why | None) -> None:
        """Note why an attempt waits, as its row says it or is about to."""
        if attempt.stage is Stage.WAITING:
            self.waiting.note(attempt, why)
        else:
            attempt.why = why

    def wait(self, attempt: E) -> None:
        """Put an attempt that has a row in line."""
        self._leave_stage(attempt)
        attempt.stage = Stage.WAITING
        self.waiting.add(attempt)

    def take_slot(self, attempt: E, executor: str, pool: str | None) -> None:
        """Let an attempt run."""
        group = self._leave_stage(attempt)
        attempt.stage = Stage.RUNNING
        attempt.executor, attempt.pool = executor, pool
        self._running[attempt] = None
        self._on_executor[executor] += 1
        if pool is not None:
            self._in_pool[pool] += 1
        group.running += 1
        group.running_retries += attempt.is_retry

    def rename(self, attempt: E, job_id: str) -> None:
        """Let an attempt that is not over belong to another job, or rather to the same under another id."""
        if attempt.stage is Stage.WAITING:
            self.waiting.remove(attempt)
        old, new = self._by_job[attempt.job_id], self._by_job.setdefault(job_id, _Group())
        for group, sign in ((old, -1), (new, 1)):
            group.retries += sign * attempt.is_retry
            group.arriving += sign * (attempt.stage is Stage.ARRIVING)
            group.running += sign * (attempt.stage is Stage.RUNNING)
            group.running_retries += sign * (attempt.stage is Stage.RUNNING and attempt.is_retry)
        del old.attempts[attempt]
        new.attempts[attempt] = None
        if attempt.is_of_the_past:
            del old.of_the_past[attempt]
            new.of_the_past[attempt] = None
        if not old.attempts:
            del self._by_job[attempt.job_id]
        attempt.job_id = job_id
        if attempt.stage is Stage.WAITING:
            self.waiting.add(attempt)

    def remove(self, attempt: E) -> None:
        """Forget an attempt that is over or came to nothing; one that is not here is ignored."""
        group = self._by_job.get(attempt.job_id)
        if group is None or attempt not in group.attempts:
            return
        self._leave_stage(attempt)
        attempt.stage = Stage.OVER
        del group.attempts[attempt]
        group.of_the_past.pop(attempt, None)
        group.retries -= attempt.is_retry
        if not group.attempts:
            del self._by_job[attempt.job_id]
        if attempt.run_id is not None:
            self._by_run.pop(attempt.run_id, None)

    def _leave_stage(self, attempt: E) -> _Group[E]:
        group = self._by_job[attempt.job_id]
        match attempt.stage:
            case Stage.ARRIVING:
                group.arriving -= 1
                del self._arriving[attempt]
            case Stage.WAITING:
                self.waiting.remove(attempt)
            case Stage.RUNNING:
                del self._running[attempt]
                self._on_executor[attempt.executor] -= 1
                if attempt.pool is not None:
                    self._in_pool[attempt.pool] -= 1
                group.running -= 1
                group.running_retries -= attempt.is_retry
        return group
