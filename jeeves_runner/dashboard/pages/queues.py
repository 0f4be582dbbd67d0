"""The queues: which is full, which stands still, and which has given items up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

import apsw
from aiohttp import web

from jeeves_runner.api.parameters import Text, Whole, Word
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


_ORDERS: Final[Mapping[str, Callable[[QueueDocument, Flow], int]]] = MappingProxyType(
    {
        "id": lambda _queue, _flow: 0,
        "waiting": lambda queue, _flow: queue["depth"],
        "oldest": lambda queue, _flow: -1 if queue["oldest_age_ms"] is None else queue["oldest_age_ms"],
        "dead": lambda queue, _flow: queue["failed"],
        "claimed": lambda queue, _flow: queue["claimed"],
        "done": lambda _queue, flow: flow.completed,
    }
)
"""By what the list may be sorted: the greatest first, of equal ones by id."""


class QueuesPageQuery(NamedTuple):
    """Which queues to show."""

    q: Annotated[str, Text()] = ""
    """What is in their ids or descriptions."""
    sort: Annotated[str, Word(tuple(_ORDERS))] = "id"
    """How they are sorted."""
    page: Annotated[int, Whole(1, 1_000_000)] = 1
    """Which of the pages."""


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

    query: QueuesPageQuery
    """What was asked for."""
    lines: Sequence[QueueLine]
    """Those of this page."""
    pages: int
    """How many pages there are; at least one."""
    unused: Sequence[tuple[str, QueueEnds]]
    """Queues that jobs name, and that nothing has made yet."""
    most: int
    """How far items that left are counted."""

    def to(self, **other: object) -> str:
        """The path of this page with other values; from its beginning, unless a page is among these."""
        usual = QueuesPageQuery()._asdict()
        values = {**self.query._asdict(), "page": 1, **other}
        said = urlencode({name: value for name, value in values.items() if value != usual[name]})
        return f"/queues?{said}" if said else "/queues"


async def queues(call: Call[Nothing, QueuesPageQuery, Nothing]) -> web.Response:
    query = call.query
    return await show(call, _SHEET, lambda conn, now: _read(conn, now, query))


def _read(conn: apsw.Connection, now: datetime, query: QueuesPageQuery) -> QueuesPage:
    everything = queues_view(conn, now)["queues"]
    ends = queue_ends(conn)
    flow = flows(conn, now)
    text = query.q.casefold()
    fitting = [each for each in everything if text in f"{each['id']} {each['description'] or ''}".casefold()]
    order = _ORDERS[query.sort]
    fitting.sort(key=lambda each: (-order(each, flow[each["id"]]), each["id"]))
    pages = max(1, -(-len(fitting) // _PAGE))
    page = min(query.page, pages)
    known = {each["id"] for each in everything}
    return QueuesPage(
        query=query._replace(page=page),
        lines=[
            QueueLine(
                queue=each,
                since=waits_since(now, each["oldest_age_ms"]),
                flow=flow[each["id"]],
                ends=ends.get(each["id"], _NONE),
            )
            for each in fitting[(page - 1) * _PAGE : page * _PAGE]
        ],
        pages=pages,
        unused=[
            (name, found) for name, found in ends.items() if name not in known and text in name.casefold()
        ],
        most=MOST,
    )


def waits_since(now: datetime, age_ms: int | None) -> str | None:
    """Since when the oldest item of a queue waits, in the database's form of times."""
    return None if age_ms is None else to_text(now - timedelta(milliseconds=age_ms))
