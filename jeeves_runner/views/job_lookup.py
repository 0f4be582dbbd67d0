"""Jobs by the id that a person gave: the live one, or an error that helps to find it."""

import apsw

from jeeves_runner.core.values import parse_json
from jeeves_runner.db import jobs
from jeeves_runner.db.carried_runs import has_runs
from jeeves_runner.db.renames import new_id


def live_job(conn: apsw.Connection, job_id: str) -> jobs.JobRow:
    """The row of a live job; NotFound as ``db.jobs`` words it."""
    row = jobs.job_row(conn, job_id)
    if row is None or row.deleted_at is not None:
        raise jobs.unknown_job(conn, job_id)
    return row


def check_known(conn: apsw.Connection, job_id: str) -> None:
    """NotFound unless a job of that id lives or once lived: a deleted job's runs can still be read.

    Those of a renamed job are found under its new id, which the error names.
    """
    if jobs.job_row(conn, job_id) is None or (new_id(conn, job_id) and not has_runs(conn, job_id)):
        raise jobs.unknown_job(conn, job_id)


def absence(conn: apsw.Connection, job_id: str) -> str | None:
    """What is to be said of an id that is no live job's, such as an earlier one; None for a live job's."""
    row = jobs.job_row(conn, job_id)
    return None if row is not None and row.deleted_at is None else jobs.unknown_job(conn, job_id).message


def timezone_of(conn: apsw.Connection, job_id: str) -> str:
    """The time zone of a job, live or deleted, as its row has it; empty if there is none."""
    row = jobs.job_row(conn, job_id)
    spec = parse_json(row.spec_text) if row is not None else None
    return str(spec.get("timezone") or "") if isinstance(spec, dict) else ""
