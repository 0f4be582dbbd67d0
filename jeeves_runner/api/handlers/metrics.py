"""The handler of what programs read that watch the runner."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import apsw
from aiohttp import web

from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.metrics.exposition import form_for


async def metrics(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    """In the pool, one at a time: of thousands of jobs it takes a thread of the pool for a while."""
    kept = call.services.metrics
    form = form_for(call.asking.accept)
    free: dict[str, int] = {}
    with suppress(OSError):
        free = await call.look(kept.free_bytes)
    async with kept.one_at_a_time:
        vitals, requests = kept.vitals(), kept.requests

        def parts(conn: apsw.Connection, now: datetime) -> Iterator[bytes]:
            return kept.written(conn, now, vitals, requests, free, form)

        response = await call.answer_parts(parts)
    response.headers["Content-Type"] = form.value
    return response
