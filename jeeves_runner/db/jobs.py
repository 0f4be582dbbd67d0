"""The jobs as they stand in the table: by id, live or deleted. Applies write them: see ``declared_jobs``."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import apsw


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


def live_ids(conn: apsw.Connection) -> list[str]:
    """The ids of all live jobs."""
    return [name for (name,) in conn.execute("SELECT id FROM jobs WHERE deleted_at IS NULL ORDER BY id")]


def written_since(conn: apsw.Connection, revision_id: int) -> list[str]:
    """The jobs, tombstones included, that revisions after this one wrote."""
    return [name for (name,) in conn.execute("SELECT id FROM jobs WHERE revision_id > ?", (revision_id,))]
