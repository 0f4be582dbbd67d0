"""One run: how it stands, what it wrote, why it came, and what it led to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import apsw
from aiohttp import web

from jeeves_runner.api.requests.runs import RunPath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.wording import one_line
from jeeves_runner.dashboard.run_notes import note_of
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db import run_list
from jeeves_runner.db.run_list import RunRow, WholeRunRow
from jeeves_runner.errors import NotFound
from jeeves_runner.views.lineage import RunLineage, run_lineage_view
from jeeves_runner.views.occurrences import Moments
from jeeves_runner.views.runs import run_view, tails
from jeeves_runner.views.why import WhyDocument, why_view

_ATTEMPTS: Final = 101
"""The first and as many retries as there may be."""

_COLOURS: Final = re.compile(r"\x1b\[[0-9;:]*m")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """What is shown."""

    run: WholeRunRow
    """The run."""
    note: str
    """What is to be said of it, in a line."""
    why: WhyDocument | None
    """Why it came, waits or ended so; None where the job is not known any more."""
    attempts: Sequence[RunRow]
    """All attempts of its chain, oldest first."""
    before: int | None
    """The run of its job before this one."""
    after: int | None
    """The one after it."""
    lineage: RunLineage
    """What led to it, and what it led to."""
    tail: Sequence[str]
    """The last lines that it wrote, for browsers that run no scripts."""


async def run(call: Call[RunPath, Nothing, Nothing]) -> web.Response:
    run_id = call.path.run
    job = run_view(call.services.conn, run_id)["run"]["job_id"]
    sheet = Sheet(
        template="run.html", title=f"Run {run_id} of {job}", here="/runs", live=frozenset({"run"}), job=job
    )
    catching_up = call.services.catching_up()
    return await show(call, sheet, lambda conn, now: _read(conn, now, run_id, catching_up))


def _read(conn: apsw.Connection, now: datetime, run_id: int, catching_up: Moments) -> RunPage:
    found = run_view(conn, run_id)["run"]
    before, after = run_list.neighbours(conn, found["job_id"], run_id)
    return RunPage(
        run=found,
        note=note_of(found),
        why=_why(conn, now, found, catching_up),
        attempts=run_list.attempts(conn, found["chain_id"] or run_id, _ATTEMPTS),
        before=before,
        after=after,
        lineage=run_lineage_view(conn, now, run_id)["lineage"],
        tail=_lines(tails(found)),
    )


def _why(conn: apsw.Connection, now: datetime, found: RunRow, catching_up: Moments) -> WhyDocument | None:
    try:
        return why_view(conn, now, found["job_id"], run_id=found["id"], served=True, catching_up=catching_up)
    except NotFound:  # its job is deleted, and so long ago that there is no trace of it
        return None


def _lines(text: str) -> list[str]:
    """As a browser shows them without a script: no colours, and all else that steers as what it is."""
    lines = (_COLOURS.sub("", line).rstrip("\r").expandtabs() for line in text.rstrip("\n").split("\n"))
    return [one_line(line) for line in lines] if text else []
