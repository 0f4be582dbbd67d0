"""The nouns of what is declared: specs, and the words for the states of runs.

All values are named tuples: to define one takes a tenth of the time of a frozen dataclass, and every command
waits for that. A spec's fields are written here once; the JSON Schema, the ``jobs`` table and the
documentation are derived from them, or tests keep them equal.
"""

from enum import StrEnum
from typing import Final, Literal, NamedTuple

from jeeves_runner.core.alert_spec import Alert, Expect
from jeeves_runner.core.edge_spec import After, Need, OnChange, OnQueue
from jeeves_runner.core.schedule_entry import ScheduleEntry
from jeeves_runner.core.session_spec import Session


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


class ParamType(StrEnum):
    """What the values of a parameter are."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class OverlapPolicy(StrEnum):
    """What happens when a job is due while one of its runs is active."""

    SKIP = "skip"
    ALLOW = "allow"
    QUEUE = "queue"
    REPLACE = "replace"


class CatchUp(StrEnum):
    """What happens to occurrences whose time passed while no runner looked."""

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
    def lapses(self) -> bool:
        """Whether a pause skips it: its moment has passed by the end. Everything else was asked for, also
        where the job ``needs`` others."""
        return self.is_occurrence or self is Trigger.START

    @property
    def is_of_the_past(self) -> bool:
        """Whether it makes up for a time long past: how its run ends says nothing of how the job does now."""
        return self is Trigger.BACKFILL

    @property
    def is_by_hand(self) -> bool:
        """Whether a person asked for this run: a disabled job runs for those alone."""
        return self is Trigger.MANUAL


class Reason(StrEnum):
    """Why a run waits, did not start, or ended without an outcome of its own; the closed list.

    ``reason_ref`` names the object where there is one: the pool that is full, the run that was active or
    that replaced this one.
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
    SKIP = "skip"
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

    @property
    def ends_waiting(self) -> bool:
        """Whether it ends a run that has not started as well. A runner that stops ends only what runs."""
        return self in (CancelCause.CANCEL, CancelCause.REPLACED)


ON_REQUEST: Final = "cancelled on request"
REPLACED: Final = "replaced by a later run"
"""The message of a run that was ended for this, whether it ran or waited."""


class OverrideKind(StrEnum):
    """What people say of a job outside its manifest."""

    PAUSE = "pause"
    SKIP = "skip"
    MUTE = "mute"


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


OUTCOMES: Final = (
    RunStatus.OK,
    RunStatus.ERROR,
    RunStatus.TIMEOUT,
    RunStatus.CANCELLED,
    RunStatus.INTERRUPTED,
    RunStatus.SKIPPED,
)
"""What a run that has started can end as, and a job's status can tell of it."""

BAD: Final = frozenset({RunStatus.ERROR, RunStatus.TIMEOUT, RunStatus.INTERRUPTED})
"""The outcomes that need attention: they count as failures, and a retry may follow them."""


class Secret(NamedTuple):
    """An environment value fetched when the run starts and masked in all its output."""

    kind: Literal["file", "from_env"]
    """Where the value comes from: a file, or a variable of the runner's environment."""
    ref: str
    """The file's path as written, relative to the project root or absolute; or the variable's name."""


class Retries(NamedTuple):
    """When a failed run is tried again."""

    limit: int
    """How many attempts may follow the first, 0 to 100."""
    delay_ms: int = 10_000
    """Milliseconds before the second attempt, at most ``max_delay_ms``."""
    backoff: Literal["fixed", "exponential"] = "fixed"
    """``fixed``: every wait is ``delay_ms``. ``exponential``: each is twice the one before."""
    max_delay_ms: int = 3_600_000
    """The longest wait, in milliseconds."""
    on: tuple[str, ...] = ("error", "timeout")
    """The statuses that are tried again: ``error``, ``timeout``, ``interrupted``."""
    on_exit_codes: tuple[int, ...] | None = None
    """Of the runs that ended ``error``, only these exit codes (1 to 255) are tried again; None: all."""


class Precheck(NamedTuple):
    """What runs before a job's own work and says whether there is anything to do; one of the three."""

    script: str | None = None
    """The absolute path of a file to run."""
    run: str | None = None
    """A text to run, as ``SourceType.INLINE`` is."""
    command: tuple[str, ...] | None = None
    """A program and its arguments."""


class ExitCodes(NamedTuple):
    """What exit codes other than 0 mean, where they do not mean a failure; no code is in both."""

    ok: tuple[int, ...] = ()
    """The codes (1 to 255) of runs that end ``ok``."""
    skip: tuple[int, ...] = ()
    """The codes (1 to 255) of runs that end ``skipped``: they had nothing to do."""


class Keep(NamedTuple):
    """How long a job's ended runs are kept, in the place of ``run_retention``; what is None is no limit."""

    runs: int | None = None
    """How many, 1 to 1,000,000: the newest."""
    days_ms: int | None = None
    """For how long after their end, in milliseconds."""


class Param(NamedTuple):
    """A parameter that a job declares. Values are texts, in the form in which a script gets them."""

    name: str
    """In the form of ``core.params.NAME_PATTERN``; no two of a job make the same environment variable."""
    type: ParamType = ParamType.STRING
    """What its values are."""
    description: str | None = None
    """What it is for, for people."""
    enum: tuple[str, ...] = ()
    """Its only values; empty: any of its type."""
    default: str | None = None
    """Its value where none is given; None: then the script has no such variable."""
    required: bool = False
    """Whether a run needs a value, given or by default."""
    pattern: str | None = None
    """An expression of ``core.expressions`` that the whole of a string must fit; None: any."""
    secret: bool = False
    """Whether its values are shown nowhere, and kept only until the run and its retries are over."""


class JobSpec(NamedTuple):
    """One job as declared, with defaults applied and paths and time zone resolved."""

    id: str
    """Unique over all jobs; of the form that ``core.values.ID_PATTERN`` says."""
    name: str
    """What people call the job; its id where none is given."""
    renamed_from: tuple[str, ...] = ()
    """The ids that the job had before, of which the first that exists is taken over."""
    description: str | None = None
    """What the job does, for people."""
    tags: tuple[str, ...] = ()
    """Words to find the job by."""
    owner: str | None = None
    """Who looks after the job, for people."""
    type: JobType = JobType.SCRIPT
    """What kind of work it is."""
    schedule: tuple[ScheduleEntry, ...] = ()
    """As written; any of them makes an occurrence; empty: it runs only when triggered."""
    on_start: bool = False
    """Whether it runs once each time a runner starts."""
    after: After | None = None
    """The jobs whose ends start it; None: none."""
    on_queue: OnQueue | None = None
    """The queue whose items start it; None: none."""
    on_change: OnChange | None = None
    """The files whose changes start it; None: none."""
    needs: tuple[Need, ...] = ()
    """What else must have gone well for one of its occurrences to start."""
    triggers: tuple[str, ...] = ()
    """The ids of the jobs that its scripts may trigger."""
    timezone: str = "UTC"
    """The IANA zone in which schedule and exclusions are read."""
    exclude: tuple[str, ...] = ()
    """Local dates, date ranges and cron expressions, as written: what they cover is no occurrence."""
    catch_up: CatchUp = CatchUp.LATEST
    """What happens to occurrences that came while no runner was there."""
    catch_up_window_ms: int = 12 * 3_600_000
    """How late an occurrence may still start, in milliseconds."""
    source_type: SourceType = SourceType.PATH
    """What ``script`` is."""
    script: str = ""
    """The absolute path of a file, the text of a script or prompt, or the argv as a JSON list."""
    args: tuple[str, ...] = ()
    """Arguments that follow the script, text or command."""
    params: tuple[Param, ...] = ()
    """What a run can be given; empty: any texts, none of them secret."""
    env: tuple[tuple[str, str | Secret], ...] = ()
    """Pairs of a variable's name and its value, which is a text or is fetched when a run starts."""
    cwd: str = ""
    """The folder to run in, an absolute path."""
    session: Session | None = None
    """How an agent carries it out; None: as the gateway is set."""
    precheck: Precheck | None = None
    """What runs first and says whether there is anything to do; None: there always is."""
    timeout_ms: int | None = None
    """Milliseconds after which a run is ended; None: never."""
    kill_grace_ms: int = 10_000
    """Milliseconds between SIGTERM and SIGKILL when a run is ended."""
    overlap_policy: OverlapPolicy = OverlapPolicy.SKIP
    """What happens when the job is due while one of its runs is active."""
    retries: Retries | None = None
    """When a failed run is tried again; None: never."""
    exit_codes: ExitCodes | None = None
    """Which exit codes other than 0 are no failure; None: all are one."""
    keep: Keep | None = None
    """How long its ended runs are kept; None: as long as the config says."""
    expect: Expect | None = None
    """What people expect of its runs; None: nothing of their times."""
    on_failure: tuple[str, ...] = ()
    """Where people are told of what goes wrong: addresses as ``core.alerts.address`` reads them."""
    on_success: tuple[str, ...] = ()
    """Where they are told of each chain that ends ok, likewise."""
    output_channel: tuple[str, ...] = ()
    """Where the output of its runs is sent, likewise."""
    alert: Alert | None = None
    """What they are told, and how often; None: as ``Alert()`` says."""
    heartbeat: str | Secret | None = None
    """The URL that is called when a chain of its runs has ended; None: none."""
    pool: str | None = None
    """The pool of the config whose limit counts for this job as well; None: no pool."""
    priority: int = 0
    """Of the runs that wait, higher ones start first; -1000 to 1000."""
    enabled: bool = True
    """False: declared and shown, never scheduled."""
    reads: tuple[str, ...] = ()
    """What the job reads: edges of the graph, each ``KIND:NAME``."""
    writes: tuple[str, ...] = ()
    """What the job writes, in the same form."""
    uses: tuple[str, ...] = ()
    """What else the job depends on, in the same form."""
