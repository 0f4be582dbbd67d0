"""The nouns: specs (what is declared), runs (what happened) and the words for their states.

All values are frozen and keyword-only. A spec's fields are written here once; the JSON Schema,
the ``jobs`` table and the documentation are derived from them or held equal by tests.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


class JobType(StrEnum):
    """What kind of work a job is."""

    SCRIPT = "script"
    SESSION = "session"


class SourceType(StrEnum):
    """How a job says what to run: a script in one of three ways, a session in one of two."""

    PATH = "path"
    INLINE = "inline"
    COMMAND = "command"
    PROMPT = "prompt"
    PROMPT_FILE = "prompt_file"


class OverlapPolicy(StrEnum):
    """What happens when a job is due while one of its runs is active."""

    SKIP = "skip"
    ALLOW = "allow"
    QUEUE = "queue"
    REPLACE = "replace"


class CatchUp(StrEnum):
    """What happens to occurrences whose time passed while nobody looked."""

    LATEST = "latest"
    NONE = "none"
    ALL = "all"


class Trigger(StrEnum):
    """Why a run exists."""

    SCHEDULE = "schedule"
    CATCH_UP = "catch_up"
    MANUAL = "manual"
    RETRY = "retry"
    AFTER = "after"
    QUEUE = "queue"
    CHANGE = "change"
    START = "start"
    BACKFILL = "backfill"

    @property
    def is_occurrence(self) -> bool:
        """Whether a time on the schedule came: it has one first attempt at most, and moves the watermark.

        The database says the same in the column ``runs.is_occurrence``.
        """
        return self in (Trigger.SCHEDULE, Trigger.CATCH_UP)

    @property
    def is_by_hand(self) -> bool:
        """Whether a person asked for this run: a disabled job runs for those alone."""
        return self is Trigger.MANUAL


class Reason(StrEnum):
    """Why a run waits, did not start, or ended without an outcome of its own; the closed list.

    ``reason_ref`` names the object where there is one: the pool that is full, the run that was active or
    that replaced this one, the revision that deleted or disabled the job.
    """

    OVERLAP = "overlap"
    QUEUE_FULL = "queue_full"
    LIMIT = "limit"
    POOL = "pool"
    PAUSED = "paused"
    DISK_FULL = "disk_full"
    RETRY = "retry"
    NEEDS = "needs"
    PRECHECK = "precheck"
    EXIT_CODE = "exit_code"
    TOKEN_BUDGET = "token_budget"
    DEPTH = "depth"
    LATE = "late"
    SUPERSEDED = "superseded"
    NO_CATCH_UP = "no_catch_up"
    CANCEL = "cancel"
    REPLACED = "replaced"
    DELETED = "deleted"
    DISABLED = "disabled"


class CancelCause(StrEnum):
    """What an active run is asked to end for."""

    CANCEL = "cancel"
    REPLACED = "replaced"
    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    FENCED = "fenced"


class OverrideKind(StrEnum):
    """What people say of a job outside its manifest."""

    PAUSE = "pause"
    SKIP = "skip"
    MUTE = "mute"


class SourceKind(StrEnum):
    """Where manifests come from."""

    FOLDER = "folder"
    GIT = "git"


class AppliedBy(StrEnum):
    """What made a revision."""

    WATCH = "watch"
    CLI = "cli"
    API = "api"
    HOOK = "hook"


class RunStatus(StrEnum):
    """The states of a run; see docs/explanation/run-lifecycle.md."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    MISSED = "missed"

    @property
    def is_final(self) -> bool:
        return self not in (RunStatus.SCHEDULED, RunStatus.RUNNING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """An environment value fetched when the run starts and masked in all its output."""

    kind: Literal["file", "from_env"]
    ref: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Retries:
    """When a failed run is tried again; times in milliseconds, ``delay_ms`` at most ``max_delay_ms``."""

    limit: int
    delay_ms: int = 10_000
    backoff: Literal["fixed", "exponential"] = "fixed"
    max_delay_ms: int = 3_600_000
    on: tuple[str, ...] = ("error", "timeout")
    on_exit_codes: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSpec:
    """One job as declared, defaults applied, paths and time zone resolved.

    ``schedule`` holds cron expressions (empty: only triggered). ``script`` is the absolute path,
    the inline text, or the argv as JSON, as ``source_type`` says. ``cwd`` is absolute.
    """

    id: str
    name: str
    description: str | None = None
    tags: tuple[str, ...] = ()
    owner: str | None = None
    type: JobType = JobType.SCRIPT
    schedule: tuple[str, ...] = ()
    timezone: str = "UTC"
    exclude: tuple[str, ...] = ()
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window_ms: int = 12 * 3_600_000
    source_type: SourceType = SourceType.PATH
    script: str = ""
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str | Secret], ...] = ()
    cwd: str = ""
    timeout_ms: int | None = None
    kill_grace_ms: int = 10_000
    overlap_policy: OverlapPolicy = OverlapPolicy.SKIP
    retries: Retries | None = None
    pool: str | None = None
    priority: int = 0
    enabled: bool = True
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueSpec:
    """One queue as declared; times in milliseconds, ``dedup_key`` a JSON path."""

    id: str
    description: str | None = None
    dedup_key: str | None = None
    dedup_scope: Literal["pending", "all"] = "pending"
    max_attempts: int = 3
    lease_ms: int = 300_000
    backoff_delay_ms: int = 0
    backoff_factor: float = 2.0
    backoff_max_delay_ms: int = 3_600_000
    retention_completed_ms: int = 7 * 86_400_000
    retention_failed_ms: int = 30 * 86_400_000


Spec = JobSpec | QueueSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """What git says about the manifests.

    ``sha`` ends in ``+dirty`` when the folder differs from that commit; then nobody is its author.
    """

    sha: str
    author: str | None = None
    subject: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One row of ``runs``: an attempt, a wait, or an occurrence that did not run. Times are UTC."""

    id: int
    """Given once, in the order of entering, and never again."""
    job_id: str
    """The job, which may be a tombstone by now."""
    status: RunStatus
    trigger: Trigger
    attempt: int
    """1 for a first attempt, one more for each retry."""
    chain_id: int | None
    """The first attempt's id; None for a first attempt."""
    scheduled_for: datetime | None
    """The occurrence; of rows that stand for several, the first. A retry has its first attempt's."""
    last_for: datetime | None
    """The last occurrence of a row that stands for several."""
    occurrences: int
    """How many occurrences the row stands for."""
    not_before: datetime | None
    """A retry does not start before."""
    created_at: datetime
    """When the row was entered."""
    started_at: datetime | None
    """When the start was recorded; None for what never started."""
    finished_at: datetime | None
    """When the end was recorded."""
    duration_ms: int | None
    """How long the work took, in milliseconds of awake time."""
    exit_code: int | None
    """0 to 255, of a process that exited."""
    signal: str | None
    """``SIGKILL`` and the like, of a process that was killed."""
    message: str | None
    """What there is to say about the end, in words."""
    reason: Reason | None
    """Why it waits, did not start, or ended without an outcome of its own."""
    reason_ref: str | None
    """What the reason is about, by name or id."""
    stdout: str | None
    """The last lines, masked: at most 100 lines and 64 KiB."""
    stderr: str | None
    """As ``stdout``."""
    tokens: int | None
    """What the script reported as used."""
    result_meta: str | None
    """The rest of what the script reported: a JSON object."""
    params: str | None
    """What it was triggered with: a JSON object of texts."""
    forced: bool
    """It overrides pauses and the overlap policy."""
    priority: int
    """Higher ones start first."""
    pool: str | None
    """The named limit it takes a place of."""
    spec_hash: str | None
    """The spec it ran under; None before its start if it is a retry."""
    revision_id: int | None
    """The revision that applied that spec."""
    file: str | None
    """The manifest of that spec."""
    script_hash: str | None
    """Of what ran: the hex of a 16-byte BLAKE2b of the file, the text or the argv's JSON."""
    log_path: str | None
    """Where its output is."""
    cancel_cause: CancelCause | None
    """The first thing it was asked to end for."""
    cancel_requested_at: datetime | None
    """When that was."""
    epoch: int | None
    """The runner that decided about it; None while no runner has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exited:
    """A process ended: ``code`` 0-255, or ``signal`` such as ``SIGKILL``; never both."""

    code: int | None = None
    signal: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """Something without an exit code reported its own end."""

    status: Literal["ok", "error", "timeout", "cancelled"]
    message: str | None = None
    text: str | None = None
    tokens: int | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancelled:
    """The executor ended the work because it was asked to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """Nobody can say how the work ended."""

    message: str


Ending = Exited | Finished | Cancelled | Lost


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a run ended, ready to record."""

    status: RunStatus
    exit_code: int | None = None
    signal: str | None = None
    message: str | None = None
    tokens: int | None = None
    result_meta: str | None = None
