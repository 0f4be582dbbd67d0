"""An item of a queue: what has become of it, its payload, and the runs that it passed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import apsw
from aiohttp import web

from jeeves_runner.api.route import Call
from jeeves_runner.dashboard.showing import Sheet, show
from jeeves_runner.dashboard.shown_items import ShownItem, shown_items
from jeeves_runner.db import queue_lines
from jeeves_runner.views.lineage import passed_item
from jeeves_runner.views.queues import QueueDocument, queue_document

_SHOWN: Final = 16_000
"""Characters of its payload, and of its error."""

_READ: Final = 8 << 20
"""Bytes of the longest payload of which the beginning is read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueItemPage:
    """What is shown."""

    queue: QueueDocument
    """The queue that it is in."""
    status: str
    """What has become of it: ``pending``, ``claimed``, ``completed`` or ``failed``."""
    item: ShownItem
    """What it is."""


async def show_item(call: Call[Any, Any, Any], queue: str, item: int) -> web.Response:
    """The page of an item; NotFound, also where it is in another queue."""
    title = f"{queue} #{item}"
    sheet = Sheet(template="queue_item.html", title=title, here="/queues", live=("queue", "run", "other"))
    return await show(call, sheet, lambda conn, now: _read(conn, now, queue, item))


def _read(conn: apsw.Connection, now: datetime, queue: str, item: int) -> QueueItemPage:
    document = queue_document(conn, now, queue)
    passed = passed_item(conn, now, item, queue)
    lines = queue_lines.lines(conn, now, [item], shown=_SHOWN, read=_READ)
    return QueueItemPage(
        queue=document, status=passed.status, item=shown_items(conn, lines, room=_SHOWN)[item]
    )
