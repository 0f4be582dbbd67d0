"""What was applied, day by day, and each apply with all that it changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Final, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import apsw
from aiohttp import web

from jeeves_runner.api.requests.pages import PageQuery
from jeeves_runner.api.requests.revisions import RevisionPath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.clock import from_text
from jeeves_runner.core.instants import on_clocks
from jeeves_runner.dashboard.changes import ShownChange, shown_changes
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db import revisions as rows
from jeeves_runner.db.revisions import RevisionRow
from jeeves_runner.views.revisions import WholeRevision, revision_view, revisions_view

_LIST: Final = Sheet(template="revisions.html", title="History", here="/revisions", live=frozenset({"sync"}))
_ONE: Final = Sheet(template="revision.html", title="Revision", here="/revisions")


class Day(NamedTuple):
    """What was applied on one day."""

    date: date
    """The day."""
    name: str
    """The same, for people."""
    revisions: Sequence[RevisionRow]
    """Newest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RevisionsPage:
    """What is shown of several."""

    days: Sequence[Day]
    """Newest first."""
    zone: str
    """Where these are days."""
    is_first: bool
    """Whether the list begins with the newest."""
    older: str | None
    """Where it goes on; None: it ends here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RevisionPage:
    """What is shown of one."""

    revision: WholeRevision
    """All of it."""
    changes: Sequence[ShownChange]
    """What it changed, as far as a page has room."""
    more: int
    """How many other changes it has."""
    before: int | None
    """The one before it."""
    after: int | None
    """The one after it."""


async def revisions(call: Call[Nothing, PageQuery, Nothing]) -> web.Response:
    query, zone = call.query, call.services.config.timezone
    return await show(call, _LIST, lambda conn, _now: _read_list(conn, query, zone))


async def revision(call: Call[RevisionPath, Nothing, Nothing]) -> web.Response:
    number = call.path.revision
    sheet = replace(_ONE, title=f"Revision {number}")
    return await show(call, sheet, lambda conn, _now: _read_one(conn, number))


def _read_list(conn: apsw.Connection, query: PageQuery, zone: str) -> RevisionsPage:
    found = revisions_view(conn, before=query.before, limit=query.limit)["revisions"]
    place = ZoneInfo(zone)
    days = groupby(found, lambda each: on_clocks(from_text(each["applied_at"]), place).date())
    older = None
    if found and rows.neighbours(conn, found[-1]["id"]).before is not None:
        limit = {} if query.limit == PageQuery().limit else {"limit": query.limit}
        older = f"/revisions?{urlencode({**limit, 'before': found[-1]['id']})}"
    return RevisionsPage(
        days=[Day(day, f"{day:%A}, {day.day} {day:%B %Y}", list(those)) for day, those in days],
        zone=zone,
        is_first=query.before is None,
        older=older,
    )


def _read_one(conn: apsw.Connection, number: int) -> RevisionPage:
    whole = revision_view(conn, number)["revision"]
    beside = rows.neighbours(conn, number)
    changes = shown_changes(whole["changes"])
    return RevisionPage(
        revision=whole,
        changes=changes,
        more=len(whole["changes"]) - len(changes),
        before=beside.before,
        after=beside.after,
    )
