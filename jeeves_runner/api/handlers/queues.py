"""The handlers of queues: what they hold, and their pauses."""

from collections.abc import Mapping
from functools import partial

from aiohttp import web

from jeeves_runner.api.handlers.acting import end_of, write
from jeeves_runner.api.handlers.jobs import add_a_manifest
from jeeves_runner.api.requests.overrides import OverrideBody
from jeeves_runner.api.requests.queues import (
    PeekQuery,
    PurgeQueueBody,
    QueueItemPath,
    QueuePath,
    QueuesQuery,
    RetryBody,
)
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.api.services import ApiServices
from jeeves_runner.db import queue_pauses, queue_purge, queue_retries
from jeeves_runner.db.pages import ROOM
from jeeves_runner.views.lineage import item_lineage_view
from jeeves_runner.views.queues import (
    PurgedDocument,
    RetriedDocument,
    peek_view,
    queue_document,
    queue_ids_view,
    queue_view,
    queues_view,
)
from jeeves_runner.views.whole_queue import whole_queue_view


async def queues(call: Call[Nothing, QueuesQuery, Nothing]) -> web.Response:
    query = call.query
    view = queues_view if query.detail else queue_ids_view
    return await call.answer(lambda conn, now: view(conn, now, after=query.cursor, limit=query.limit))


async def queue(call: Call[QueuePath, Nothing, Nothing]) -> web.Response:
    return await call.answer(lambda conn, now: whole_queue_view(conn, now, call.path.queue))


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
        lambda tx: queue_pauses.pause(tx, queue, until=until, reason=reason, by=call.asking.acting),
    )
    return await call.answer(lambda conn, now: queue_view(conn, now, queue))


async def resume_queue(call: Call[QueuePath, Nothing, Nothing]) -> web.Response:
    queue = call.path.queue
    await write(call.services, lambda tx: queue_pauses.resume(tx, queue, by=call.asking.acting))
    return await call.answer(lambda conn, now: queue_view(conn, now, queue))


async def retry_items(call: Call[QueuePath, Nothing, RetryBody]) -> web.Response:
    queue, items, services, by = call.path.queue, call.body.items, call.services, call.asking.acting
    document: RetriedDocument = {"retried": 0, "left": 0}
    if items is not None:
        document["retried"] = await write(
            services, lambda tx: queue_retries.retry_named(tx, queue, items, by=by)
        )
        return await call.show(document)
    until = await write(services, lambda tx: queue_retries.begin_all(tx, queue))
    after: queue_retries.Place | None = queue_retries.FIRST
    while after is not None:
        portion = await write(
            services, partial(queue_retries.retry_all, queue_id=queue, after=after, until=until, by=by)
        )
        document["retried"] += portion.done
        document["left"] += portion.left
        after = portion.last
    return await call.show(document)


async def delete_queue_item(call: Call[QueueItemPath, Nothing, Nothing]) -> web.Response:
    queue, item, by = call.path.queue, call.path.item, call.asking.acting
    kind = await write(call.services, lambda tx: queue_purge.delete(tx, item, queue, by=by))
    document: PurgedDocument = {"deleted": {kind: 1}}
    return await call.show(document)


async def purge_queue(call: Call[QueuePath, Nothing, PurgeQueueBody]) -> web.Response:
    queue, kinds, services, by = call.path.queue, call.body.kinds, call.services, call.asking.acting
    found = await services.writer.write(lambda tx: queue_purge.purgeable(tx, queue))
    document: PurgedDocument = {"deleted": dict.fromkeys(kinds, 0)}
    for kind in kinds:
        more = True
        while more:
            count = await services.writer.write(
                partial(queue_purge.purge, queue_id=queue, kind=kind, newest=found.newest, by=by)
            )
            document["deleted"][kind] += count
            more = count == queue_purge.PORTION
    return await call.show(document)


def where_queues_are(services: ApiServices, _path: Mapping[str, str]) -> str:
    """For those who would write the list of queues."""
    return f"queues are declared in manifests: {add_a_manifest(services)}"


def where_queue_is(services: ApiServices, path: Mapping[str, str]) -> str:
    """For those who would write what a queue is set to."""
    row = queue_document(services.conn, services.clock.now(), path["queue"])
    if row["declared"] and not row["deleted"]:
        return f"queue {row['id']} is declared in {row['file']}:{row['line']}; edit it there"
    return f"queue {row['id']} is declared nowhere: {add_a_manifest(services)}"
