"""The document of /jobs: as many jobs as there are."""

from datetime import datetime

import apsw

from jeeves_runner.api.answers import encode
from jeeves_runner.views.jobs import each_job
from jeeves_runner.views.occurrences import NextRun


def job_list(
    conn: apsw.Connection, now: datetime, next_run: NextRun, *, after: str | None, limit: int | None
) -> bytes:
    """``{jobs}`` as JSON: those ``after`` an id, up to ``limit``; ``next_cursor`` if there are more.

    Job by job: to encode, or only to free, thousands at once would keep the event loop waiting for
    the interpreter.
    """
    parts: list[bytes] = []
    ids: list[str] = []
    wanted = None if limit is None else limit + 1
    for job in each_job(conn, now, next_run, after=after, limit=wanted):
        parts.append(encode(job))
        ids.append(job["id"])
    if limit is None or len(parts) <= limit:
        return _document(parts, None)
    return _document(parts[:limit], ids[limit - 1])


def _document(jobs: list[bytes], next_cursor: str | None) -> bytes:
    more = b"" if next_cursor is None else b',"next_cursor":' + encode(next_cursor)
    return b'{"jobs":[' + b",".join(jobs) + b"]" + more + b"}"
