"""Jobs as people look at them: their columns with what is paused, held, running and last ended."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, TypedDict, cast

import apsw

from jeeves_runner.clock import from_text, to_text
from jeeves_runner.core.model import BAD, JobType, OverlapPolicy, OverrideKind, SourceType
from jeeves_runner.core.start_words import start_words
from jeeves_runner.core.values import parse_json
from jeeves_runner.db import overrides
from jeeves_runner.db.overrides import Shown
from jeeves_runner.db.run_states import ACTIVE, RUNNING, WAITING

ScheduleColumn = str | dict[str, str] | list[str | dict[str, str]] | None
"""A schedule as a manifest writes it."""


class JobColumns(TypedDict):
    """The columns of a job: all but ``spec`` and ``deleted_at``. Times are text in the database's form."""

    id: str
    """The job's id."""
    name: str
    """Its name, for people."""
    schedule: ScheduleColumn
    """One expression, or several; null for a job that runs only when triggered."""
    script: str
    """What it runs, as ``source_type`` says: a path, a text, or an argv as JSON."""
    type: Annotated[str, JobType]
    """What kind of job it is."""
    enabled: bool
    """Whether its manifest has it scheduled; in documents false while it is paused, too."""
    timeout_ms: int | None
    """How long a run may take; null: as long as it likes."""
    overlap_policy: Annotated[str, OverlapPolicy]
    """What happens to a run that comes while another one is active."""
    on_failure: str | None
    """Where failures are told; a JSON list if that is several channels."""
    on_success: str | None
    """Where successes are told, likewise."""
    output_channel: str | None
    """Where the output is sent, likewise."""
    description: str | None
    """What it is for, for people."""
    timezone: str
    """The IANA zone of its schedule."""
    source_type: Annotated[str, SourceType]
    """What ``script`` holds."""
    spec_hash: str
    """The hash of all that is declared of it."""
    file: str
    """Its manifest, relative to the project root."""
    line: int
    """Where it stands in that, from 1."""
    namespace: str
    """Where its state is kept."""
    revision_id: int
    """The apply that last wrote it."""
    drifted: bool
    """Whether the row was changed by hand since."""
    created_at: str
    """When it was first applied."""
    updated_at: str
    """When it was last written by an apply."""
    schedule_since: str
    """Occurrences at or before this do not count."""
    decided_until: str | None
    """Occurrences at or before this have been decided."""


class ListedJob(NamedTuple):
    """A job and what stands about it in other tables; times as text. ``last_…`` is the newest run that
    started."""

    columns: JobColumns
    """Its own row."""
    tags: list[str]
    """The tags of its spec."""
    owner: str | None
    """Who looks after it, by its spec."""
    starts: list[str]
    """What starts it besides its schedule and people, as ``core.start_words`` has it."""
    active_running: int | None
    """1 while a run of it runs, 0 while one only waits, else None."""
    held_message: str | None
    """Why it is held, None if it is not."""
    held_since: str | None
    """Since when."""
    last_id: int | None
    """None if no run ever started."""
    last_run_status: str | None
    """Where that run is, or how it ended."""
    last_started_at: str | None
    """When it started."""
    last_finished_at: str | None
    """When it ended."""
    last_duration_ms: int | None
    """How long it ran."""
    last_status: str | None
    """The outcome of the newest run that started and ended."""
    pause: Shown | None
    """The pause in force: of its own and that of all jobs the one that ends last."""
    mute: Shown | None
    """The mute in force, likewise."""

    @property
    def status(self) -> str:
        """One word for the job; the first that fits."""
        if not self.columns["enabled"]:
            return "disabled"
        if self.pause is not None:
            return "paused"
        if self.active_running is not None:
            return "running" if self.active_running else "scheduled"
        return self.last_status or "idle"


class HealthCounts(NamedTuple):
    """How many jobs and runs there are of each kind that people look after."""

    jobs: int
    """Live jobs."""
    running: int
    """Runs that run."""
    waiting: int
    """Runs that wait."""
    held: int
    """Jobs, queues and nodes that are held."""
    ok: int
    """Runs that ended ok of late."""
    errors: int
    """Runs that ended badly of late."""


SHOWN: Final = tuple(JobColumns.__annotations__)
"""The columns of a job that are listed."""

_FACTS: Final = len(ListedJob._fields) - 6
"""Facts that the statement finds, beside the columns and what is taken of the spec."""

_OF_SPEC: Final = 3
_ID: Final = _OF_SPEC + _FACTS + SHOWN.index("id")

_ACTIVE: Final = f"""
WITH active AS MATERIALIZED (
  SELECT job_id, max(status = 'running') AS running FROM runs
  WHERE {ACTIVE} GROUP BY job_id)
"""
_BAD: Final = ", ".join(f"'{status}'" for status in BAD)
_STARTED: Final = "job_id = jobs.id AND started_at IS NOT NULL"
_NEWEST: Final = "ORDER BY id DESC LIMIT 1"


def _last_outcome(run: str) -> str:
    """SQL: the outcome of the newest run that started and ended; ``run`` is the newest that started."""
    return f"""CASE WHEN {run}.status = 'running' THEN (
    SELECT status FROM runs WHERE {_STARTED} AND finished_at IS NOT NULL {_NEWEST}) ELSE {run}.status END"""


_COLUMNS: Final = ", ".join(f"jobs.{name}" for name in SHOWN)
_JOINED: Final = f"""
FROM jobs
LEFT JOIN active ON active.job_id = jobs.id
LEFT JOIN held ON held.kind = 'job' AND held.id = jobs.id
LEFT JOIN runs AS last ON last.id = (SELECT id FROM runs WHERE {_STARTED} {_NEWEST})
WHERE jobs.deleted_at IS NULL
"""
_FACTS_OF_JOB: Final = f"""active.running, held.message, held.since, last.id, last.status, last.started_at,
  last.finished_at, last.duration_ms, {_last_outcome("last")}"""
_STARTS: Final = """CASE WHEN jobs.spec -> '$.after' <> 'null' OR jobs.spec -> '$.on_queue' <> 'null'
  OR jobs.spec -> '$.on_change' <> 'null' OR jobs.spec ->> '$.on_start' THEN json_object(
  'after', jobs.spec -> '$.after', 'on_queue', jobs.spec -> '$.on_queue',
  'on_change', jobs.spec -> '$.on_change', 'on_start', jobs.spec -> '$.on_start') END"""
"""SQL: what ``start_words`` reads; NULL where that says nothing, as of most jobs."""
_LIST: Final = f"""
{_ACTIVE}
SELECT jobs.spec -> '$.tags', jobs.spec ->> '$.owner', {_STARTS}, {_FACTS_OF_JOB}, {_COLUMNS}
{_JOINED} {{which}} ORDER BY jobs.id LIMIT :limit
"""
_OF_A_PAGE: Final = _LIST.format(which="AND jobs.id > :after")
_OF_SOME: Final = _LIST.format(which="AND jobs.id IN (SELECT value FROM json_each(:ids))")
_NO_LIMIT: Final = -1


def listed_jobs(
    conn: apsw.Connection,
    now: datetime,
    ids: Sequence[str] | None = None,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> Iterator[ListedJob]:
    """The live jobs by id: those of ``ids``, or up to ``limit``, those ``after`` an id."""
    bindings = {"limit": _NO_LIMIT if limit is None else limit}
    if ids is None:
        found = conn.execute(_OF_A_PAGE, {**bindings, "after": after or ""})
    else:
        found = conn.execute(_OF_SOME, {**bindings, "ids": json.dumps(ids)})
    pauses = overrides.in_force(conn, OverrideKind.PAUSE, now)
    mutes = overrides.in_force(conn, OverrideKind.MUTE, now)
    for row in found:
        tags, owner, starts = row[:_OF_SPEC]
        its_tags = json.loads(tags) if tags and tags != "[]" else []
        if not isinstance(its_tags, list):  # changed by hand
            its_tags = []
        facts, columns = row[_OF_SPEC : _OF_SPEC + _FACTS], _columns(row[_OF_SPEC + _FACTS :])
        its_starts = start_words(json.loads(starts)) if starts else []
        overriding = pauses.of(row[_ID]), mutes.of(row[_ID])
        yield ListedJob._make((columns, its_tags, owner, its_starts, *facts, *overriding))


def _columns(values: Sequence[Any]) -> JobColumns:
    columns = cast(JobColumns, dict(zip(SHOWN, values, strict=True)))
    columns["schedule"] = _schedule(columns["schedule"])
    columns["enabled"] = bool(columns["enabled"])
    columns["drifted"] = bool(columns["drifted"])
    return columns


def _schedule(column: ScheduleColumn) -> ScheduleColumn:
    """One entry by itself, several as a list; no cron expression begins with a bracket."""
    if not isinstance(column, str) or not column.startswith(("[", "{")):
        return column
    try:
        entries: ScheduleColumn = parse_json(column)
    except ValueError:  # changed by hand: shown as it stands
        return column
    return entries


def next_count(conn: apsw.Connection, since: datetime, now: datetime) -> datetime | None:
    """When the time alone makes another of ``health_counts``, whose ``since`` moves along; None: never."""
    past, future = (
        conn.execute("SELECT min(finished_at) FROM runs WHERE finished_at > ?", (to_text(time),)).get
        for time in (since, now)
    )
    try:
        moments = [
            *([] if past is None else [from_text(past) + (now - since)]),
            *([] if future is None else [from_text(future)]),
        ]
    except ValueError:  # changed by hand
        return now
    return min(moments, default=None)


_HEALTH: Final = f"""
SELECT (SELECT count(*) FROM jobs WHERE deleted_at IS NULL),
  (SELECT count(*) FROM runs WHERE {RUNNING}),
  (SELECT count(*) FROM runs WHERE {WAITING}),
  (SELECT count(*) FROM held),
  count(*) FILTER (WHERE status = 'ok'),
  count(*) FILTER (WHERE status IN ({_BAD}))
FROM runs WHERE finished_at > ? AND finished_at <= ?
"""


def health_counts(conn: apsw.Connection, since: datetime, now: datetime) -> HealthCounts:
    """The counts of now; runs that ended are counted if they did so after ``since``, and not, by a clock that
    was ahead, after now."""
    row = conn.execute(_HEALTH, (to_text(since), to_text(now))).fetchone()
    return HealthCounts(*(row or (0,) * len(HealthCounts._fields)))
