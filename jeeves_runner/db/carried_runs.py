"""The ended runs of a job that got another id: they are given it bit by bit, the newest first.

To write a million rows takes the better part of a minute, in which nothing could start. Until it is done
``carries`` says which rows of the old id belong to which job; no reader sees a difference. What decisions
look at, the newest runs, goes at once.
"""

from typing import Final, NamedTuple

import apsw

from jeeves_runner.db.transaction import Tx

AT_ONCE: Final = 20
"""How many of the newest runs go at once, and how many of the newest that were ok."""

JOB_OF_RUN: Final = (
    "coalesce((SELECT new_id FROM carries WHERE carries.old_id = runs.job_id AND runs.id > after_run"
    " AND runs.id <= last_run), runs.job_id)"
)
"""SQL for the job that a row of ``runs`` belongs to."""


class Stretch(NamedTuple):
    """Runs by the id of a job that their rows have, and by their own ids."""

    job_id: str
    """What ``runs.job_id`` is."""
    after: int
    """Only runs with larger ids."""
    last: int | None
    """Only runs up to this id; None: all."""


def begin_carry(tx: Tx, old: str, new: str) -> None:
    """Let all runs of ``old`` belong to ``new`` from now on; the newest are given the id at once."""
    tx.conn.execute("UPDATE carries SET new_id = ? WHERE new_id = ?", (new, old))
    tx.conn.execute("DELETE FROM carries WHERE old_id = new_id")
    first = _own_after(tx.conn, old)
    for wanted in _NEWEST:
        tx.conn.execute(_GIVE.format(wanted), {"old": old, "new": new, "after": first, "limit": AT_ONCE})
    last: int | None = tx.conn.execute(
        "SELECT max(id) FROM runs WHERE job_id = ? AND id > ?", (old, first)
    ).get
    if last is not None:
        tx.conn.execute("INSERT INTO carries VALUES (?, ?, ?, ?, ?)", (old, new, first, last, tx.at))


_GIVE: Final = """
UPDATE OR IGNORE runs SET job_id = :new, log_path = replace(log_path, '/logs/' || :old || '/',
  '/logs/' || :new || '/')
WHERE id IN ({})
"""
_RUNS: Final = "SELECT id FROM runs WHERE job_id = :old AND id > :after"
_NEWEST: Final = (
    f"{_RUNS} ORDER BY id DESC LIMIT :limit",
    f"{_RUNS} AND status = 'ok' ORDER BY id DESC LIMIT :limit",
    f"{_RUNS} AND started_at IS NOT NULL ORDER BY id DESC LIMIT 1",
)


def _own_after(conn: apsw.Connection, job_id: str) -> int:
    """Rows of this id up to this one belong to a job that had the id before; 0: none does."""
    after: int = conn.execute(
        "SELECT coalesce(max(last_run), 0) FROM carries WHERE old_id = ?", (job_id,)
    ).get
    return after


def stretches(conn: apsw.Connection, job_id: str) -> list[Stretch]:
    """Where the runs of a job are: usually one stretch, its own id without a bound."""
    own = Stretch(job_id, _own_after(conn, job_id), None)
    rows = conn.execute("SELECT old_id, after_run, last_run FROM carries WHERE new_id = ?", (job_id,))
    return [own, *(Stretch(*row) for row in rows)]


def newest_of(conn: apsw.Connection, job_id: str, condition: str) -> str:
    """SQL for the ids of the newest ``:limit`` runs of a job that meet a condition on ``runs``.

    That may name other parameters.
    """
    parts = [f"SELECT id FROM runs WHERE {each} AND {condition}" for each in of_job(conn, job_id)]
    return f"{' UNION ALL '.join(parts)} ORDER BY id DESC LIMIT :limit"


def of_job(conn: apsw.Connection, job_id: str) -> list[str]:
    """Conditions on ``runs``, each of which an index answers: a run of the job meets one of them."""
    found = []
    for job, after, last in stretches(conn, job_id):
        bounds = (f" AND id > {after}" if after else "") + ("" if last is None else f" AND id <= {last}")
        found.append(f"job_id = {apsw.format_sql_value(job)}{bounds}")
    return found


def is_carrying(conn: apsw.Connection) -> bool:
    """Whether any run is yet to be given the id of its job."""
    return conn.execute("SELECT 1 FROM carries LIMIT 1").fetchone() is not None


def carry(tx: Tx, limit: int) -> int:
    """Give up to ``limit`` runs the id of their job; how many were looked at, 0 once all have it."""
    row = tx.conn.execute("SELECT old_id, new_id, after_run, last_run FROM carries LIMIT 1").fetchone()
    if row is None:
        return 0
    old, new, after, last = row
    ids = [
        run_id
        for (run_id,) in tx.conn.execute(
            "SELECT id FROM runs WHERE job_id = ? AND id > ? AND id <= ? ORDER BY id DESC LIMIT ?",
            (old, after, last, limit),
        )
    ]
    if ids:
        tx.conn.execute(
            _GIVE.format("SELECT id FROM runs WHERE job_id = :old AND id BETWEEN :first AND :last"),
            {"old": old, "new": new, "first": ids[-1], "last": ids[0]},
        )
    done = len(ids) < limit
    key = (old, after)
    if done:
        tx.conn.execute("DELETE FROM carries WHERE old_id = ? AND after_run = ?", key)
    else:
        tx.conn.execute(
            "UPDATE carries SET last_run = ? WHERE old_id = ? AND after_run = ?", (ids[-1] - 1, *key)
        )
    return max(1, len(ids))


def has_runs(conn: apsw.Connection, job_id: str) -> bool:
    """Whether there is a row of a job, whatever has become of it."""
    return conn.execute(newest_of(conn, job_id, "true"), {"limit": 1}).fetchone() is not None
