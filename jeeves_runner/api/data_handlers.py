"""The handlers of what scripts keep and hand to one another: queues and state."""

from aiohttp import web

from jeeves_runner.api.requests import NamespacePath, Nothing, PeekQuery, QueuePath, QueuesQuery, StatePath
from jeeves_runner.api.route import Call
from jeeves_runner.views.queues import peek_view, queue_ids_view, queue_view, queues_view
from jeeves_runner.views.state import key_view, namespace_view, namespaces_view


async def queues(call: Call[Nothing, QueuesQuery, Nothing]) -> web.Response:
    return await call.answer(queues_view if call.query.detail else queue_ids_view)


async def queue_status(call: Call[QueuePath, Nothing, Nothing]) -> web.Response:
    return await call.answer(lambda conn, now: queue_view(conn, now, call.path.queue))


async def queue_peek(call: Call[QueuePath, PeekQuery, Nothing]) -> web.Response:
    return await call.answer(lambda conn, now: peek_view(conn, now, call.path.queue, call.query.limit))


async def namespaces(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    return await call.answer(namespaces_view)


async def namespace(call: Call[NamespacePath, Nothing, Nothing]) -> web.Response:
    return await call.answer(lambda conn, now: namespace_view(conn, now, call.path.namespace))


async def state_key(call: Call[StatePath, Nothing, Nothing]) -> web.Response:
    return await call.answer(lambda conn, now: key_view(conn, now, call.path.namespace, call.path.key))
