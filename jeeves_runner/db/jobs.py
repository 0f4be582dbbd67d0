"""The jobs as they stand in the table: by id, live or deleted; and what is said where there is none.

Applies write them: see ``declared_jobs``.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.inheritance import Taken
from jeeves_runner.core.wording import brief, did_you_mean, known_words
from jeeves_runner.db.renames import RENAMED_AWAY, new_id
from jeeves_runner.errors import Conflict, NotFound, Undeclared


class JobRow(NamedTuple):
    """What runs and readers need of a job, live or deleted; times as the database's text."""

    id: str
    """The job's id."""
    spec_text: str
    """All that is declared, as canonical JSON; see ``core.spec_texts``."""
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


DELETED: Final = "deleted_at IS NOT NULL"
"""The condition of tombstones."""

DISABLED: Final = "deleted_at IS NULL AND NOT enabled"
"""That of jobs that are declared, and never scheduled."""

_NO_NAMES: Final[frozenset[str]] = frozenset()

_COLUMNS: Final = ", ".join("spec" if field == "spec_text" else field for field in JobRow._fields)


def job_row(conn: apsw.Connection, job_id: str) -> JobRow | None:
    """The job, live or tombstone."""
    row = conn.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else _job_row(row)


def job_rows(conn: apsw.Connection, job_ids: Sequence[str]) -> list[JobRow]:
    """The same for several; unknown ids are left out."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM jobs WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(job_ids),)
    )
    return [_job_row(row) for row in rows]


def _job_row(row: Sequence[Any]) -> JobRow:
    job = JobRow._make(row)
    return job._replace(enabled=bool(job.enabled))


def live_ids(conn: apsw.Connection) -> list[str]:
    """The ids of all live jobs."""
    return [name for (name,) in conn.execute("SELECT id FROM jobs WHERE deleted_at IS NULL ORDER BY id")]


def live_ids_after(conn: apsw.Connection, job_id: str, limit: int) -> list[str]:
    """Up to so many of them that follow an id, which may be empty: the next portion of all."""
    rows = conn.execute(
        "SELECT id FROM jobs WHERE id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?", (job_id, limit)
    )
    return [name for (name,) in rows]


def ids_with_tag(conn: apsw.Connection, tag: str) -> list[str]:
    """The ids of the live jobs that have a tag; NotFound if none has it."""
    found = [name for (name,) in conn.execute(_WITH_TAG, (tag,))]
    if not found:
        known = conn.execute("SELECT DISTINCT tag.value FROM jobs, json_each(spec, '$.tags') AS tag")
        hint = known_words(tag, sorted(str(each) for (each,) in known), "tags")
        raise NotFound(f"no job has the tag {brief(tag)}", hint=hint)
    return found


_WITH_TAG: Final = (
    "SELECT id FROM jobs WHERE deleted_at IS NULL"
    " AND EXISTS (SELECT 1 FROM json_each(spec, '$.tags') WHERE value = ?) ORDER BY id"
)


def gone_ids(conn: apsw.Connection, now: datetime, within: timedelta) -> frozenset[str]:
    """The jobs that were deleted less than ``within`` ago. What a clock far ahead recorded is left out."""
    rows = conn.execute(
        f"SELECT id FROM jobs WHERE deleted_at > ? AND deleted_at < ? AND NOT ({RENAMED_AWAY})",
        (to_text(now - within), to_text(now + within)),
    )
    return frozenset(name for (name,) in rows)


def written_since(conn: apsw.Connection, revision_id: int, portion: int) -> Iterator[list[str]]:
    """The jobs, tombstones included, that revisions after this one wrote: up to ``portion`` ids at a time.

    Between two portions others may write. No job is missed for that: one that is written again meanwhile
    belongs to a later revision, and one that is changed by hand is found where it is then.
    """
    groups = conn.execute(
        "SELECT DISTINCT revision_id, deleted_at FROM jobs WHERE revision_id > ?", (revision_id,)
    )
    for revision, deleted_at in groups.fetchall():
        for drifted in (0, 1):
            last = ""
            while ids := _written_in(conn, (revision, deleted_at, drifted, last, portion)):
                yield ids
                last = ids[-1]


def _written_in(conn: apsw.Connection, values: tuple[Any, ...]) -> list[str]:
    rows = conn.execute(
        "SELECT id FROM jobs WHERE revision_id = ? AND deleted_at IS ? AND drifted = ? AND id > ?"
        " ORDER BY id LIMIT ?",
        values,
    )
    return [name for (name,) in rows]


def written_of(conn: apsw.Connection, job_ids: Iterable[str], revision_id: int) -> frozenset[str]:
    """Those of these jobs that revisions after this one wrote."""
    rows = conn.execute(
        "SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?)) AND revision_id > ?",
        (json.dumps(list(job_ids)), revision_id),
    )
    return frozenset(name for (name,) in rows)


_TAKEN: Final = (
    "SELECT id, CASE WHEN deleted_at IS NULL AND instr(spec, '\"from_env\"') THEN"
    " (SELECT json_group_array(name) FROM (SELECT value ->> '$.from_env' AS name"
    " FROM json_each(jobs.spec, '$.env') WHERE type = 'object'"
    " UNION ALL SELECT jobs.spec ->> '$.heartbeat.from_env') WHERE name IS NOT NULL) END FROM jobs"
)


def variables_taken(conn: apsw.Connection) -> Taken:
    """Which variables of the runner's environment the live jobs take as secrets."""
    found = dict(_taken(conn, f"{_TAKEN} WHERE deleted_at IS NULL"))
    return Taken(len(found), {name: names for name, names in found.items() if names})


def variables_taken_since(conn: apsw.Connection, revision_id: int) -> Iterator[tuple[str, frozenset[str]]]:
    """The same of each job that revisions after this one wrote, by id; a deleted one takes none."""
    return _taken(conn, f"{_TAKEN} WHERE revision_id > ?", revision_id)


def _taken(conn: apsw.Connection, query: str, *values: int) -> Iterator[tuple[str, frozenset[str]]]:
    for name, names in conn.execute(query, values):
        yield name, frozenset(json.loads(names)) if names else _NO_NAMES


def unknown_job(conn: apsw.Connection, job_id: str) -> NotFound:
    """The error for an id that is no live job: says so of a deleted one, else names the nearest."""
    row = job_row(conn, job_id)
    if row is not None and row.deleted_at is not None and (renamed := new_id(conn, job_id)) is not None:
        return NotFound(f"job {job_id} was renamed to {renamed}", hint=f"ask for {renamed}")
    if row is not None and row.deleted_at is not None:
        return NotFound(
            f"job {job_id} was deleted at {row.deleted_at}; it came from {row.file}",
            hint="its runs are still there until their retention ends",
        )
    # Only a mistake needs it, and every command would wait for its import.
    from difflib import get_close_matches

    near = get_close_matches(job_id, _similar_ids(conn, job_id), n=3)
    hint = did_you_mean(*near) if near else "`jeeves-runner jobs` lists what there is"
    return Undeclared(f"there is no job {job_id}", hint=hint, kind="job", id=job_id)


def damaged_job(job_id: str) -> Conflict:
    """The error for a job whose row was changed by hand so that it cannot be read."""
    return Conflict(
        f"the row of job {job_id} in the database was damaged by hand", hint="`jeeves-runner apply` heals it"
    )


def _similar_ids(conn: apsw.Connection, job_id: str, limit: int = 200) -> list[str]:
    """Ids, tombstones' included, worth comparing with one that does not exist: the nearest in length."""
    rows = conn.execute(
        "SELECT id FROM jobs WHERE substr(id, 1, 1) = substr(?1, 1, 1) OR instr(id, ?1)"
        " ORDER BY abs(length(id) - length(?1)), id LIMIT ?2",
        (job_id, limit),
    )
    return [name for (name,) in rows]
