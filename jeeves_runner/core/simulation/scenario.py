"""What is to be played: jobs, limits, what befalls the runner, and how long work takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from jeeves_runner.core.after import Arrived
from jeeves_runner.core.board.entry import BoardEntry
from jeeves_runner.core.causes import Causes
from jeeves_runner.core.durations import MAX_SPAN_MS
from jeeves_runner.core.model import CancelCause, JobSpec, Reason, RunStatus, Trigger
from jeeves_runner.core.policy import DEPTH_LIMIT
from jeeves_runner.core.run import PausedTime, SkippedTime
from jeeves_runner.core.schedule.schedule import Schedule


class Down(NamedTuple):
    """A time in which no runner lives, as if it had been killed."""

    begin: datetime
    """The moment of the kill; aware, UTC, as all times here."""
    end: datetime
    """When the next one has started."""


class Ended(NamedTuple):
    """How the work of a run goes if nothing ends it before."""

    after: timedelta
    """How long it takes."""
    status: RunStatus = RunStatus.OK
    """How it ends."""
    reason: Reason | None = None
    """Why it had nothing to do, if it ends so."""
    exit_code: int | None = None
    """Of a process that exits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedJob:
    """One job, with all that decides about its runs."""

    spec: JobSpec
    """As declared."""
    schedule: Schedule | None
    """When it is due; None: never by itself."""
    after: datetime
    """Occurrences at or before this do not count."""
    executor: str
    """What carries its runs out."""
    outlives: bool = False
    """Its work goes on while no runner lives."""
    namespace: str | None = None
    """What its moment after a start of the runner is taken from; None: its id."""
    window: timedelta = field(init=False)
    """How late an occurrence may still start."""
    timeout: timedelta = field(init=False)
    """After which its runs are ended; the longest one if there is no such time."""

    def __post_init__(self) -> None:
        timeout = self.spec.timeout_ms
        object.__setattr__(self, "window", _span(self.spec.catch_up_window_ms))
        object.__setattr__(self, "timeout", timedelta.max if timeout is None else _span(timeout))


@dataclass(slots=True, eq=False, kw_only=True)
class SimulatedRun(BoardEntry):
    """A row that would be written; ``run_id`` counts from 1. Fields that ``Run`` has too mean the same."""

    job: SimulatedJob
    """Its job."""
    created_at: datetime
    """When it was entered."""
    status: RunStatus = RunStatus.SCHEDULED
    """Where it stands, or how it ended."""
    attempt: int = 1
    """1 for a first attempt, one more for each retry."""
    chain_id: int | None = None
    """The first attempt's id; None for a first attempt."""
    scheduled_for: datetime | None = None
    """The occurrence; of several the first. A retry has its first attempt's."""
    last_for: datetime | None = None
    """The last occurrence of a row that stands for several."""
    occurrences: int = 1
    """How many it stands for."""
    not_before: datetime | None = None
    """A retry does not start before."""
    started_at: datetime | None = None
    """When its work began; None for what never started."""
    finished_at: datetime | None = None
    """When it ended."""
    exit_code: int | None = None
    """What it exited with."""
    reason: Reason | None = None
    """Why it waits, did not start, or ended without an outcome of its own."""
    reason_ref: str | None = None
    """What the reason is about, by name or id."""
    depth: int = 0
    """Over how many runs it follows from what times and starts have brought."""
    caused_by: Causes | None = None
    """The runs that it follows from, by their ``run_id``; 0 is one from before the play."""
    overlaps: bool = False
    """Another run of its job was active when it came."""
    waited_for: Reason | None = None
    """Why it waited last before it started, or does; None if it started at once."""
    ends_at: datetime | None = None
    """When its work will be over, while it runs."""
    ended: Ended | None = None
    """How that will end."""

    @property
    def is_too_long(self) -> bool:
        """Whether its work would go on beyond its timeout."""
        return self.ended is not None and self.ended.after > self.job.timeout

    @property
    def due_at(self) -> datetime:
        """Since when it could have started."""
        return self.not_before or self.created_at


class OpenRun(NamedTuple):
    """A run that runs or waits already when the play begins."""

    job_id: str
    """The job."""
    trigger: Trigger
    """Why it exists."""
    scheduled_for: datetime | None
    """Its occurrence."""
    created_at: datetime
    """When it was entered."""
    started_at: datetime | None
    """When it started; None: it waits."""
    attempt: int = 1
    """1 for a first attempt."""
    not_before: datetime | None = None
    """A retry does not start before."""
    forced: bool = False
    """It overrides pauses and the overlap policy."""
    cause: CancelCause | None = None
    """What it was asked to end for."""
    depth: int = 0
    """Over how many runs it follows from others."""


def _span(length_ms: int) -> timedelta:
    return timedelta(milliseconds=min(length_ms, MAX_SPAN_MS))


WorkOf = Callable[[SimulatedRun], Ended]
"""How the work of a run that starts now will go."""


def lasting(lengths: Mapping[str, timedelta], otherwise: timedelta) -> WorkOf:
    """Work that always ends well: as long as its job's length says."""
    known = {job_id: Ended(length) for job_id, length in lengths.items()}
    usual = Ended(otherwise)
    return lambda run: known.get(run.job_id, usual)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """All that a play depends on."""

    begin: datetime
    """When it begins: a runner lives then."""
    end: datetime
    """When it is over: what comes later is not looked at."""
    jobs: Sequence[SimulatedJob]
    """The enabled ones."""
    slots: Mapping[str, int | None]
    """By executor, how many runs it may run at once; None: as many as come."""
    pools: Mapping[str, int]
    """The same by pool."""
    work: WorkOf
    """How work goes."""
    down: Sequence[Down] = ()
    """Times without a runner."""
    pauses: Mapping[str | None, Sequence[PausedTime]] = field(default_factory=dict)
    """Pauses by job; under None those of all jobs."""
    skips: Mapping[str, Sequence[SkippedTime]] = field(default_factory=dict)
    """Occurrences that are skipped, by job."""
    catch_up_spread: timedelta = timedelta(0)
    """Over how long the jobs are spread that catch up after a silence."""
    starts: bool = False
    """Whether the runner starts when the play begins; else it lives already."""
    open_runs: Sequence[OpenRun] = ()
    """What runs and waits, oldest first."""
    arrived: Mapping[str, Mapping[str, Arrived]] = field(default_factory=dict)
    """By job and by one that it comes after, the ends of that one that no run has consumed yet."""
    last_ok: Mapping[str, datetime] = field(default_factory=dict)
    """When jobs that others need have ended ok last, before the play."""
    depth_limit: int = DEPTH_LIMIT
    """Over how many runs one may follow from another."""
