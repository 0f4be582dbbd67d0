"""The page of a job that is no more: why, and its runs; or the way to its new id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import apsw
from aiohttp import web

from jeeves_runner.api.route import Call
from jeeves_runner.dashboard.run_notes import note_of
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db.jobs import JobRow, unknown_job
from jeeves_runner.db.renames import new_id
from jeeves_runner.db.run_list import RunRow, run_rows
from jeeves_runner.views.why import WhyDocument, why_view

_RUNS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class GoneJob:
    """What is shown."""

    id: str
    """The job."""
    deleted_at: str
    """When it was deleted."""
    file: str
    """The manifest that it came from."""
    why: WhyDocument
    """What happened to it last."""
    runs: Sequence[tuple[RunRow, str]]
    """Its newest runs that are still there, each with what is to be said of it."""


async def gone_job(call: Call[Any, Any, Any], job_id: str, row: JobRow | None) -> web.Response:
    """The answer for an id that is no live job; ``row``: what there is of it. NotFound for one that never
    was."""
    conn = call.services.conn
    if (renamed := new_id(conn, job_id)) is not None:
        place = f"/jobs/{quote(renamed, safe='')}"
        return web.Response(status=HTTPStatus.FOUND, headers={"Location": place})
    if row is None or row.deleted_at is None:
        raise unknown_job(conn, job_id)
    sheet = Sheet(template="job_gone.html", title=job_id, here="/jobs", live=("run", "sync"), job=job_id)
    at, file = row.deleted_at, row.file

    def read(conn: apsw.Connection, now: datetime) -> GoneJob:
        return GoneJob(
            id=job_id,
            deleted_at=at,
            file=file,
            why=why_view(conn, now, job_id, served=True),
            runs=[(run, note_of(run)) for run in run_rows(conn, job_id=job_id, limit=_RUNS).rows],
        )

    return await show(call, sheet, read)
