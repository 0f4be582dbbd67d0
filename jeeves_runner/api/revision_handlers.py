"""The handlers of revisions: what was applied, and what each apply changed."""

from aiohttp import web

from jeeves_runner.api.requests import Nothing, PageQuery, RevisionPath
from jeeves_runner.api.route import Call
from jeeves_runner.views.revisions import revision_view, revisions_view


async def revisions(call: Call[Nothing, PageQuery, Nothing]) -> web.Response:
    query = call.query
    return await call.answer(lambda conn, _: revisions_view(conn, before=query.before, limit=query.limit))


async def revision(call: Call[RevisionPath, Nothing, Nothing]) -> web.Response:
    return await call.answer(lambda conn, _: revision_view(conn, call.path.revision))
