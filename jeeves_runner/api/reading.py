"""The routes that only look."""

from aiohttp import web

from jeeves_runner import __version__, views
from jeeves_runner.api import asked
from jeeves_runner.api.answers import answer, answer_encoded
from jeeves_runner.api.job_list import JOB_LIST
from jeeves_runner.api.services import SERVICES, ApiServices
from jeeves_runner.core.model import RunStatus
from jeeves_runner.views.runs import PAGE, tails
from jeeves_runner.views.status import NAME

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
    document = views.status_view(
        of.conn,
        of.clock.now(),
        started_at=of.started_at,
        stopping=of.stopping.is_set(),
        sync=of.sync.state.as_json(),
    )
    return answer(document)


async def healthz(request: web.Request) -> web.Response:
    return answer({"status": "ok"})


async def jobs(request: web.Request) -> web.Response:
    after, limit = asked.cursor(request), asked.limit_if_any(request)
    return answer_encoded(await request.app[JOB_LIST].document(after=after, limit=limit))


async def job(request: web.Request) -> web.Response:
    of = _services(request)
    return answer(views.job_view(of.conn, of.clock.now(), request.match_info["job"], of.next_run))


async def runs_of_job(request: web.Request) -> web.Response:
    of = _services(request)
    job_id = request.match_info["job"]
    document = views.runs_view(
        of.conn, job_id=job_id, before=asked.before(request), limit=asked.limit(request, PAGE)
    )
    if not document["runs"]:
        views.check_known(of.conn, job_id)
    return answer(document)


async def runs(request: web.Request) -> web.Response:
    of = _services(request)
    job_id = request.query.get("job")
    document = views.runs_view(
        of.conn,
        job_id=job_id,
        status=asked.choice(request, "status", _STATUSES),
        before=asked.before(request),
        limit=asked.limit(request, PAGE),
    )
    if job_id is not None and not document["runs"]:
        views.check_known(of.conn, job_id)
    return answer(document)


async def run(request: web.Request) -> web.Response:
    return answer(views.run_view(_services(request).conn, asked.run_id(request)))


async def logs(request: web.Request) -> web.StreamResponse:
    of = _services(request)
    found, path = views.run_log(of.conn, asked.run_id(request))
    if path is not None:
        return web.FileResponse(path, headers=_TEXT)
    return web.Response(body=tails(found).encode("utf-8", "replace"), headers=_TEXT)


async def sync(request: web.Request) -> web.Response:
    return answer(_services(request).sync.state.as_json())


async def queues(request: web.Request) -> web.Response:
    of = _services(request)
    return answer(views.queues_view(of.conn, of.clock.now(), detail=asked.flag(request, "detail")))


async def queue_status(request: web.Request) -> web.Response:
    of = _services(request)
    return answer(views.queue_view(of.conn, of.clock.now(), request.match_info["queue"]))


async def queue_peek(request: web.Request) -> web.Response:
    of = _services(request)
    limit = asked.limit(request, PEEK_LIMIT)
    return answer(views.peek_view(of.conn, of.clock.now(), request.match_info["queue"], limit))


async def namespaces(request: web.Request) -> web.Response:
    of = _services(request)
    return answer(views.namespaces_view(of.conn, of.clock.now()))


async def namespace(request: web.Request) -> web.Response:
    of = _services(request)
    return answer(views.namespace_view(of.conn, of.clock.now(), request.match_info["namespace"]))


async def state_key(request: web.Request) -> web.Response:
    of = _services(request)
    names = request.match_info
    return answer(views.key_view(of.conn, of.clock.now(), names["namespace"], names["key"]))


async def config(request: web.Request) -> web.Response:
    return answer(views.config_view(_services(request).config))


def _services(request: web.Request) -> ApiServices:
    return request.app[SERVICES]
