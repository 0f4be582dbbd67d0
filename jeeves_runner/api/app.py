"""The aiohttp application: the routes behind one middleware that guards them and words their errors."""

import asyncio
import logging

from aiohttp import web

from jeeves_runner.api.guard import refusal
from jeeves_runner.api.problems import problem, problem_of, problem_of_http
from jeeves_runner.api.routes import ROUTES, Handler
from jeeves_runner.api.services import SERVICES, ApiServices
from jeeves_runner.errors import JeevesError

log = logging.getLogger(__name__)


def build_app(services: ApiServices) -> web.Application:
    """The application. Serve it with ``access_log=None`` and without cancelling handlers of gone clients:
    a run that somebody started over HTTP goes on when they hang up."""
    app = web.Application(middlewares=[_answer_always])
    app[SERVICES] = services
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.handler)
    return app


@web.middleware
async def _answer_always(request: web.Request, handler: Handler) -> web.StreamResponse:
    refused = refusal(request)
    if refused is not None:
        return problem(403, "forbidden", refused)
    try:
        return await handler(request)
    except JeevesError as error:
        return problem_of(error)
    except web.HTTPException as error:
        return problem_of_http(error)
    except asyncio.CancelledError:
        raise
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return problem(500, "unexpected", "unexpected error; the server's log has the details")
