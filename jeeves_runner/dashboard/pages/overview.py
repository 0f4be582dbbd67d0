"""The first page: is it in sync, what is wrong, what runs, and what comes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import apsw
from aiohttp import web

from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db.incident_list import IncidentRow, incident_rows
from jeeves_runner.db.run_list import RunRow, active_run_rows, run_rows
from jeeves_runner.views.occurrences import OccurrenceDocument, next_view

_SHEET: Final = Sheet(
    template="overview.html", title="Overview", here="/", live=("run", "sync", "queue", "alert")
)
_NEXT: Final = 10
_LAST: Final = 10
_INCIDENTS: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """What is shown."""

    incidents: list[IncidentRow]
    """What is wrong, newest first."""
    active: list[RunRow]
    """What runs or waits."""
    coming: list[OccurrenceDocument]
    """What comes next."""
    ended: list[RunRow]
    """What ended last."""


async def overview(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    return await show(call, _SHEET, _read)


def _read(conn: apsw.Connection, now: datetime) -> Overview:
    return Overview(
        incidents=incident_rows(conn, now, limit=_INCIDENTS).rows,
        active=active_run_rows(conn),
        coming=next_view(conn, now, count=_NEXT)["occurrences"],
        ended=run_rows(conn, limit=_LAST).rows,
    )
