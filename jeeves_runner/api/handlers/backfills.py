"""The handlers of backfills: which there are, and how far each is."""

from aiohttp import web

from jeeves_runner.api.requests.backfills import BackfillPath
from jeeves_runner.api.requests.pages import PageQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.views.backfills import backfill_view, backfills_view


async def backfills(call: Call[Nothing, PageQuery, Nothing]) -> web.Response:
    query = call.query
    return await call.answer(lambda conn, _: backfills_view(conn, before=query.before, limit=query.limit))


async def backfill(call: Call[BackfillPath, Nothing, Nothing]) -> web.Response:
    return await call.answer(lambda conn, _: backfill_view(conn, call.path.backfill))
