"""The handlers of the graph: what jobs are tied to."""

from aiohttp import web

from jeeves_runner.api.requests import GraphQuery, Nothing
from jeeves_runner.api.route import Call
from jeeves_runner.views.freshness import stale_view
from jeeves_runner.views.graph import graph_view


async def graph(call: Call[Nothing, GraphQuery, Nothing]) -> web.Response:
    query = call.query
    return await call.answer(lambda conn, now: graph_view(conn, now, impact=query.impact, near=query.around))


async def stale(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    return await call.answer(stale_view)
