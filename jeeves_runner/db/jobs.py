"""The ``jobs`` table: written by applies alone, read by everyone."""

import json
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from jeeves_runner.db.declared import DeclaredTable, intact

if TYPE_CHECKING:
    from jeeves_runner.core.plan import LiveRow

log = logging.getLogger(__name__)

# The columns people query are taken out of the spec by SQLite itself, here and nowhere else.
_DECLARED = {
    "name": "s ->> '$.name'",
    "schedule": "CASE json_array_length(s, '$.schedule') WHEN 0 THEN NULL WHEN 1 THEN s ->> '$.schedule[0]' "
    "ELSE s -> '$.schedule' END",
    "script": "s ->> '$.script'",
    "type": "s ->> '$.type'",
    "enabled": "s ->> '$.enabled'",
    "timeout_ms": "s ->> '$.timeout_ms'",
    "overlap_policy": "s ->> '$.overlap_policy'",
    "description": "s ->> '$.description'",
    "timezone": "s ->> '$.timezone'",
    "source_type": "s ->> '$.source_type'",
    "spec": "s",
}

# A job's past is never caught up across a change of when it should run.
_RESCHEDULED = " OR ".join(
    [
        "jobs.deleted_at IS NOT NULL",
        "jobs.enabled < excluded.enabled",
        *(
            f"(jobs.spec -> '$.{part}') IS NOT (excluded.spec -> '$.{part}')"
            for part in ("schedule", "timezone", "exclude")
        ),
    ]
)

_UPSERT = f"""
INSERT INTO jobs ({", ".join(_DECLARED)}, id, spec_hash, file, line, namespace, revision_id,
                  created_at, updated_at, schedule_since)
SELECT {", ".join(_DECLARED.values())}, :id, :hash, :file, :line, :id, :revision, :at, :at, :at
FROM (SELECT :text AS s) WHERE true
ON CONFLICT (id) DO UPDATE SET
  {", ".join(f"{column} = excluded.{column}" for column in _DECLARED)},
  spec_hash = excluded.spec_hash, file = excluded.file, line = excluded.line,
  namespace = excluded.namespace, revision_id = excluded.revision_id, updated_at = excluded.updated_at,
  on_failure = NULL, on_success = NULL, output_channel = NULL, drifted = 0, deleted_at = NULL,
  schedule_since = CASE WHEN {_RESCHEDULED} THEN excluded.schedule_since ELSE jobs.schedule_since END
"""


TABLE = DeclaredTable("jobs", _UPSERT)


def live_rows(conn: apsw.Connection) -> "Iterator[tuple[str, LiveRow]]":
    """All live jobs by id, as a plan is made from them."""
    from jeeves_runner.core.plan import LiveRow  # those who only look up a job need no plans

    rows = conn.execute(
        "SELECT id, spec_hash, file, line, drifted, CASE source_type WHEN 'path' THEN script END,"
        " CASE drifted WHEN 1 THEN spec END FROM jobs WHERE deleted_at IS NULL"
    )
    for name, digest, file, line, drifted, script, spec in rows:
        text = intact(digest, spec)
        runs = script if text is None else _script_file(text)
        yield name, LiveRow(digest, file, line, bool(drifted), runs, text)


def _script_file(text: str) -> str | None:
    """The file a job runs, by its spec: a column changed by hand may say another."""
    values = json.loads(text)
    return values["script"] if values["source_type"] == "path" else None


def live_ids(conn: apsw.Connection) -> list[str]:
    """The ids of all live jobs."""
    return [name for (name,) in conn.execute("SELECT id FROM jobs WHERE deleted_at IS NULL ORDER BY id")]


def written_since(conn: apsw.Connection, revision_id: int) -> list[str]:
    """The jobs, tombstones included, that revisions after this one wrote."""
    return [name for (name,) in conn.execute("SELECT id FROM jobs WHERE revision_id > ?", (revision_id,))]


def drifted_columns(conn: apsw.Connection, job_id: str, text: str) -> list[tuple[str, Any, Any]]:
    """``(column, stored, declared)`` where the row is not what the spec ``text`` says."""
    columns = {name: source for name, source in _DECLARED.items() if name != "spec"} | {"namespace": "id"}
    pairs = ", ".join(f"{column}, {source}" for column, source in columns.items())
    row = conn.execute(f"SELECT {pairs} FROM jobs, (SELECT ? AS s) WHERE id = ?", (text, job_id)).fetchone()
    names = list(columns)
    values = [] if row is None else list(zip(names, row[::2], row[1::2], strict=True))
    return [(name, stored, declared) for name, stored, declared in values if stored != declared]


class JobRow(NamedTuple):
    """What runs and readers need of a job, live or deleted; times as the database's text."""

    id: str
    """The job's id."""
    spec_text: str
    """All that is declared, as canonical JSON; see ``core.specs``."""
    spec_hash: str
    """The hash of that."""
    enabled: bool
    """Whether the manifest has it scheduled; pauses do not count."""
    file: str
    """The manifest, relative to the project root."""
    line: int
    """Where the job stands in it, from 1."""
    namespace: str
    """Where the job keeps its state; also what ``H`` in its schedule is spread by."""
    revision_id: int
    """The apply that last wrote the row."""
    schedule_since: str
    """Occurrences at or before this do not count."""
    decided_until: str | None
    """The watermark: occurrences at or before this have been decided; None before the first one."""
    deleted_at: str | None
    """When it was deleted; None for a live job."""


_ROW = (
    "SELECT id, spec, spec_hash, enabled, file, line, namespace, revision_id, schedule_since,"
    " decided_until, deleted_at FROM jobs"
)


def job_row(conn: apsw.Connection, job_id: str) -> JobRow | None:
    """The job, live or tombstone."""
    row = conn.execute(_ROW + " WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else _job_row(row)


def _job_row(row: Sequence[Any]) -> JobRow:
    return JobRow(
        id=row[0],
        spec_text=row[1],
        spec_hash=row[2],
        enabled=bool(row[3]),
        file=row[4],
        line=row[5],
        namespace=row[6],
        revision_id=row[7],
        schedule_since=row[8],
        decided_until=row[9],
        deleted_at=row[10],
    )


class TimetableRow(NamedTuple):
    """What decides when a job is due. Fields that ``JobRow`` has too are the same there."""

    id: str
    """The job's id."""
    enabled: bool
    """Whether the manifest has it scheduled."""
    deleted: bool
    """Whether it is a tombstone."""
    schedule: tuple[str, ...]
    """Cron expressions as written; empty: never due by itself."""
    timezone: str
    """The IANA zone of schedule and exclusions."""
    exclude: tuple[str, ...]
    """What is no occurrence: local dates, date ranges and cron expressions, as written."""
    namespace: str
    """What ``H`` in the schedule is spread by."""
    schedule_since: str
    """Occurrences at or before this do not count; as the database's text."""
    decided_until: str | None
    """The watermark, in the same form."""


_TIMETABLE = (
    "SELECT id, enabled, deleted_at IS NOT NULL, spec ->> '$.schedule', timezone, spec ->> '$.exclude',"
    " namespace, schedule_since, decided_until FROM jobs"
)


def timetable_rows(conn: apsw.Connection, ids: Sequence[str] | None = None) -> Iterator[TimetableRow]:
    """The rows of these jobs, or of all live ones.

    Unknown ids are left out. So is a row that was damaged by hand, with a word in the log.
    """
    if ids is None:
        rows = conn.execute(_TIMETABLE + " WHERE deleted_at IS NULL ORDER BY id")
    else:
        rows = conn.execute(_TIMETABLE + " WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
    for row in rows:
        try:
            yield _timetable_row(row)
        except (ValueError, TypeError) as error:
            log.error("job %s cannot be scheduled until an apply has healed its row: %s", row[0], error)


def _timetable_row(row: Sequence[Any]) -> TimetableRow:
    return TimetableRow(
        id=row[0],
        enabled=bool(row[1]),
        deleted=bool(row[2]),
        schedule=_texts(row[3], "schedule"),
        timezone=row[4],
        exclude=_texts(row[5], "exclude"),
        namespace=row[6],
        schedule_since=row[7],
        decided_until=row[8],
    )


def _texts(column: str | None, name: str) -> tuple[str, ...]:
    """The list of texts that a spec holds under ``name``; ValueError where something else stands there."""
    values = None if column is None else json.loads(column)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"its spec has no list of texts as `{name}`")
    return tuple(values)
