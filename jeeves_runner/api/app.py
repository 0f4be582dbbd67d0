"""The aiohttp application: the routes behind one middleware that guards them and words their errors."""

import asyncio
from pathlib import Path

from aiohttp import web

from jeeves_runner.api.connection import LIMITS, Connection, Limits, log
from jeeves_runner.api.guard import refusal
from jeeves_runner.api.problems import UNEXPECTED, problem, problem_of, problem_of_http
from jeeves_runner.api.read_pool import READ_POOL, ReadPool
from jeeves_runner.api.routes import ROUTES, Handler
from jeeves_runner.api.services import SERVICES, ApiServices
from jeeves_runner.errors import JeevesError


def build_app(services: ApiServices, limits: Limits) -> web.Application:
    """The application; ``Connection`` keeps the limits that concern more than one request."""
    app = web.Application(middlewares=[_answer_always])
    app[SERVICES] = services
    app[LIMITS] = limits
    app[READ_POOL] = ReadPool(Path(services.conn.filename))
    app.on_cleanup.append(app[READ_POOL].close)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.handler)
    return app


@web.middleware
async def _answer_always(request: web.Request, handler: Handler) -> web.StreamResponse:
    if isinstance(request.protocol, Connection):
        request.protocol.head_has_come()
    refused = refusal(request)
    if refused is not None:
        return problem(403, "forbidden", refused)
    try:
        return await handler(request)
    except JeevesError as error:
        return problem_of(error)
    except web.HTTPException as error:
        return problem_of_http(error)
    except web.RequestPayloadError as error:
        log.debug("%s %r: the body cannot be read: %s", request.method, request.path, error)
        return problem(400, "bad_request", "the body is not encoded as its headers say")
    except asyncio.CancelledError:
        raise
    except Exception as fault:  # noqa: BLE001 - what is not the client's doing is logged
        if not _has_hung_up(request, fault):
            log.exception("%s %r failed", request.method, request.path)
        return problem(500, "unexpected", UNEXPECTED)


def _has_hung_up(request: web.Request, fault: Exception) -> bool:
    """Whether a handler failed because its client is gone; that is no fault of the server."""
    gone = isinstance(fault, ConnectionError) and request.transport is None
    if gone:
        log.debug("%s %r: the client hung up", request.method, request.path)
    return gone
