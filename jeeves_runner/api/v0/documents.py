"""The documents of the original: each field is named and typed as its database and its handlers had it.

Times are UTC text to the second, ``2026-03-01 12:00:00``; what was text of JSON there is such a text here.
"""

from typing import TypedDict


class Health(TypedDict):
    """How many jobs there are, and how runs went of late."""

    totalJobs: int
    """Live jobs."""
    running: int
    """Runs that run."""
    failedRegistrations: int
    """Manifests that are held, or were never applied for their errors."""
    okLastHour: int
    """Runs that ended ok in the last hour."""
    errorsLastHour: int
    """Runs that ended badly in the last hour."""


class Status(TypedDict):
    """How the runner is."""

    name: str
    """``runner``."""
    version: str
    """The version of this program."""
    uptime: int
    """For how many seconds it has been running."""
    status: str
    """``healthy``; ``degraded`` while it starts nothing more."""
    health: Health
    """What there is and goes on."""


class OriginalJob(TypedDict):
    """A job as the original's table had it."""

    id: str
    """Its id."""
    name: str
    """Its name, for people."""
    schedule: str
    """A cron expression, or other schedules as JSON; empty for a job that runs only when triggered."""
    script: str
    """A path, or a text."""
    type: str
    """``script`` or ``session``."""
    description: str | None
    """What it is for, for people."""
    enabled: int
    """0 while it is paused or disabled, else 1."""
    timeout_ms: int | None
    """How long a run may take."""
    overlap_policy: str
    """``skip`` or ``allow``."""
    on_failure: str | None
    """Where failures are told."""
    on_success: str | None
    """Where successes are told."""
    created_at: str
    """When it was first applied."""
    updated_at: str
    """When it was last written by an apply."""
    source_type: str
    """``path`` or ``inline``."""
    output_channel: str | None
    """Where its output is sent."""
    env: str | None
    """Its variables as JSON: of a secret where it is, and never what it is."""
    args: str | None
    """Its arguments as JSON."""


class ListedJob(OriginalJob):
    """A job in a list."""

    last_status: str | None
    """The status of its newest run."""
    last_run: str | None
    """When that started."""


class JobDocument(TypedDict):
    """One job."""

    job: OriginalJob
    """As its row."""


class JobsDocument(TypedDict):
    """The live jobs."""

    jobs: list[ListedJob]
    """By id."""


class OriginalRun(TypedDict):
    """A run as the original's table had it."""

    id: int
    """Its number."""
    job_id: str
    """The job."""
    status: str
    """One of ``pending, running, ok, error, timeout, skipped``."""
    started_at: str | None
    """When it started."""
    finished_at: str | None
    """When it ended."""
    duration_ms: int | None
    """How long it ran."""
    exit_code: int | None
    """The exit code of its process."""
    tokens: int | None
    """How many tokens it used."""
    result_meta: str | None
    """What else the script says of its result."""
    error: str | None
    """What went wrong."""
    stdout_tail: str | None
    """The end of what it wrote there, without empty lines."""
    stderr_tail: str | None
    """Likewise."""
    trigger: str
    """``schedule`` or ``manual``."""


class RunsDocument(TypedDict):
    """The runs of a job."""

    runs: list[OriginalRun]
    """Newest first."""


class Result(TypedDict):
    """How a run ended."""

    status: str
    """As in a list."""
    exitCode: int | None
    """The exit code of its process."""
    durationMs: int | None
    """How long it ran."""
    tokens: int | None
    """How many tokens it used."""
    resultMeta: str | None
    """What else the script says of its result."""
    stdoutTail: str
    """The end of what it wrote there, without empty lines."""
    stderrTail: str
    """Likewise."""
    error: str | None
    """What went wrong."""


class ResultDocument(TypedDict):
    """A run by hand that has ended."""

    result: Result
    """How."""


class QueueIdsDocument(TypedDict):
    """The queues that hold items."""

    queues: list[str]
    """By id."""


class QueueCounts(TypedDict):
    """How full a queue is."""

    depth: int
    """Items that wait."""
    claimedCount: int
    """Items whose claim has not ended."""
    failedCount: int
    """Dead letters."""
    oldestAge: int | None
    """How many milliseconds ago the oldest waiting item was added."""


class Item(TypedDict):
    """An item of a queue."""

    id: int
    """Its number."""
    payload: object
    """Any JSON value."""
    priority: int
    """Items with a higher number are claimed first."""
    createdAt: str
    """When it was added."""


class ItemsDocument(TypedDict):
    """The items of a queue that wait."""

    items: list[Item]
    """In the order of claims."""


class NamespacesDocument(TypedDict):
    """Where scripts keep state."""

    namespaces: list[str]
    """By name."""


class StateItem(TypedDict):
    """An item of a key."""

    itemKey: str
    """Its name within the key."""
    value: str | None
    """Its value as text."""
    updatedAt: str
    """When it was last set."""


class Collection(TypedDict):
    """What a script keeps under one key."""

    value: str | None
    """The value as text."""
    items: list[StateItem]
    """Its items."""
    count: int
    """How many items are listed here."""


class Found(TypedDict):
    """What a JSONPath has found."""

    result: list[object]
    """The values."""
    count: int
    """How many they are."""


class RefusalDocument(TypedDict):
    """Why its own handlers do not serve a request."""

    error: str
    """In a sentence."""


class Fault(TypedDict):
    """Why Fastify, its library for HTTP, does not."""

    statusCode: int
    """The status."""
    code: str
    """Fastify's code where it has one, else ``ERR_`` and the code of the house."""
    error: str
    """The phrase of the status."""
    message: str
    """In a sentence."""


class NoRoute(TypedDict):
    """What is said of a path, or of a method, that is not there."""

    message: str
    """Which."""
    error: str
    """The phrase of the status."""
    statusCode: int
    """404."""
