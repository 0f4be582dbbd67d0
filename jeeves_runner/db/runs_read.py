"""The ``runs`` table as the runner reads it; what people look at is in ``run_list``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import apsw

from jeeves_runner.clock import from_text
from jeeves_runner.core.model import Run, RunStatus, Trigger

_NAMES: Final = tuple(f.name for f in fields(Run))
RUN_COLUMNS: Final = ", ".join(_NAMES)
"""What ``run_from_row`` takes, in this order."""

_TIMES: Final = tuple(f.name for f in fields(Run) if f.type in (datetime, datetime | None))
_PLACES: Final = {name: place for place, name in enumerate(_NAMES)}
_TIME_PLACES: Final = tuple(_PLACES[name] for name in _TIMES)


def run_from_row(row: Sequence[Any]) -> Run:
    """The run of a row of ``RUN_COLUMNS``."""
    values = list(row)
    values[_PLACES["status"]] = RunStatus(values[_PLACES["status"]])
    values[_PLACES["trigger"]] = Trigger(values[_PLACES["trigger"]])
    values[_PLACES["forced"]] = bool(values[_PLACES["forced"]])
    for place in _TIME_PLACES:
        if values[place] is not None:
            values[place] = from_text(values[place])
    return Run(**dict(zip(_NAMES, values, strict=True)))


def run(conn: apsw.Connection, run_id: int) -> Run | None:
    """A run by its id."""
    row = conn.execute(f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?", (run_id,)).fetchone()
    return None if row is None else run_from_row(row)


def newest_id(conn: apsw.Connection) -> int:
    """The largest id given so far, 0 if there is none."""
    newest: int = conn.execute("SELECT coalesce(max(id), 0) FROM runs").get
    return newest


def waiting_runs(conn: apsw.Connection) -> list[Run]:
    """All runs that wait, oldest first."""
    return _runs(conn, "status = 'scheduled' ORDER BY id")


def waiting_ids(conn: apsw.Connection, job_id: str) -> set[int]:
    """The runs of a job that wait."""
    rows = conn.execute("SELECT id FROM runs WHERE job_id = ? AND status = 'scheduled'", (job_id,))
    return {run_id for (run_id,) in rows}


def unknown_waiting(conn: apsw.Connection, after_id: int) -> list[Run]:
    """Waiting runs with larger ids that no runner has taken up yet, oldest first."""
    return _runs(conn, "status = 'scheduled' AND id > ? AND epoch IS NULL ORDER BY id", after_id)


def cancel_requests(conn: apsw.Connection) -> list[tuple[int, str]]:
    """``(run id, cause)`` of the active runs that somebody wants ended."""
    return list(
        conn.execute(
            "SELECT id, cancel_cause FROM runs WHERE cancel_requested_at IS NOT NULL AND finished_at IS NULL"
        )
    )


def cancel_cause(conn: apsw.Connection, run_id: int) -> str | None:
    """The first recorded cause for which a run was to end."""
    cause: str | None = conn.execute("SELECT cancel_cause FROM runs WHERE id = ?", (run_id,)).get
    return cause


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftRun:
    """A run that a dead runner left ``running``, with what is known of its process."""

    run: Run
    mark: str
    pid: int | None
    pid_started: str | None
    boot_id: str | None


def left_running(conn: apsw.Connection) -> Iterator[LeftRun]:
    """What the database holds as running, oldest first."""
    rows = conn.execute(
        f"SELECT mark, pid, pid_started, boot_id, {RUN_COLUMNS} FROM runs"
        " WHERE status = 'running' ORDER BY id"
    )
    for mark, pid, pid_started, boot_id, *columns in rows:
        yield LeftRun(
            run=run_from_row(columns), mark=mark or "", pid=pid, pid_started=pid_started, boot_id=boot_id
        )


def _runs(conn: apsw.Connection, condition: str, *bindings: object) -> list[Run]:
    rows = conn.execute(f"SELECT {RUN_COLUMNS} FROM runs WHERE {condition}", bindings)
    return [run_from_row(row) for row in rows]
