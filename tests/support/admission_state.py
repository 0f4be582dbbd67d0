"""What admission is about, in the model of it: jobs and their rules, pauses, rows."""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from jeeves_runner.core.model import CatchUp, OverlapPolicy, RunStatus, Trigger


@dataclass(frozen=True, kw_only=True)
class JobRules:
    """What is declared of a job, as far as admission asks."""

    id: str
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    catch_up: CatchUp = CatchUp.LATEST
    window: timedelta = timedelta(seconds=60)
    retries: int = 0
    retry_delay: timedelta = timedelta(seconds=20)
    retry_on: tuple[RunStatus, ...] = (RunStatus.ERROR,)
    pool: str | None = None
    priority: int = 0

    def __repr__(self) -> str:
        """Only the fields that differ from their defaults."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        told = [each.name for each in fields(self) if values[each.name] != each.default]
        return f"JobRules({', '.join(f'{name}={values[name]!r}' for name in told)})"


@dataclass(kw_only=True, eq=False)
class Row:
    """One row of ``runs``. ``cause`` says why a running one was asked to end, if it was; ``priority``, where
    it has another one than its job."""

    id: int
    job: str
    status: RunStatus
    trigger: Trigger
    reason: str | None = None
    forced: bool = False
    scheduled_for: datetime | None = None
    last_for: datetime | None = None
    occurrences: int = 1
    attempt: int = 1
    chain: int | None = None
    not_before: datetime | None = None
    started: bool = False
    cause: str | None = None
    backfill: int | None = None
    priority: int | None = None

    @property
    def is_open(self) -> bool:
        return not self.status.is_final

    @property
    def waits(self) -> bool:
        return self.status is RunStatus.SCHEDULED

    @property
    def runs(self) -> bool:
        return self.status is RunStatus.RUNNING

    def is_taken_up(self, rules: JobRules) -> bool:
        """Whether it is of a backfill, was cut off, and has not been so too often."""
        is_cut_off = self.backfill is not None and self.status is RunStatus.INTERRUPTED
        return is_cut_off and self.attempt <= rules.retries + 3

    @property
    def is_retry(self) -> bool:
        return self.trigger is Trigger.RETRY

    @property
    def only_waits_for_the_past(self) -> bool:
        """A first attempt of a backfill that has not begun: it stands in nothing's way."""
        return self.backfill is not None and self.waits and not self.is_retry


@dataclass(kw_only=True)
class PauseState:
    """A pause of a job, or of all (None). At ``end`` it is over; who resumes the job brings that forward."""

    job: str | None
    begin: datetime
    end: datetime


@dataclass(kw_only=True)
class JobState:
    """What happened to a job. ``decided_until`` is its watermark; ``since``: when it was restored."""

    rules: JobRules
    enabled: bool = True
    deleted: bool = False
    decided_until: datetime | None = None
    since: datetime | None = None

    @property
    def is_wanted(self) -> bool:
        return self.enabled and not self.deleted


@dataclass(kw_only=True)
class BackfillState:
    """A backfill: the times that are left, and the first attempts of its chains that are not over."""

    id: int
    job: str
    left: list[datetime]
    parallel: int
    chains: list[Row] = field(default_factory=list)
    is_active: bool = True
