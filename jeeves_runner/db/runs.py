"""The ``runs`` table as the runner reads it; what people look at is in ``run_list``."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import CancelCause, Reason, RunStatus, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.db.carried_runs import JOB_OF_RUN
from jeeves_runner.db.file_errors import translated
from jeeves_runner.db.renames import earlier_ids, id_at
from jeeves_runner.db.run_states import ACTIVE, RUNNING, WAITING
from jeeves_runner.db.transaction import Tx
from jeeves_runner.db.unreadable import time_or_none
from jeeves_runner.errors import Conflict, NotFound

RUN_COLUMNS: Final = ", ".join(JOB_OF_RUN if name == "job_id" else name for name in Run._fields)
"""What ``run_from_row`` takes, in this order."""

AT_ITS_END: Final = "max(:at, created_at, coalesce(started_at, created_at))"
"""The end of a run that ends now: not before it began, also where the clock was set back meanwhile."""

_PLACES: Final = {name: place for place, name in enumerate(Run._fields)}
_TIMES: Final = tuple(
    _PLACES[name] for name, kind in Run.__annotations__.items() if kind in (datetime, datetime | None)
)

_LONG_AGO: Final = datetime.fromtimestamp(0, UTC)


def run_from_row(row: Sequence[Any]) -> Run:
    """The run of a row of ``RUN_COLUMNS``. A time that cannot be read is reported and counts as none."""
    values = list(row)
    values[_PLACES["status"]] = RunStatus(values[_PLACES["status"]])
    values[_PLACES["trigger"]] = Trigger(values[_PLACES["trigger"]])
    values[_PLACES["forced"]] = bool(values[_PLACES["forced"]])
    if values[_PLACES["reason"]] is not None:
        values[_PLACES["reason"]] = Reason(values[_PLACES["reason"]])
    if values[_PLACES["cancel_cause"]] is not None:
        values[_PLACES["cancel_cause"]] = CancelCause(values[_PLACES["cancel_cause"]])
    for place in _TIMES:
        if values[place] is not None:
            values[place] = time_or_none(values[place], f"run {values[_PLACES['id']]}", Run._fields[place])
    if values[_PLACES["created_at"]] is None:
        values[_PLACES["created_at"]] = _LONG_AGO
    return Run._make(values)


def returned_runs(tx: Tx, statement: str, bindings: "apsw.Bindings") -> list[Run]:
    """Execute a statement that ends in ``RETURNING {RUN_COLUMNS}``; the rows it wrote."""
    return [run_from_row(row) for row in tx.conn.execute(statement, bindings).fetchall()]


def returned_run(tx: Tx, statement: str, bindings: "apsw.Bindings") -> Run | None:
    """The same for one row; None if its guard was broken and nothing was written."""
    rows = returned_runs(tx, statement, bindings)
    return rows[0] if rows else None


def run(conn: apsw.Connection, run_id: int) -> Run | None:
    """A run by its id."""
    row = conn.execute(f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?", (run_id,)).fetchone()
    return None if row is None else run_from_row(row)


def jobs_of(conn: apsw.Connection, run_ids: Iterable[int]) -> list[tuple[int, str]]:
    """``(run id, job)`` of these runs."""
    rows = conn.execute(
        f"SELECT id, {JOB_OF_RUN} FROM runs WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(run_ids)),),
    )
    return [(run_id, job_id) for run_id, job_id in rows]


def unknown_run(conn: apsw.Connection, run_id: int) -> NotFound:
    """The error for a number that is no run, or no longer."""
    newest: int | None = conn.execute("SELECT max(id) FROM runs").get
    hint = "no run has been recorded yet" if newest is None else f"the newest run is {newest}"
    return NotFound(f"there is no run {run_id}", hint=hint)


def ended_already(run_id: int, status: str) -> Conflict:
    """The error for a request to end a run that has ended."""
    return Conflict(f"run {run_id} has already ended: {status}")


def still_waits(conn: apsw.Connection, run_id: int) -> bool:
    """Whether the run has neither started nor ended. Raises DatabaseError."""
    with translated(conn.filename):
        status: str | None = conn.execute("SELECT status FROM runs WHERE id = ?", (run_id,)).get
    return status == RunStatus.SCHEDULED


def waiting_runs(conn: apsw.Connection) -> list[Run]:
    """All runs that wait, oldest first."""
    return _runs(conn, f"{WAITING} ORDER BY id")


def active_runs(conn: apsw.Connection) -> list[Run]:
    """All runs that wait or run, oldest first."""
    return _runs(conn, f"{ACTIVE} ORDER BY id")


def requested_runs(conn: apsw.Connection, after_id: int) -> list[Run]:
    """Waiting runs with larger ids about which no runner has decided yet, oldest first."""
    return _runs(conn, f"{WAITING} AND id > ? AND epoch IS NULL ORDER BY id", after_id)


def cancel_requests(conn: apsw.Connection) -> list[tuple[int, CancelCause]]:
    """``(run id, cause)`` of the active runs that are asked to end."""
    rows = conn.execute(
        "SELECT id, cancel_cause FROM runs WHERE cancel_requested_at IS NOT NULL AND finished_at IS NULL"
    )
    return [(run_id, CancelCause(cause)) for run_id, cause in rows]


def cancel_cause(conn: apsw.Connection, run_id: int) -> CancelCause | None:
    """The first recorded cause for which a run was to end."""
    cause: str | None = conn.execute("SELECT cancel_cause FROM runs WHERE id = ?", (run_id,)).get
    return None if cause is None else CancelCause(cause)


class EndedRow(NamedTuple):
    """A run that has become final, and the number of the commit that made it so."""

    end_seq: int
    run_id: int


def newest_end(conn: apsw.Connection) -> int:
    """The number of the newest commit that made a run final, 0 if there is none."""
    newest: int = conn.execute("SELECT value FROM sequences WHERE name = 'run_ends'").get
    return newest


def ended_since(conn: apsw.Connection, end_seq: int) -> list[EndedRow]:
    """What has become final since that commit, in the order of the commits, from any process."""
    rows = conn.execute("SELECT end_seq, id FROM runs WHERE end_seq > ? ORDER BY end_seq, id", (end_seq,))
    return [EndedRow(*row) for row in rows]


class Start(NamedTuple):
    """What is recorded with a start, so that the work can be found again."""

    mark: str
    """Random text that the work carries."""
    executor: str
    """The name of what carries it out."""
    timeout_ms: int | None = None
    """For work that outlives its runner: after how many milliseconds it is to end."""
    origin: str | None = None
    """For the same: which database on which machine begins it, a JSON object."""
    token_digest: str | None = None
    """That of the random part of the token by which its script may ask the server."""

    def bindings(self, tx: Tx) -> dict[str, str | int | None]:
        """The values of the columns of these names, and of ``handle`` and ``deadline``."""
        timeout = self.timeout_ms
        return {
            "mark": self.mark,
            "handle": f'{{"executor": "{self.executor}"}}',
            "deadline": None if timeout is None else to_text(tx.now + timedelta(milliseconds=timeout)),
            "timeout_ms": timeout,
            "origin": self.origin,
            "token_digest": self.token_digest,
        }


class LeftRun(NamedTuple):
    """A run that a dead runner left ``running``, with what its executor had recorded of it."""

    run: Run
    """Its row."""
    mark: str
    """The random text that its processes carry."""
    handle: str | None
    """The executor's own JSON object; its name alone if the runner died before there was more."""
    deadline: datetime | None
    """When work that outlives its runner is to end."""
    timeout: timedelta | None = None
    """How long after its start that was."""
    origin: str | None = None
    """For such work, which database on which machine began it: a JSON object."""
    began_as: str | None = None
    """What its job was called when it started; None: as it is now."""
    earlier: tuple[str, ...] = ()
    """The ids that its job had before."""


def running_elsewhere(conn: apsw.Connection) -> frozenset[int]:
    """The ids of the running runs whose work is not on this machine, and outlives their runner."""
    rows = conn.execute(f"SELECT id FROM runs WHERE {RUNNING} AND origin IS NOT NULL")
    return frozenset(run_id for (run_id,) in rows)


def left_running(conn: apsw.Connection) -> Iterator[LeftRun]:
    """What the database holds as running, oldest first."""
    return left_runs(conn, f"{RUNNING} ORDER BY id")


def left_runs(conn: apsw.Connection, condition: str, *bindings: object) -> Iterator[LeftRun]:
    """The runs of which this is true, with what finds their work again. It may end in their order."""
    rows = conn.execute(
        f"SELECT mark, handle, deadline, timeout_ms, origin, {RUN_COLUMNS} FROM runs WHERE {condition}",
        bindings,
    )
    for mark, handle, deadline, timeout_ms, origin, *columns in rows:
        run = run_from_row(columns)
        yield LeftRun(
            run=run,
            mark=mark or "",
            handle=handle,
            deadline=None if deadline is None else time_or_none(deadline, f"run {run.id}", "deadline"),
            timeout=None if timeout_ms is None else timedelta(milliseconds=timeout_ms),
            origin=origin,
            began_as=None if run.started_at is None else id_at(conn, run.job_id, to_text(run.started_at)),
            earlier=earlier_ids(conn, run.job_id),
        )


def _runs(conn: apsw.Connection, condition: str, *bindings: object) -> list[Run]:
    rows = conn.execute(f"SELECT {RUN_COLUMNS} FROM runs WHERE {condition}", bindings)
    return [run_from_row(row) for row in rows]
