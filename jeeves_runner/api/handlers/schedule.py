"""The handlers of schedules: what comes, and what came."""

from aiohttp import web

from jeeves_runner.api.requests.schedule import ScheduleQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.instants import parse_instant
from jeeves_runner.views.occurrences import schedule_view


async def schedule(call: Call[Nothing, ScheduleQuery, Nothing]) -> web.Response:
    query, zone = call.query, call.services.config.timezone
    return await call.answer(
        lambda conn, now: schedule_view(
            conn,
            now,
            begin=now if query.from_ is None else parse_instant(query.from_, now, zone, "from"),
            end=None if query.to is None else parse_instant(query.to, now, zone, "to"),
            cursor=query.cursor,
            job_id=query.job,
            limit=query.limit,
        )
    )
