"""What has become of runs since this runner began, in numbers.

It follows the ends of runs by their numbers, as ``runs.ends`` does: each is counted once, whichever process
has recorded it, and a run costs nothing here until the next look, which reads all that have ended since.
"""

import threading
from typing import Final, NamedTuple

import apsw

from jeeves_runner.core.histogram import Histogram
from jeeves_runner.core.model import BAD, RunStatus
from jeeves_runner.db.ended_runs import EndedRun, ended_after, standing_now

OTHER: Final = "other"
"""The name under which those are counted that have no series of their own."""

DURATIONS: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
"""The bounds of how long runs take, in seconds."""

LAGS: Final = (0.01, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 3600.0)
"""The bounds of how much later than due they start, in seconds."""

_FROM_THE_START: Final = tuple(sorted({RunStatus.OK, *BAD}))
"""The ends that each job has a series of before it has any: else its first failure would be no rise."""


class JobTotals:
    """The ends of the runs of one job. What ``RunTotals.look`` has handed out stays as it is."""

    __slots__ = ("durations", "ends", "tokens")

    def __init__(self) -> None:
        self.ends: dict[str, int] = dict.fromkeys(_FROM_THE_START, 0)
        self.durations: Histogram | None = None
        self.tokens = 0

    def copy(self) -> "JobTotals":
        """The same numbers, which stay as they are."""
        copied = JobTotals()
        copied.ends = self.ends.copy()
        copied.durations = None if self.durations is None else self.durations.copy()
        copied.tokens = self.tokens
        return copied


class Totals(NamedTuple):
    """All that was counted up to a moment."""

    jobs: dict[str, JobTotals]
    """By job; those without a series of their own together under ``OTHER``."""
    lags: dict[str, Histogram]
    """By trigger, how much later than due runs started, in seconds."""


class RunTotals:
    """Counts from ``begin`` on. From any thread; each call takes a connection that its thread may read by."""

    def __init__(self, most: int) -> None:
        """``most``: how many jobs are counted by themselves."""
        self._most = most
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._jobs: dict[str, JobTotals] = {}
        # Those that nothing else has yet: to be counted in as they are.
        self._own: set[str] = set()
        self._lags: dict[str, Histogram] = {}
        # What was counted of rows that may come to stand for more: by run, and by job which run that is.
        self._counted: dict[int, int] = {}
        self._standing: dict[str, int] = {}

    def begin(self, conn: apsw.Connection) -> None:
        """Count what ends from here on."""
        with self._lock:
            self._begin(conn)

    def _begin(self, conn: apsw.Connection) -> int:
        self._seen, standing = standing_now(conn)
        for row in standing:
            self._remember(row.job_id, row.run_id, row.occurrences)
        return self._seen

    def catch_up(self, conn: apsw.Connection) -> None:
        """Count what has ended since the last look."""
        with self._lock:
            self._catch_up(conn)

    def look(self, conn: apsw.Connection, live: list[str]) -> Totals:
        """The same, and what it comes to. The ``live`` jobs are in it before any run of theirs has ended.

        Of a job that nothing was counted of since the last look it has the very same object."""
        with self._lock:
            self._catch_up(conn)
            for job_id in live:
                self._name_of(job_id)
            self._own.clear()
            return Totals(self._jobs.copy(), {name: lags.copy() for name, lags in self._lags.items()})

    def _catch_up(self, conn: apsw.Connection) -> None:
        seen = self._begin(conn) if self._seen is None else self._seen
        for run in ended_after(conn, seen):
            self._count(run)
            self._seen = run.end_seq

    def _count(self, run: EndedRun) -> None:
        job, times = self._to_count_in(run.job_id), 1
        if not run.has_started:
            times = max(0, run.occurrences - self._counted.get(run.run_id, 0))
            self._remember(run.job_id, run.run_id, run.occurrences)
        job.ends[run.status] = job.ends.get(run.status, 0) + times
        job.tokens += run.tokens or 0
        if run.duration_ms is not None:
            if job.durations is None:
                job.durations = Histogram(DURATIONS)
            job.durations.add(run.duration_ms / 1000)
        if run.lag is not None:
            self._lags.setdefault(run.trigger, Histogram(LAGS)).add(max(0.0, run.lag))

    def _name_of(self, job_id: str) -> str:
        """Under which it is counted; from now on there are numbers under it."""
        if job_id in self._jobs:
            return job_id
        name = job_id if len(self._jobs) < self._most else OTHER
        if name not in self._jobs:
            self._jobs[name] = JobTotals()
            self._own.add(name)
        return name

    def _to_count_in(self, job_id: str) -> JobTotals:
        name = self._name_of(job_id)
        if name not in self._own:
            self._jobs[name] = self._jobs[name].copy()
            self._own.add(name)
        return self._jobs[name]

    def _remember(self, job_id: str, run_id: int, occurrences: int) -> None:
        """Only the newest run of a job may come to stand for more."""
        before = self._standing.get(job_id, 0)
        if run_id < before:
            return
        if run_id > before:
            self._counted.pop(before, None)
            self._standing[job_id] = run_id
        self._counted[run_id] = occurrences
