"""Jobs by the id that a person gave: the live one, or an error that helps to find it."""

from difflib import get_close_matches

import apsw

from jeeves_runner.db import jobs
from jeeves_runner.db.job_list import similar_ids
from jeeves_runner.errors import NotFound


def live_job(conn: apsw.Connection, job_id: str) -> jobs.JobRow:
    """The row of a live job; NotFound as ``unknown_job`` words it."""
    row = jobs.job_row(conn, job_id)
    if row is None or row.deleted_at is not None:
        raise unknown_job(conn, job_id)
    return row


def check_known(conn: apsw.Connection, job_id: str) -> None:
    """NotFound unless a job of that id lives or once lived: a deleted job's runs can still be read."""
    if jobs.job_row(conn, job_id) is None:
        raise unknown_job(conn, job_id)


def unknown_job(conn: apsw.Connection, job_id: str) -> NotFound:
    """The error for an id that is no live job: says so of a deleted one, else names the nearest."""
    row = jobs.job_row(conn, job_id)
    if row is not None and row.deleted_at is not None:
        return NotFound(
            f"job {job_id} was deleted at {row.deleted_at}; it came from {row.file}",
            hint="its runs are still there until their retention ends",
        )
    near = get_close_matches(job_id, similar_ids(conn, job_id), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "list the jobs to see what there is"
    return NotFound(f"there is no job {job_id}", hint=hint)
