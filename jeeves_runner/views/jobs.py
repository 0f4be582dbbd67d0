"""Jobs: what is declared of each, how it is and when it runs next."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import apsw

from jeeves_runner.clock import from_text
from jeeves_runner.db import jobs, overrides, revisions
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.job_list import ListedJob, Row, listed_jobs
from jeeves_runner.views.occurrences import NextRun, next_after_pause, next_runs, text_of
from jeeves_runner.views.runs import runs_of

_LAST_RUNS: Final = 10


def jobs_view(conn: apsw.Connection, now: datetime, next_run: NextRun | None = None) -> dict[str, Any]:
    """``{jobs}``: the live jobs by id, each with its columns, ``status, held, paused, last_run, next_run``.

    ``next_run`` is the timetable of a running server; without one occurrences are computed.
    """
    return {"jobs": list(each_job(conn, now, next_run))}


def each_job(
    conn: apsw.Connection,
    now: datetime,
    next_run: NextRun | None = None,
    *,
    after: str | None = None,
    limit: int | None = None,
) -> Iterator[Row]:
    """The jobs of ``jobs_view`` one by one: up to ``limit``, those ``after`` an id."""
    with snapshot(conn):
        coming = next_run or next_runs(conn, now)
        for listed in listed_jobs(conn, now, after=after, limit=limit):
            yield _job(conn, listed, coming)


def job_view(
    conn: apsw.Connection, now: datetime, job_id: str, next_run: NextRun | None = None
) -> dict[str, Any]:
    """``{job}``: a listed job and its whole ``spec``, ``revision``, ``held_message`` and ``last_runs``.

    NotFound, also for a deleted job.
    """
    with snapshot(conn):
        listed = next(listed_jobs(conn, now, job_id), None)
        row = jobs.job_row(conn, job_id)
        if listed is None or row is None:
            raise jobs.unknown_job(conn, job_id)
        job = _job(conn, listed, next_run or next_runs(conn, now, [job_id]))
        job["held_message"] = listed.held_message
        job["held_since"] = listed.held_since
        job["spec"] = json.loads(row.spec_text)
        job["revision"] = revisions.revision(conn, row.revision_id)
        job["last_runs"] = runs_of(conn, job_id=job_id, limit=_LAST_RUNS)
    return {"job": job}


def pause_of_all(conn: apsw.Connection, now: datetime) -> Row | None:
    """The pause of all jobs as ``paused`` tells it of each; None if none is in force."""
    found = overrides.pause_of_all(conn, now)
    return None if found is None else {"until": found[0], "reason": found[1], "all": True}


def _job(conn: apsw.Connection, listed: ListedJob, coming: NextRun) -> Row:
    job = listed.columns
    paused = _pause(listed)
    job["schedule"] = _schedule(job["schedule"])
    job["tags"] = json.loads(listed.tags) if listed.tags and listed.tags != "[]" else []
    job["drifted"] = bool(job["drifted"])
    job["status"] = _status(listed)
    job["held"] = listed.held_message is not None
    job["paused"] = paused
    job["last_status"] = listed.last_status
    job["last_run"] = _last_run(listed)
    job["next_run"] = text_of(_next_run(conn, job, coming))
    job["enabled"] = bool(job["enabled"]) and paused is None
    return job


def _status(listed: ListedJob) -> str:
    """One word for a job; the first that fits."""
    if not listed.columns["enabled"]:
        return "disabled"
    if listed.pause_id is not None:
        return "paused"
    if listed.active_running is not None:
        return "running" if listed.active_running else "scheduled"
    return listed.last_status or "idle"


def _pause(listed: ListedJob) -> Row | None:
    if listed.pause_id is None:
        return None
    return {
        "until": listed.pause_until,
        "reason": listed.pause_reason,
        "all": bool(listed.pause_is_of_all),
    }


def _last_run(listed: ListedJob) -> Row | None:
    if listed.last_id is None:
        return None
    return {
        "id": listed.last_id,
        "status": listed.last_run_status,
        "started_at": listed.last_started_at,
        "finished_at": listed.last_finished_at,
        "duration_ms": listed.last_duration_ms,
    }


def _next_run(conn: apsw.Connection, job: Row, coming: NextRun) -> datetime | None:
    if not job["enabled"] or job["schedule"] is None:
        return None
    if job["paused"] is None:
        return coming(job["id"])
    until = job["paused"]["until"]
    return None if until is None else next_after_pause(conn, job["id"], from_text(until))


def _schedule(column: str | None) -> str | list[str] | None:
    """One expression as text, several as a list; no expression begins with a bracket."""
    if column is None or not column.startswith("["):
        return column
    try:
        expressions: list[str] = json.loads(column)
    except ValueError:  # changed by hand: shown as it stands
        return column
    return expressions
