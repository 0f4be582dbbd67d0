"""The list of runs: all, or those of a job or of a status, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlencode

import apsw
from aiohttp import web

from jeeves_runner.api.requests.runs import RunsQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.model import RunStatus
from jeeves_runner.dashboard.run_notes import note_of
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db.pages import ROOM
from jeeves_runner.db.run_list import RunRow
from jeeves_runner.errors import NotFound
from jeeves_runner.views.job_lookup import check_known
from jeeves_runner.views.runs import runs_view

_SHEET: Final = Sheet(template="runs.html", title="Runs", here="/runs", live=frozenset({"run"}))


class Choice(NamedTuple):
    """A status that one can choose."""

    word: str
    """What it is called."""
    status: str
    """The status; empty: all of them."""
    path: str
    """Where its runs are listed."""
    is_chosen: bool
    """Whether these are shown."""


class ListedRun(NamedTuple):
    """A row of the list."""

    run: RunRow
    """The run."""
    note: str
    """What is to be said of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunsPage:
    """What is shown."""

    job: str | None
    """Only runs of this job."""
    status: str | None
    """Only runs of this status."""
    choices: Sequence[Choice]
    """The statuses."""
    rows: Sequence[ListedRun]
    """The runs, newest first."""
    older: str | None
    """Where the list goes on; None: it ends here."""
    newest: str | None
    """Where it begins; None: here."""
    unknown: NotFound | None
    """Why there is no run of this job: there never was such a job."""


async def runs(call: Call[Nothing, RunsQuery, Nothing]) -> web.Response:
    query = call.query._replace(job=call.query.job or None)  # a form sends a field that was left empty
    return await show(call, _SHEET, lambda conn, _now: _read(conn, query))


def _read(conn: apsw.Connection, query: RunsQuery) -> RunsPage:
    job, status = query.job, query.status
    found = runs_view(conn, job_id=job, status=status, before=query.before, limit=query.limit, room=ROOM)
    before = found.get("next_before")
    return RunsPage(
        job=job,
        status=status,
        choices=[
            Choice("all", "", _path(query, status=None), status is None),
            *(
                Choice(each.value, each.value, _path(query, status=each.value), status == each)
                for each in RunStatus
            ),
        ],
        rows=[ListedRun(run, note_of(run)) for run in found["runs"]],
        older=None if before is None else _path(query, status=status, before=before),
        newest=None if query.before is None else _path(query, status=status),
        unknown=None if found["runs"] or job is None else _unknown(conn, job),
    )


def _path(query: RunsQuery, *, status: str | None, before: int | None = None) -> str:
    """The list with the same job, and the same length of its pages."""
    limit = query.limit if query.limit != RunsQuery().limit else None
    said = {"job": query.job, "status": status, "limit": limit, "before": before}
    text = urlencode({name: value for name, value in said.items() if value is not None})
    return f"/runs?{text}" if text else "/runs"


def _unknown(conn: apsw.Connection, job: str) -> NotFound | None:
    try:
        check_known(conn, job)
    except NotFound as error:
        return error
    return None
