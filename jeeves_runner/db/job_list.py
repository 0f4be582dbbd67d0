"""Jobs as people look at them: their columns with what is paused, held, running and last ended."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import BAD

Row = dict[str, Any]


class ListedJob(NamedTuple):
    """A job and what stands about it in other tables; times as text.

    ``columns`` is its row without ``spec`` and ``deleted_at``. ``active_running`` is 1 while a run
    runs, 0 while one only waits, else None. ``pause_…`` tells of the pause in force, if ``pause_id``
    is not None: its own or that of all jobs, whichever ends last. ``last_…`` is the newest run that
    started, ``last_status`` the outcome of the newest one that started and ended.
    """

    columns: Row
    tags: str | None
    active_running: int | None
    held_message: str | None
    held_since: str | None
    pause_id: int | None
    pause_until: str | None
    pause_reason: str | None
    pause_is_of_all: int
    last_id: int | None
    last_run_status: str | None
    last_started_at: str | None
    last_finished_at: str | None
    last_duration_ms: int | None
    last_status: str | None


_FACTS: Final = len(ListedJob._fields) - 1

_SELECT: Final = """
WITH active AS MATERIALIZED (
  SELECT job_id, max(status = 'running') AS running FROM runs
  WHERE status IN ('scheduled', 'running') GROUP BY job_id)
SELECT jobs.spec ->> '$.tags', active.running, held.message, held.since, pause.id, pause.until, pause.reason,
  pause.job_id IS NULL,
  last.id, last.status, last.started_at, last.finished_at, last.duration_ms,
  CASE WHEN last.status = 'running' THEN (
    SELECT status FROM runs WHERE job_id = jobs.id AND started_at IS NOT NULL AND finished_at IS NOT NULL
    ORDER BY id DESC LIMIT 1) ELSE last.status END,
  {columns}
FROM jobs
LEFT JOIN active ON active.job_id = jobs.id
LEFT JOIN held ON held.kind = 'job' AND held.id = jobs.id
LEFT JOIN overrides AS pause ON pause.id = (
  SELECT id FROM overrides WHERE (job_id = jobs.id OR job_id IS NULL) AND kind = 'pause'
    AND ended_at IS NULL AND (until IS NULL OR until > :at)
  ORDER BY until IS NULL DESC, until DESC, job_id IS NULL LIMIT 1)
LEFT JOIN runs AS last ON last.id = (
  SELECT id FROM runs WHERE job_id = jobs.id AND started_at IS NOT NULL ORDER BY id DESC LIMIT 1)
WHERE jobs.deleted_at IS NULL AND (:id IS NULL OR jobs.id = :id) AND jobs.id > :after
ORDER BY jobs.id LIMIT :limit
"""
_NO_LIMIT: Final = -1
_BAD: Final = ", ".join(f"'{status}'" for status in BAD)


def listed_jobs(
    conn: apsw.Connection,
    now: datetime,
    job_id: str | None = None,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> Iterator[ListedJob]:
    """The live jobs by id, or the one of that id if it lives: up to ``limit``, those ``after`` an id."""
    names = tuple(_shown_columns(conn))
    statement = _SELECT.format(columns=", ".join(f"jobs.{name}" for name in names))
    bindings = {
        "at": to_text(now),
        "id": job_id,
        "after": after or "",
        "limit": _NO_LIMIT if limit is None else limit,
    }
    for row in conn.execute(statement, bindings):
        yield ListedJob(dict(zip(names, row[_FACTS:], strict=True)), *row[:_FACTS])


def _shown_columns(conn: apsw.Connection) -> Iterator[str]:
    """The table's own list of columns is the only one, so a new column is shown without being named here."""
    for (name,) in conn.execute("SELECT name FROM pragma_table_info('jobs') ORDER BY cid"):
        if name not in ("spec", "deleted_at"):
            yield name


def health_counts(conn: apsw.Connection, since: datetime) -> Row:
    """How many jobs live, are held, run and wait, and how many runs ended well or badly after ``since``.

    ``{total_jobs, running, waiting, held, ok, errors}``.
    """
    row = conn.execute(
        f"""
        SELECT (SELECT count(*) FROM jobs WHERE deleted_at IS NULL),
          (SELECT count(*) FROM runs WHERE status = 'running'),
          (SELECT count(*) FROM runs WHERE status = 'scheduled'),
          (SELECT count(*) FROM held),
          count(*) FILTER (WHERE status = 'ok'),
          count(*) FILTER (WHERE status IN ({_BAD}))
        FROM runs WHERE finished_at > ?
        """,
        (to_text(since),),
    ).fetchone()
    names = ("total_jobs", "running", "waiting", "held", "ok", "errors")
    return dict(zip(names, row or (0,) * len(names), strict=True))
