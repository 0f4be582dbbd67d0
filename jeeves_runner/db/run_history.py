"""How the last runs of jobs went: little of each run, for many jobs or for many runs."""

import json
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import apsw

from jeeves_runner.db.carried_runs import newest_of


class PastRun(NamedTuple):
    """One run."""

    id: int
    """Its number."""
    status: str
    """Where it is, or how it ended."""
    duration_ms: int | None
    """How long it ran; None: it never started, has not ended, or nothing saw its end."""
    began_at: str
    """When it started; of one that never did, when its row was written."""


def last_outcomes(conn: apsw.Connection, job_ids: Iterable[str], each: int) -> Mapping[str, list[PastRun]]:
    """The newest runs of jobs, up to ``each`` of one, oldest first, whatever became of them.

    It reads so many rows and no more, however many others there are.
    """
    wanted = list(job_ids)
    moving = {job_id for pair in conn.execute(_MOVING) for job_id in pair}
    found = {
        job_id: [PastRun(*run) for run in json.loads(runs)][::-1]
        for job_id, runs in conn.execute(_LAST, {"ids": json.dumps(wanted), "limit": each})
    }
    for job_id in moving.intersection(wanted):  # some of its rows have another job's id, or it has theirs
        found[job_id] = last_runs(conn, job_id, each)
    return found


def last_runs(conn: apsw.Connection, job_id: str, limit: int) -> list[PastRun]:
    """The same of one job."""
    rows = conn.execute(
        f"SELECT {_TOLD} FROM runs WHERE id IN ({newest_of(conn, job_id, 'true')}) ORDER BY id",
        {"limit": limit},
    )
    return [PastRun._make(row) for row in rows]


_TOLD: Final = "id, status, duration_ms, coalesce(started_at, created_at)"
_MOVING: Final = "SELECT old_id, new_id FROM carries"
_LAST: Final = f"""
SELECT ids.value, (SELECT json_group_array(json_array({_TOLD})) FROM (
  SELECT id, status, duration_ms, started_at, created_at FROM runs
  WHERE job_id = ids.value ORDER BY id DESC LIMIT :limit))
FROM json_each(:ids) AS ids
"""
