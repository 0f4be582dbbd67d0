"""The routes of the runner itself: its status, its settings and its sync with the manifests."""

from aiohttp import web

from jeeves_runner import __version__
from jeeves_runner.api.responses import json_response
from jeeves_runner.api.services import SERVICES
from jeeves_runner.views.runner import NAME, config_view, status_view
from jeeves_runner.views.sync import sync_view


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
    return json_response({"name": NAME, "version": __version__, "links": links})


async def status(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    document = status_view(
        services.conn,
        services.clock.now(),
        started_at=services.started_at,
        stopping=services.stopping.is_set(),
        sync=sync_view(services.sync.status),
        busy_since=services.writer.busy_since,
    )
    return json_response(document)


async def healthz(request: web.Request) -> web.Response:
    return json_response({"status": "ok"})


async def sync(request: web.Request) -> web.Response:
    return json_response(sync_view(request.app[SERVICES].sync.status))


async def reconcile(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    services.sync.apply_now()
    return json_response(sync_view(services.sync.status), status=202)


async def nudge(request: web.Request) -> web.Response:
    """Another program has written to the database: look at it now, not at the next interval.

    The answer comes before the look: as long as it has not come, what is committed will be seen.
    """
    await request.app[SERVICES].nudge()
    return web.Response(status=204)


async def config(request: web.Request) -> web.Response:
    return json_response(config_view(request.app[SERVICES].config))
