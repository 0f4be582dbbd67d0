"""Runs as people look at them."""

from collections.abc import Sequence
from typing import Any, Final

import apsw

Row = dict[str, Any]

_SHOWN: Final = (
    "id",
    "job_id",
    "status",
    "trigger",
    "attempt",
    "chain_id",
    "scheduled_for",
    "last_for",
    "occurrences",
    "not_before",
    "created_at",
    "started_at",
    "finished_at",
    "duration_ms",
    "exit_code",
    "signal",
    "message",
    "reason",
    "reason_ref",
    "tokens",
    "result_meta",
    "params",
    "forced",
    "priority",
    "pool",
    "revision_id",
    "file",
    "spec_hash",
    "script_hash",
    "log_path",
    "cancel_cause",
    "cancel_requested_at",
)
"""What is told of a run; its mark, its handle and its epoch are for the runner alone."""

_COLUMNS = ", ".join(_SHOWN)

# Each repeats the condition of the index that finds them. Most runs are ok: an index would not help there.
_NOT_OK: Final = "status = :status AND finished_at IS NOT NULL AND status <> 'ok'"
_ACTIVE: Final = "status = :status AND status IN ('scheduled', 'running')"
_OF_STATUS: Final = {"ok": "status = :status", "scheduled": _ACTIVE, "running": _ACTIVE}


def run_rows(
    conn: apsw.Connection,
    *,
    job_id: str | None = None,
    status: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Row]:
    """Up to ``limit`` runs, newest first, without their output: of a job, of a status, with smaller ids."""
    wanted = {"job_id = :job": job_id, _OF_STATUS.get(status or "", _NOT_OK): status, "id < :before": before}
    conditions = " AND ".join(condition for condition, value in wanted.items() if value is not None)
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE {conditions or 'true'} ORDER BY id DESC LIMIT :limit",
        {"job": job_id, "status": status, "before": before, "limit": limit},
    )
    return [_row(row) for row in rows]


def active_run_rows(conn: apsw.Connection) -> list[Row]:
    """The runs that run or wait: running ones first, the oldest first."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE status IN ('scheduled', 'running')"
        " ORDER BY status = 'scheduled', id"
    )
    return [_row(row) for row in rows]


def run_row(conn: apsw.Connection, run_id: int) -> Row | None:
    """A run whole: with the ``commit`` of its revision and the tails ``stdout`` and ``stderr``."""
    row = conn.execute(
        f'SELECT {_COLUMNS}, (SELECT "commit" FROM revisions WHERE id = runs.revision_id), stdout, stderr'
        " FROM runs WHERE id = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        return None
    return {**_row(row[:-3]), "commit": row[-3], "stdout": row[-2], "stderr": row[-1]}


def chain_end(conn: apsw.Connection, run_id: int) -> int:
    """The newest attempt of the chain that begins with this run: itself while there is no retry."""
    newest: int = conn.execute("SELECT coalesce(max(id), ?1) FROM runs WHERE chain_id = ?1", (run_id,)).get
    return newest


def ended_rows(conn: apsw.Connection, job_id: str, limit: int) -> list[Row]:
    """The newest runs of a job that started and ended, newest first."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE job_id = ? AND started_at IS NOT NULL AND finished_at IS NOT NULL"
        " ORDER BY id DESC LIMIT ?",
        (job_id, limit),
    )
    return [_row(row) for row in rows]


def _row(values: Sequence[Any]) -> Row:
    return dict(zip(_SHOWN, values, strict=True))
