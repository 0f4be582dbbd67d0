"""The handler of events."""

from aiohttp import web

from jeeves_runner.api.events_feed import Wanted
from jeeves_runner.api.requests.events import EventsQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.views.job_lookup import check_known


async def events(call: Call[Nothing, EventsQuery, Nothing]) -> web.StreamResponse:
    query = call.query
    if query.job is not None:
        check_known(call.services.conn, query.job)
    wanted = Wanted(query.kind or frozenset(), query.job, query.brief)
    last_id = call.asking.last_event_id or query.after
    return await call.stream(lambda: call.feed.follow(last_id, wanted))
