"""The handlers of what scripts keep and hand to one another: queues and state."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote, urlencode

import apsw
from aiohttp import web

from jeeves_runner.api.job_handlers import end_of, write
from jeeves_runner.api.requests import (
    ItemsQuery,
    KeysQuery,
    NamespacePath,
    Nothing,
    OverrideBody,
    PeekQuery,
    QueueItemPath,
    QueuePath,
    QueuesQuery,
    StatePath,
)
from jeeves_runner.api.responses import encoded_parts
from jeeves_runner.api.route import Call
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.db import queue_pauses
from jeeves_runner.db.pages import ROOM
from jeeves_runner.views.lineage import item_lineage_view
from jeeves_runner.views.queues import peek_view, queue_ids_view, queue_view, queues_view
from jeeves_runner.views.state import key_view, namespace_view, namespaces_view


async def queues(call: Call[Nothing, QueuesQuery, Nothing]) -> web.Response:
    return await call.answer(queues_view if call.query.detail else queue_ids_view)


async def queue_status(call: Call[QueuePath, Nothing, Nothing]) -> web.Response:
    return await call.answer(lambda conn, now: queue_view(conn, now, call.path.queue))


async def queue_peek(call: Call[QueuePath, PeekQuery, Nothing]) -> web.Response:
    queue, limit = call.path.queue, call.query.limit
    return await call.answer(lambda conn, now: peek_view(conn, now, queue, limit, room=ROOM))


async def queue_item(call: Call[QueueItemPath, Nothing, Nothing]) -> web.Response:
    queue, item = call.path.queue, call.path.item
    return await call.answer(lambda conn, now: item_lineage_view(conn, now, item, queue))


async def pause_queue(call: Call[QueuePath, Nothing, OverrideBody]) -> web.Response:
    queue, reason, until = call.path.queue, call.body.reason, end_of(call.services, call.body)
    await write(
        call.services,
        lambda tx: queue_pauses.pause(tx, queue, until=until, reason=reason, by=AppliedBy.API),
    )
    return await call.answer(lambda conn, now: queue_view(conn, now, queue))


async def resume_queue(call: Call[QueuePath, Nothing, Nothing]) -> web.Response:
    queue = call.path.queue
    await write(call.services, lambda tx: queue_pauses.resume(tx, queue, by=AppliedBy.API))
    return await call.answer(lambda conn, now: queue_view(conn, now, queue))


async def namespaces(call: Call[Nothing, KeysQuery, Nothing]) -> web.Response:
    query = call.query
    return await call.answer(
        lambda conn, now: namespaces_view(conn, now, after=query.cursor or "", limit=query.limit)
    )


async def namespace(call: Call[NamespacePath, KeysQuery, Nothing]) -> web.Response:
    """The document has no place for anything but keys, so a header names the next page."""
    name, query = call.path.namespace, call.query
    following: list[str] = []

    def parts(conn: apsw.Connection, now: datetime) -> Iterator[bytes]:
        found = namespace_view(conn, now, name, after=query.cursor or "", limit=query.limit, room=ROOM)
        if found.next_cursor is not None:
            following.append(found.next_cursor)
        return encoded_parts(found.values)

    response = await call.answer_parts(parts)
    for cursor in following:
        address = f"/state/{quote(name, safe='')}?{urlencode({'limit': query.limit, 'cursor': cursor})}"
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


async def state_key(call: Call[StatePath, ItemsQuery, Nothing]) -> web.Response:
    path, query = call.path, call.query
    return await call.answer(
        lambda conn, now: key_view(
            conn, now, path.namespace, path.key, cursor=query.cursor, limit=query.limit, room=ROOM
        )
    )
