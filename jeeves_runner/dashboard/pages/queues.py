"""The queues: which is full, which stands still, and which has given items up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, NamedTuple

import apsw
from aiohttp import web

from jeeves_runner.api.parameters import Name, Text
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.clock import to_text
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.db.queue_flow import MOST, Flow, flows
from jeeves_runner.views.queue_ends import QueueEnds, queue_ends
from jeeves_runner.views.queues import QueueDocument, queues_view

_SHEET: Final = Sheet(template="queues.html", title="Queues", here="/queues", live=("queue", "sync", "other"))

_PAGE: Final = 200
"""Queues on a page."""

_NONE: Final = QueueEnds(writers=(), readers=())


class QueuesPageQuery(NamedTuple):
    """Which queues to show."""

    text: Annotated[str, Text()] = ""
    """What is in their ids or descriptions."""
    cursor: Annotated[str | None, Name()] = None
    """The last one of the page before; None: from the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLine:
    """One queue."""

    queue: QueueDocument
    """How it is."""
    since: str | None
    """Since when its oldest item waits."""
    flow: Flow
    """What has left it of late."""
    ends: QueueEnds
    """Which jobs write and read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuesPage:
    """What is shown."""

    text: str
    """What was looked for."""
    lines: Sequence[QueueLine]
    """By id."""
    next_cursor: str | None
    """Where the next page begins, if others follow."""
    unused: Sequence[tuple[str, QueueEnds]]
    """Queues that jobs name, and that nothing has made yet."""
    most: int
    """How far items that left are counted."""


async def queues(call: Call[Nothing, QueuesPageQuery, Nothing]) -> web.Response:
    query = call.query
    return await show(call, _SHEET, lambda conn, now: _read(conn, now, query))


def _read(conn: apsw.Connection, now: datetime, query: QueuesPageQuery) -> QueuesPage:
    everything = queues_view(conn, now)["queues"]
    ends = queue_ends(conn)
    flow = flows(conn, now)
    text = query.text.casefold()
    fitting = [each for each in everything if text in f"{each['id']} {each['description'] or ''}".casefold()]
    rest = [each for each in fitting if query.cursor is None or each["id"] > query.cursor]
    known = {each["id"] for each in everything}
    return QueuesPage(
        text=query.text,
        lines=[
            QueueLine(
                queue=each,
                since=waits_since(now, each["oldest_age_ms"]),
                flow=flow[each["id"]],
                ends=ends.get(each["id"], _NONE),
            )
            for each in rest[:_PAGE]
        ],
        next_cursor=rest[_PAGE - 1]["id"] if len(rest) > _PAGE else None,
        unused=[
            (name, found) for name, found in ends.items() if name not in known and text in name.casefold()
        ],
        most=MOST,
    )


def waits_since(now: datetime, age_ms: int | None) -> str | None:
    """Since when the oldest item of a queue waits, in the database's form of times."""
    return None if age_ms is None else to_text(now - timedelta(milliseconds=age_ms))
