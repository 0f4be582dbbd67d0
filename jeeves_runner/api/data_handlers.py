"""The routes of what scripts keep and hand to one another: queues and state."""

from typing import Final

from aiohttp import web

from jeeves_runner.api import parameters
from jeeves_runner.api.read_pool import document_response
from jeeves_runner.views.queues import peek_view, queue_ids_view, queue_view, queues_view
from jeeves_runner.views.state import key_view, namespace_view, namespaces_view

PEEK_LIMIT: Final = 20


async def queues(request: web.Request) -> web.Response:
    detail = parameters.flag(request, "detail")
    return await document_response(request, queues_view if detail else queue_ids_view)


async def queue_status(request: web.Request) -> web.Response:
    queue = request.match_info["queue"]
    return await document_response(request, lambda conn, now: queue_view(conn, now, queue))


async def queue_peek(request: web.Request) -> web.Response:
    queue, limit = request.match_info["queue"], parameters.limit(request, PEEK_LIMIT)
    return await document_response(request, lambda conn, now: peek_view(conn, now, queue, limit))


async def namespaces(request: web.Request) -> web.Response:
    return await document_response(request, namespaces_view)


async def namespace(request: web.Request) -> web.Response:
    name = request.match_info["namespace"]
    return await document_response(request, lambda conn, now: namespace_view(conn, now, name))


async def state_key(request: web.Request) -> web.Response:
    name, key = request.match_info["namespace"], request.match_info["key"]
    return await document_response(request, lambda conn, now: key_view(conn, now, name, key))
