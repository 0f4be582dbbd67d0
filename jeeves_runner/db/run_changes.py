"""What changes of runs, read by what has been seen before: for those who follow them, whichever process
writes."""

import json
from collections.abc import Iterable
from typing import Final, NamedTuple

import apsw

from jeeves_runner.db.run_states import RUNNING, WAITING


class Standing(NamedTuple):
    """What of an active run is worth telling when it changes. Times are in the database's form."""

    status: str
    """``scheduled`` or ``running``; of a run that has just been entered also a final one."""
    started_at: str | None
    """When it started; moved by the end of a precheck."""
    not_before: str | None
    """Before that it does not start."""
    reason: str | None
    """Why it waits."""
    reason_ref: str | None
    """What that is about."""
    message: str | None
    """What it says of itself."""
    tokens: int | None
    """What it has used."""
    cancel_requested_at: str | None
    """Since when it is to end."""


class End(NamedTuple):
    """A place in the order of ends."""

    end_seq: int
    """The number of the commit."""
    run_id: int
    """A run of it."""


_STANDING: Final = f"SELECT id, {', '.join(Standing._fields)} FROM runs"


def running_now(conn: apsw.Connection) -> dict[int, Standing]:
    """The runs that run, by their ids."""
    return _standing(conn, f"{_STANDING} WHERE {RUNNING}", ())


def waiting_now(conn: apsw.Connection) -> dict[int, Standing]:
    """The runs that wait, by their ids. There may be many."""
    return _standing(conn, f"{_STANDING} WHERE {WAITING}", ())


def entered_after(conn: apsw.Connection, run_id: int, limit: int) -> dict[int, Standing]:
    """The next runs with larger ids, which are those of later commits; also those that have ended since."""
    return _standing(conn, f"{_STANDING} WHERE id > ? ORDER BY id LIMIT ?", (run_id, limit))


def jobs_of(conn: apsw.Connection, run_ids: Iterable[int]) -> dict[int, str]:
    """The jobs of these runs, as far as they are there."""
    statement = "SELECT id, job_id FROM runs WHERE id IN (SELECT value FROM json_each(?))"
    return dict(conn.execute(statement, (json.dumps(list(run_ids)),)))


def newest_run(conn: apsw.Connection) -> int:
    """The largest id that a run has had, 0 if there was none."""
    newest: int = conn.execute(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0)"
    ).get
    return newest


def last_end(conn: apsw.Connection) -> End:
    """The newest place in the order of ends."""
    row = conn.execute(
        "SELECT end_seq, id FROM runs WHERE end_seq IS NOT NULL ORDER BY end_seq DESC, id DESC LIMIT 1"
    ).fetchone()
    return End(0, 0) if row is None else End(*row)


def ends_after(conn: apsw.Connection, place: End, limit: int) -> list[End]:
    """The next ends, and what became known of earlier ones, in their order."""
    rows = conn.execute(
        "SELECT end_seq, id FROM runs WHERE (end_seq, id) > (?, ?) AND end_seq IS NOT NULL"
        " ORDER BY end_seq, id LIMIT ?",
        (*place, limit),
    )
    return [End(*row) for row in rows]


def _standing(conn: apsw.Connection, statement: str, values: tuple[int, ...]) -> dict[int, Standing]:
    return {run_id: Standing._make(rest) for run_id, *rest in conn.execute(statement, values)}
