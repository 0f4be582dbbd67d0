"""The handlers of schedules: what comes, and what came."""

from datetime import datetime

import apsw
from aiohttp import web

from jeeves_runner.api.requests.schedule import ScheduleQuery
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.core.instants import coming_instant, end_of_span
from jeeves_runner.views.occurrences import OccurrencesDocument, schedule_view


async def schedule(call: Call[Nothing, ScheduleQuery, Nothing]) -> web.Response:
    query, zone = call.query, call.services.config.timezone

    def read(conn: apsw.Connection, now: datetime) -> OccurrencesDocument:
        begin = now if query.from_ is None else coming_instant(query.from_, now, zone, "from")
        end = None if query.to is None else end_of_span(query.to, begin, now, zone, "to")
        return schedule_view(
            conn, now, begin=begin, end=end, cursor=query.cursor, job_id=query.job, limit=query.limit
        )

    return await call.answer(read)
