"""Jobs by the id that a person gave: the live one, or an error that helps to find it."""

import apsw

from jeeves_runner.db import jobs


def live_job(conn: apsw.Connection, job_id: str) -> jobs.JobRow:
    """The row of a live job; NotFound as ``db.jobs`` words it."""
    row = jobs.job_row(conn, job_id)
    if row is None or row.deleted_at is not None:
        raise jobs.unknown_job(conn, job_id)
    return row


def check_known(conn: apsw.Connection, job_id: str) -> None:
    """NotFound unless a job of that id lives or once lived: a deleted job's runs can still be read."""
    if jobs.job_row(conn, job_id) is None:
        raise jobs.unknown_job(conn, job_id)
