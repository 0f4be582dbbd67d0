"""The list of runs: all, or those of a job or of a status, page by page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import urlencode

import apsw
from aiohttp import web

from jeeves_runner.api.requests.runs import RunsQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.model import RunStatus
from jeeves_runner.dashboard.run_notes import note_of
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.dashboard.since import since_choices
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

    query: RunsQuery
    """What is asked for."""
    times: Mapping[str, str]
    """From when on one can ask, in words."""
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
    asked, zone = call.query, call.services.config.timezone
    # A form sends fields that were left empty as well.
    query = asked._replace(job=asked.job or None, since=asked.since or None, until=asked.until or None)
    query.span(call.services.clock.now(), zone)  # what is wrong with it is told
    return await show(call, _SHEET, lambda conn, now: _read(conn, now, query, zone))


def _read(conn: apsw.Connection, now: datetime, query: RunsQuery, zone: str) -> RunsPage:
    job, status, (since, until) = query.job, query.status, query.span(now, zone)
    found = runs_view(
        conn,
        job_id=job,
        status=status,
        since=since,
        until=until,
        before=query.before,
        limit=query.limit,
        room=ROOM,
    )
    before = found.get("next_before")
    return RunsPage(
        query=query,
        times=since_choices(query.since),
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
    """The list with the same job, the same times, and the same length of its pages."""
    limit = query.limit if query.limit != RunsQuery().limit else None
    said = {
        "job": query.job,
        "status": status,
        "since": query.since,
        "until": query.until,
        "limit": limit,
        "before": before,
    }
    text = urlencode({name: value for name, value in said.items() if value is not None})
    return f"/runs?{text}" if text else "/runs"


def _unknown(conn: apsw.Connection, job: str) -> NotFound | None:
    try:
        check_known(conn, job)
    except NotFound as error:
        return error
    return None
