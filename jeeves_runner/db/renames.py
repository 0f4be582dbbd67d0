"""Jobs that get another id: what goes with them in the apply, and what they were called before.

The row of the old id stays as a tombstone: runs may still have that id, and people may still ask for it. Runs
that have ended are carried by ``carried_runs``, bit by bit.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import apsw

from jeeves_runner.db import namespaces
from jeeves_runner.db.carried_runs import begin_carry
from jeeves_runner.db.run_states import ACTIVE
from jeeves_runner.db.transaction import Tx


class Rename(NamedTuple):
    """A job that gets another id."""

    old: str
    """The one that it had; live until now."""
    new: str
    """The one that it gets; no live job has it."""


def rename(tx: Tx, renamed: Sequence[Rename], revision_id: int) -> None:
    """Give live jobs other ids, with all that belongs to them.

    The new rows have the old specs until the apply writes the new ones, so that what follows from a change of
    the spec follows here too.
    """
    if not renamed:
        return
    _move_rows(tx, renamed, revision_id)
    pairs = json.dumps([[old, new] for old, new in renamed])
    tx.conn.execute(_END_OLD_OVERRIDES, {"pairs": pairs, "at": tx.at})
    for statement in _CARRY:
        tx.conn.execute(statement, {"pairs": pairs})
    for old, new in renamed:
        begin_carry(tx, old, new)
    tx.conn.executemany(
        "INSERT INTO renames (old_id, new_id, revision_id, renamed_at) VALUES (?, ?, ?, ?)",
        ((old, new, revision_id, tx.at) for old, new in renamed),
    )


def _move_rows(tx: Tx, renamed: Sequence[Rename], revision_id: int) -> None:
    columns = [name for (name,) in tx.conn.execute("SELECT name FROM pragma_table_info('jobs')")]
    kept = [name for name in columns if name not in ("id", "decided_until")]
    tx.conn.executemany(
        f"INSERT INTO jobs (id, decided_until, {', '.join(kept)})"
        f" SELECT :new, decided_until, {', '.join(kept)} FROM jobs WHERE id = :old"
        f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in kept)},"
        # Neither id repeats what was decided under it: of no watermark and one, the one counts.
        " decided_until = max(coalesce(decided_until, excluded.decided_until),"
        " coalesce(excluded.decided_until, decided_until))",
        ({"old": old, "new": new} for old, new in renamed),
    )
    tx.conn.executemany(
        "UPDATE jobs SET deleted_at = :at, updated_at = :at, revision_id = :revision, drifted = 0"
        " WHERE id = :old",
        ({"old": old, "at": tx.at, "revision": revision_id} for old, _ in renamed),
    )
    for old, new in renamed:
        namespaces.carry(tx, old, new)


_PAIRS: Final = "SELECT value ->> 0 AS old, value ->> 1 AS new FROM json_each(:pairs)"
_NEW: Final = f"(SELECT new FROM ({_PAIRS}) WHERE old = job_id)"
_NEW_OF_UPSTREAM: Final = f"(SELECT new FROM ({_PAIRS}) WHERE old = upstream)"
_OLD: Final = f"(SELECT old FROM ({_PAIRS}))"

# A tombstone that comes back under this id may have kept a pause.
_END_OLD_OVERRIDES: Final = (
    f"UPDATE overrides SET ended_at = :at WHERE ended_at IS NULL AND job_id IN (SELECT new FROM ({_PAIRS}))"
)
_CARRY: Final = (
    f"UPDATE overrides SET job_id = {_NEW} WHERE job_id IN {_OLD}",
    f"UPDATE incidents SET job_id = {_NEW} WHERE closed_at IS NULL AND coalesce(job_id, '') IN {_OLD}",
    f"UPDATE backfills SET job_id = {_NEW} WHERE status = 'active' AND job_id IN {_OLD}",
    f"UPDATE outbox SET job_id = {_NEW} WHERE status = 'pending' AND job_id IN {_OLD}",
    f"UPDATE OR REPLACE arrivals SET job_id = {_NEW} WHERE job_id IN {_OLD}",
    f"UPDATE OR REPLACE arrivals SET upstream = {_NEW_OF_UPSTREAM} WHERE upstream IN {_OLD}",
    f"UPDATE OR REPLACE change_watches SET job_id = {_NEW} WHERE job_id IN {_OLD}",
    f"UPDATE OR REPLACE queue_triggers SET job_id = {_NEW} WHERE job_id IN {_OLD}",
    f"UPDATE freshness SET job_id = {_NEW} WHERE job_id IN {_OLD}",
    # Where a tombstone of the new id ran at the same time, the row stays with the old id.
    f"UPDATE OR IGNORE runs SET job_id = {_NEW} WHERE {ACTIVE} AND job_id IN {_OLD}",
)
"""What goes along at once: what people have said, what they are yet to be told, and what runs and waits."""


RENAMED_AWAY: Final = (
    "EXISTS (SELECT 1 FROM renames WHERE old_id = jobs.id AND renames.revision_id = jobs.revision_id)"
    " AND deleted_at IS NOT NULL"
)
"""The condition of rows whose job lives on under another id."""


def new_id(conn: apsw.Connection, job_id: str) -> str | None:
    """The id that the job of this one has now; None if it was not renamed, or if another job has the id."""
    row = conn.execute(_LAST, (job_id,)).fetchone()
    return None if row is None else _followed(conn, *row)


_LAST: Final = f"""
SELECT renames.id, new_id FROM renames JOIN jobs ON jobs.id = old_id
WHERE old_id = ? AND {RENAMED_AWAY} ORDER BY renames.id DESC LIMIT 1
"""


def earlier_ids(conn: apsw.Connection, job_id: str) -> tuple[str, ...]:
    """The ids that a job had before, the newest first; usually none."""
    return tuple(name for (name,) in conn.execute(_EARLIER, (job_id,)))


_EARLIER: Final = """
WITH RECURSIVE before (id, number) AS (
  SELECT old_id, id FROM renames WHERE new_id = ?1
  UNION
  SELECT renames.old_id, renames.id FROM renames JOIN before ON renames.new_id = before.id
  WHERE renames.id < before.number)
SELECT id FROM before WHERE id <> ?1 GROUP BY id ORDER BY max(number) DESC
"""


def id_at(conn: apsw.Connection, job_id: str, time: str) -> str:
    """The id that a job had at a time, in the database's form: what it began then carries that one."""
    found = job_id
    rows = conn.execute(
        "SELECT old_id, new_id FROM renames WHERE renamed_at >= ? ORDER BY id DESC", (time,)
    ).fetchall()
    for old, new in rows:
        found = str(old) if new == found else found
    return found


def present_ids(conn: apsw.Connection) -> Callable[[str, str], str]:
    """What the job is called now that had an id at a time, in the database's form; for many such rows."""
    query = "SELECT old_id, new_id, renamed_at FROM renames ORDER BY id"
    rows = [(str(old), str(new), str(at)) for old, new, at in conn.execute(query)]

    def present(job_id: str, time: str) -> str:
        found = job_id
        for old, new, renamed_at in rows:
            if old == found and renamed_at >= time:
                found = new
        return found

    return present


def all_renames(conn: apsw.Connection) -> list[Rename]:
    """Every pair of an old id and the one that its job has now."""
    rows: list[Any] = conn.execute("SELECT old_id, max(id), new_id FROM renames GROUP BY old_id").fetchall()
    found = ((old, _followed(conn, number, new)) for old, number, new in rows)
    return [Rename(old, new) for old, new in found if new != old]


def _followed(conn: apsw.Connection, number: int, name: str) -> str:
    """What the job is called now that got a name with a rename. Another job may have had the name since."""
    while (row := conn.execute(_LATER, (name, number)).fetchone()) is not None:
        number, name = row
    return str(name)


_LATER: Final = "SELECT id, new_id FROM renames WHERE old_id = ? AND id > ? ORDER BY id LIMIT 1"


def runs_of(conn: apsw.Connection, job_id: str, run_ids: Sequence[int]) -> dict[int, bool]:
    """Those of these runs that have the id of a job, each with whether it has ended."""
    rows = conn.execute(
        "SELECT id, finished_at IS NOT NULL FROM runs"
        " WHERE id IN (SELECT value FROM json_each(?)) AND job_id = ?",
        (json.dumps(list(run_ids)), job_id),
    )
    return {run_id: bool(has_ended) for run_id, has_ended in rows}
