"""The routes that only look."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import apsw
from aiohttp import web

from jeeves_runner import __version__
from jeeves_runner.api import asked
from jeeves_runner.api.answers import answer, answer_encoded, encode_by_parts
from jeeves_runner.api.job_list import job_list
from jeeves_runner.api.reader import READER
from jeeves_runner.api.services import SERVICES, ApiServices
from jeeves_runner.core.model import RunStatus
from jeeves_runner.execute.output.log_read import LogReader, is_in_two_parts
from jeeves_runner.views.jobs import check_known, job_view
from jeeves_runner.views.queues import peek_view, queue_view, queues_view
from jeeves_runner.views.runner import NAME, config_view, status_view
from jeeves_runner.views.runs import PAGE, run_log, run_view, runs_view, tails
from jeeves_runner.views.state import key_view, namespace_view, namespaces_view

PEEK_LIMIT = 20
_STATUSES = tuple(status.value for status in RunStatus)
_TEXT = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


async def index(request: web.Request) -> web.Response:
    links = {
        "status": "/status",
        "jobs": "/jobs",
        "runs": "/runs",
        "sync": "/sync",
        "queues": "/queues",
        "state": "/state",
        "config": "/config",
    }
    return answer({"name": NAME, "version": __version__, "links": links})


async def status(request: web.Request) -> web.Response:
    of = _services(request)
    document = status_view(
        of.conn,
        of.clock.now(),
        started_at=of.started_at,
        stopping=of.stopping.is_set(),
        sync=of.sync.state.as_json(),
        busy_since=of.writer.busy_since,
    )
    return answer(document)


async def healthz(request: web.Request) -> web.Response:
    return answer({"status": "ok"})


async def jobs(request: web.Request) -> web.Response:
    of = _services(request)
    after, limit = asked.cursor(request), asked.limit_if_any(request)
    document = await request.app[READER].read(
        lambda conn: job_list(conn, of.clock.now(), of.next_run, after=after, limit=limit)
    )
    return answer_encoded(document)


async def job(request: web.Request) -> web.Response:
    of = _services(request)
    return answer(job_view(of.conn, of.clock.now(), request.match_info["job"], of.next_run))


async def runs_of_job(request: web.Request) -> web.Response:
    return await _runs(request, request.match_info["job"], None)


async def runs(request: web.Request) -> web.Response:
    return await _runs(request, request.query.get("job"), asked.choice(request, "status", _STATUSES))


async def _runs(request: web.Request, job_id: str | None, status: str | None) -> web.Response:
    before, limit = asked.before(request), asked.limit(request, PAGE)

    def read(conn: apsw.Connection, _now: datetime) -> dict[str, Any]:
        document = runs_view(conn, job_id=job_id, status=status, before=before, limit=limit)
        if job_id is not None and not document["runs"]:
            check_known(conn, job_id)
        return document

    return await _answer_read(request, read)


async def run(request: web.Request) -> web.Response:
    return answer(run_view(_services(request).conn, asked.run_id(request)))


async def logs(request: web.Request) -> web.StreamResponse:
    of = _services(request)
    found, path = run_log(of.conn, asked.run_id(request))
    if path is not None and not is_in_two_parts(path):
        return web.FileResponse(path, headers=_TEXT)
    if path is not None:
        response = web.StreamResponse(headers=_TEXT)
        await response.prepare(request)
        for chunk in LogReader(path).read():
            await response.write(chunk)
        return response
    return web.Response(body=tails(found).encode("utf-8", "replace"), headers=_TEXT)


async def sync(request: web.Request) -> web.Response:
    return answer(_services(request).sync.state.as_json())


async def queues(request: web.Request) -> web.Response:
    detail = asked.flag(request, "detail")
    return await _answer_read(request, lambda conn, now: queues_view(conn, now, detail=detail))


async def queue_status(request: web.Request) -> web.Response:
    queue = request.match_info["queue"]
    return await _answer_read(request, lambda conn, now: queue_view(conn, now, queue))


async def queue_peek(request: web.Request) -> web.Response:
    queue, limit = request.match_info["queue"], asked.limit(request, PEEK_LIMIT)
    return await _answer_read(request, lambda conn, now: peek_view(conn, now, queue, limit))


async def namespaces(request: web.Request) -> web.Response:
    return await _answer_read(request, namespaces_view)


async def namespace(request: web.Request) -> web.Response:
    name = request.match_info["namespace"]
    return await _answer_read(request, lambda conn, now: namespace_view(conn, now, name))


async def state_key(request: web.Request) -> web.Response:
    name, key = request.match_info["namespace"], request.match_info["key"]
    return await _answer_read(request, lambda conn, now: key_view(conn, now, name, key))


async def config(request: web.Request) -> web.Response:
    return answer(config_view(_services(request).config))


def _services(request: web.Request) -> ApiServices:
    return request.app[SERVICES]


async def _answer_read(
    request: web.Request, read: Callable[[apsw.Connection, datetime], dict[str, Any]]
) -> web.Response:
    """The document of a view that may take long, read and encoded beside the event loop."""
    clock = _services(request).clock
    return answer_encoded(
        await request.app[READER].read(lambda conn: encode_by_parts(read(conn, clock.now())))
    )
