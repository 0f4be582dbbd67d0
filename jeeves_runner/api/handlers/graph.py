"""The handlers of the graph: what jobs are tied to."""

from aiohttp import web

from jeeves_runner.api.requests.graph import GraphQuery, NodePath
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.views.freshness import stale_view
from jeeves_runner.views.graph import graph_view
from jeeves_runner.views.why_node import node_why_view


async def graph(call: Call[Nothing, GraphQuery, Nothing]) -> web.Response:
    query = call.query
    return await call.answer(
        lambda conn, now: graph_view(
            conn, now, impact=query.impact, near=query.around, distance=query.distance
        )
    )


async def stale(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    return await call.answer(stale_view)


async def node_why(call: Call[NodePath, Nothing, Nothing]) -> web.Response:
    catching_up = call.services.catching_up()
    return await call.answer(
        lambda conn, now: node_why_view(conn, now, call.path.node, served=True, catching_up=catching_up)
    )
