"""The nouns: specs (what is declared), runs (what happened) and the words for their states.

All values are frozen and keyword-only. A spec's fields are written here once; the JSON Schema,
the ``jobs`` table and the documentation are derived from them or held equal by tests.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


class SourceType(StrEnum):
    """How a script job says what to run."""

    PATH = "path"
    INLINE = "inline"
    COMMAND = "command"


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
    type: Literal["script"] = "script"
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
    """One row of ``runs``: an attempt, a wait, or an occurrence that did not run."""

    id: int
    job_id: str
    status: RunStatus
    trigger: Trigger
    attempt: int
    chain_id: int | None
    scheduled_for: datetime | None
    not_before: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    exit_code: int | None
    signal: str | None
    message: str | None
    reason: str | None
    stdout: str | None
    stderr: str | None
    tokens: int | None
    result_meta: str | None
    params: str | None
    forced: bool
    priority: int
    pool: str | None
    spec_hash: str | None
    revision_id: int | None
    file: str | None
    script_hash: str | None
    log_path: str | None
    cancel_cause: str | None
    cancel_requested_at: datetime | None
    last_for: datetime | None
    occurrences: int


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
