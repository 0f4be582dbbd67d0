"""The handlers of backfills: which there are, and how far each is."""

from aiohttp import web

from jeeves_runner.api.requests.backfills import BackfillPath
from jeeves_runner.api.requests.pages import PageQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.views.backfills import backfill_view, backfills_view


async def backfills(call: Call[Nothing, PageQuery, Nothing]) -> web.Response:
    before, limit = call.query.before, call.query.limit
    return await call.answer(lambda conn, now: backfills_view(conn, now, before=before, limit=limit))


async def backfill(call: Call[BackfillPath, Nothing, Nothing]) -> web.Response:
    return await call.answer(lambda conn, now: backfill_view(conn, call.path.backfill, now))
