"""The jobs whose last run ended badly: which, how, and how many times in a row."""

import json
from collections.abc import Iterable
from contextlib import closing
from itertools import takewhile
from typing import Final, NamedTuple

import apsw

from jeeves_runner.core.model import BAD
from jeeves_runner.db.carried_runs import is_carrying, of_job
from jeeves_runner.db.job_signs import Beside
from jeeves_runner.db.run_states import CARRIED_OUT

MOST_IN_A_ROW: Final = 100
"""No more runs of a job are counted."""

_BAD: Final = ", ".join(f"'{status}'" for status in BAD)
_ENDS: Final = "SELECT id, status FROM runs WHERE"
_NEWEST_FIRST: Final = f"ORDER BY id DESC LIMIT {MOST_IN_A_ROW}"
_ENDS_OF_ONE: Final = f"{_ENDS} job_id = ? AND {CARRIED_OUT} {_NEWEST_FIRST}"
_LIVE: Final = "jobs.deleted_at IS NULL AND jobs.enabled"
_ONLY: Final = "jobs.id IN (SELECT value FROM json_each(?))"
_FAILING: Final = f"""
SELECT jobs.id, last.id, last.status, last.finished_at, last.message
FROM jobs
JOIN runs AS last ON last.id = (
  SELECT id FROM runs WHERE job_id = jobs.id AND {CARRIED_OUT} ORDER BY id DESC LIMIT 1)
WHERE {{which}} AND last.status IN ({_BAD}) ORDER BY jobs.id
"""


class FailingJob(NamedTuple):
    """A job whose newest run that started and ended did so badly."""

    job_id: str
    """Its id."""
    run_id: int
    """The number of that run."""
    status: str
    """How it ended."""
    finished_at: str
    """When it ended."""
    message: str | None
    """What is said of its end."""
    times: int
    """How many runs ended badly in a row, as far as they are counted."""


def failing_jobs(conn: apsw.Connection) -> list[FailingJob]:
    """The jobs that are not disabled and fail, by id."""
    return _failing(conn, _LIVE)


class KnownFailing:
    """Tells the same, and reads of what it has told before only where something has moved: a failure that was
    forgotten since goes on counting. One call at a time, in a snapshot."""

    def __init__(self) -> None:
        self._beside: Beside | None = None
        self._found: dict[str, FailingJob] = {}

    def __call__(self, conn: apsw.Connection) -> list[FailingJob]:
        """As ``failing_jobs``."""
        if is_carrying(conn):
            self._beside = None
            return failing_jobs(conn)
        beside = Beside.read(conn)
        moved = None if self._beside is None else beside.moved(conn, self._beside)
        if moved is None:  # those that are disabled now may be enabled again
            self._found = {job.job_id: job for job in _failing(conn, "true")}
        elif moved:
            for job_id in moved:
                self._found.pop(job_id, None)
            self._found.update((job.job_id, job) for job in _failing(conn, _ONLY, json.dumps([*moved])))
        self._beside = beside
        live = f"SELECT id FROM jobs WHERE {_ONLY} AND {_LIVE} ORDER BY id"
        return [self._found[job_id] for (job_id,) in conn.execute(live, (json.dumps([*self._found]),))]


def _failing(conn: apsw.Connection, which: str, *values: str) -> list[FailingJob]:
    in_a_row = _in_a_row_carried if is_carrying(conn) else _in_a_row
    rows = conn.execute(_FAILING.format(which=which), values).fetchall()
    return [FailingJob._make((*row, in_a_row(conn, str(row[0])))) for row in rows]


def _in_a_row(conn: apsw.Connection, job_id: str) -> int:
    with closing(conn.execute(_ENDS_OF_ONE, (job_id,))) as rows:
        return _bad_at_first(status for _, status in rows)


def _in_a_row_carried(conn: apsw.Connection, job_id: str) -> int:
    """The same while runs are yet to get the id of a job that was renamed; it takes ten times as long."""
    parts = (f"{_ENDS} {each} AND {CARRIED_OUT}" for each in of_job(conn, job_id))
    with closing(conn.execute(f"{' UNION ALL '.join(parts)} {_NEWEST_FIRST}")) as rows:
        return _bad_at_first(status for _, status in rows)


def _bad_at_first(statuses: Iterable[str]) -> int:
    """How many come before the first that is not bad. No more are read."""
    return sum(1 for _ in takewhile(BAD.__contains__, statuses))
