"""Runs as people look at them."""

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from typing import Annotated, Any, Final, TypedDict, cast

import apsw

from jeeves_runner.core.model import CancelCause, Reason, RunStatus, Trigger
from jeeves_runner.core.params import HIDDEN
from jeeves_runner.core.values import parse_json
from jeeves_runner.db.carried_runs import JOB_OF_RUN, newest_of, of_job
from jeeves_runner.db.pages import Page, page
from jeeves_runner.db.run_states import ACTIVE, CARRIED_OUT
from jeeves_runner.db.run_times import first_entered_from


class RunRow(TypedDict):
    """A run in a list. Its fields are the columns that are told of it, in their order.

    Its mark, its handle and its epoch are for the runner alone. Times are text in the database's form.
    """

    id: int
    """Its number, which rises with each run and is never used again."""
    job_id: str
    """The job, which may have been deleted since."""
    status: Annotated[str, RunStatus]
    """Where it is, or how it ended."""
    trigger: Annotated[str, Trigger]
    """What asked for it."""
    attempt: int
    """1 for a first attempt, more for its retries."""
    chain_id: int | None
    """Of a retry, the run that was the first attempt."""
    scheduled_for: str | None
    """The occurrence; of a skipped or missed row the first one of its gap."""
    last_for: str | None
    """Of a skipped or missed row, the last occurrence of its gap."""
    occurrences: int
    """How many occurrences the row stands for."""
    not_before: str | None
    """The time before which it does not start."""
    created_at: str
    """When the row was written."""
    started_at: str | None
    """When it started; null if it never did."""
    finished_at: str | None
    """When it ended; null while it waits or runs."""
    duration_ms: int | None
    """How long it ran; null also where nothing could see its end."""
    exit_code: int | None
    """The exit code of its process."""
    signal: str | None
    """The signal that ended its process: ``SIGTERM``."""
    message: str | None
    """What went wrong, in a sentence; while it runs, what it does, if that is known."""
    reason: Annotated[str, Reason] | None
    """Why it waits, did not start, or ended without an outcome of its own."""
    reason_ref: str | None
    """What the reason is about, such as the pool that is full."""
    tokens: int | None
    """How many tokens it used, by its own word; while it runs, so far."""
    result_meta: object
    """What else the script says of its result, as JSON."""
    model: str | None
    """The model that did the work, if one did."""
    params: object
    """Its parameters, defaults included: texts by name, `***` for a secret one."""
    forced: bool
    """Whether a person wanted it although the job was paused or another run active."""
    priority: int
    """Of those that wait, higher ones start first."""
    pool: str | None
    """The named limit that it counts for."""
    revision_id: int | None
    """The apply whose spec it ran."""
    file: str | None
    """The manifest of that spec."""
    spec_hash: str | None
    """The hash of that spec."""
    script_hash: str | None
    """The hash of the script's file at the start."""
    log_path: str | None
    """The file with its whole output, which is removed after ``log_retention``."""
    cancel_cause: Annotated[str, CancelCause] | None
    """What asked for its end."""
    cancel_requested_at: str | None
    """When that was."""
    caused_by: object
    """What it follows from, such as ``{"runs": [7]}``; null: from nothing but a time, a start or a person."""
    depth: int
    """Over how many runs it follows from one of these."""
    backfill_id: int | None
    """The backfill that it belongs to."""


class WholeRunRow(RunRow):
    """A run with all that is recorded of it."""

    confirmed: bool
    """False: what carried it out has not said that it ended, and it may have gone on."""
    late: object
    """What became known of its work after its end was recorded: ``{status, at, tokens, message}``."""
    commit: str | None
    """The commit of its revision."""
    stdout: str | None
    """The end of what it wrote there."""
    stderr: str | None
    """The end of what it wrote there."""


_SHOWN: Final = tuple(RunRow.__annotations__)
_COLUMNS: Final = ", ".join(JOB_OF_RUN if name == "job_id" else name for name in _SHOWN)
_LONG: Final = tuple(_SHOWN.index(name) for name in ("message", "params", "result_meta"))

# Each repeats the condition of the index that finds them. Most runs are ok: an index would not help there.
_NOT_OK: Final = "status = :status AND finished_at IS NOT NULL AND status <> 'ok'"
_ACTIVE: Final = f"status = :status AND {ACTIVE}"
_OF_STATUS: Final = {"ok": "status = :status", "scheduled": _ACTIVE, "running": _ACTIVE}


def run_rows(
    conn: apsw.Connection,
    *,
    job_id: str | None = None,
    status: str | None = None,
    before: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    room: int | None = None,
) -> Page[RunRow]:
    """Up to ``limit`` runs, newest first, without their output: of a job, of a status, with smaller ids,
    entered at ``since`` or later and before ``until``.

    ``room``: for the texts that those who start and run them bring.
    """
    wanted = {
        _OF_STATUS.get(status or "", _NOT_OK): status,
        "id < :before": before,
        "id >= :first": None if since is None else first_entered_from(conn, since),
        "id < :end": None if until is None else first_entered_from(conn, until),
    }
    which = " AND ".join(condition for condition, value in wanted.items() if value is not None) or "true"
    if job_id is not None:
        which = f"id IN ({newest_of(conn, job_id, which)})"
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE {which} ORDER BY id DESC LIMIT :limit",
        {
            "status": status,
            "before": before,
            "first": wanted["id >= :first"],
            "end": wanted["id < :end"],
            "limit": limit + 1,
        },
    )
    with closing(rows):
        found = page(rows, _size, limit=limit, room=room)
    return Page([_row(row) for row in found.rows], found.more)


def active_run_rows(conn: apsw.Connection) -> list[RunRow]:
    """The runs that run or wait: running ones first, the oldest first."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM runs WHERE {ACTIVE} ORDER BY status = 'scheduled', id")
    return [_row(row) for row in rows]


def listed_run(conn: apsw.Connection, run_id: int) -> RunRow | None:
    """A run as it stands in a list."""
    row = conn.execute(f"SELECT {_COLUMNS} FROM runs WHERE id = ?", (run_id,)).fetchone()
    return None if row is None else _row(row)


def listed_runs(conn: apsw.Connection, run_ids: Iterable[int]) -> dict[int, RunRow]:
    """Runs as they stand in a list, by their ids; those that are there."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(run_ids)),),
    )
    return {row["id"]: row for row in map(_row, rows)}


def attempt_after(conn: apsw.Connection, run_id: int) -> RunRow | None:
    """The next attempt of the same chain, if there is one."""
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE id > ?1 AND chain_id ="
        " (SELECT coalesce(first.chain_id, first.id) FROM runs AS first WHERE first.id = ?1)"
        " ORDER BY id LIMIT 1",
        (run_id,),
    ).fetchone()
    return None if row is None else _row(row)


def attempts(conn: apsw.Connection, first: int, limit: int) -> list[RunRow]:
    """The attempts of the chain that begins with a run, as far as they are kept: up to ``limit``, oldest
    first."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE id = ?1"
        f" UNION ALL SELECT * FROM (SELECT {_COLUMNS} FROM runs WHERE chain_id = ?1 AND id <> ?1"
        " ORDER BY id LIMIT ?2)",
        (first, limit),
    )
    return [_row(row) for row in rows]


def neighbours(conn: apsw.Connection, job_id: str, run_id: int) -> tuple[int | None, int | None]:
    """The run of the job before this one, and the one after it."""
    parts = of_job(conn, job_id)
    before, after = (
        " UNION ALL ".join(f"SELECT {end}(id) AS id FROM runs WHERE {each} AND id {way} ?1" for each in parts)
        for end, way in (("max", "<"), ("min", ">"))
    )
    earlier, later = conn.execute(
        f"SELECT (SELECT max(id) FROM ({before})), (SELECT min(id) FROM ({after}))", (run_id,)
    ).fetchone() or (None, None)
    return earlier, later


def run_row(conn: apsw.Connection, run_id: int) -> WholeRunRow | None:
    """A run whole: with the ``commit`` of its revision and the tails ``stdout`` and ``stderr``."""
    row = conn.execute(
        f"SELECT {_COLUMNS}, confirmed, late,"
        ' (SELECT "commit" FROM revisions WHERE id = runs.revision_id), stdout, stderr'
        " FROM runs WHERE id = ?",
        (run_id,),
    ).fetchone()
    if row is None:
        return None
    *shown, confirmed, late, commit, stdout, stderr = row
    return {
        **_row(shown),
        "confirmed": bool(confirmed),
        "late": _value(late),
        "commit": commit,
        "stdout": stdout,
        "stderr": stderr,
    }


def chain_end(conn: apsw.Connection, run_id: int) -> int:
    """The newest attempt of the chain that begins with this run: itself while there is no retry."""
    newest: int = conn.execute("SELECT coalesce(max(id), ?1) FROM runs WHERE chain_id = ?1", (run_id,)).get
    return newest


def ended_rows(conn: apsw.Connection, job_id: str, limit: int) -> list[RunRow]:
    """The newest runs of a job that started and ended, newest first."""
    which = newest_of(conn, job_id, CARRIED_OUT)
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE id IN ({which}) ORDER BY id DESC", {"limit": limit}
    )
    return [_row(row) for row in rows]


def newest_ended(conn: apsw.Connection, limit: int) -> list[RunRow]:
    """What ended last of all jobs, the newest end first; what never started counts too."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM runs WHERE end_seq IS NOT NULL ORDER BY end_seq DESC LIMIT ?", (limit,)
    )
    return [_row(row) for row in rows]


def _size(values: Sequence[Any]) -> int:
    return sum(len(values[place] or "") for place in _LONG)


def _row(values: Sequence[Any]) -> RunRow:
    row = cast(RunRow, dict(zip(_SHOWN, values, strict=True)))
    row["forced"] = bool(row["forced"])
    row["params"] = _params(row["params"])
    row["result_meta"] = _value(row["result_meta"])
    row["caused_by"] = _value(row["caused_by"])
    return row


def _params(text: object) -> object:
    """The parameters of a run; the values of secret ones, which the row does not hold, as ``***``."""
    found = _value(text)
    if not isinstance(found, dict):
        return found
    return {name: HIDDEN if value is None else value for name, value in found.items()}


def _value(text: object) -> object:
    """The JSON of a column; what another program wrote there as no JSON is shown as its text."""
    try:
        return parse_json(text) if isinstance(text, str) else text
    except ValueError:
        return text
