"""The aiohttp application: every route of the table, behind the gate."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from aiohttp import web
from aiohttp.typedefs import Handler

from jeeves_runner.api.answer_headers import add_headers
from jeeves_runner.api.asking import Asking
from jeeves_runner.api.bodies import BodyReader, expectation
from jeeves_runner.api.commits import Commits
from jeeves_runner.api.connection import Limits
from jeeves_runner.api.event_stream import Streams
from jeeves_runner.api.events_feed import Feed
from jeeves_runner.api.gate import CALLER, CAME, Gate
from jeeves_runner.api.kept_finds import KeptFinds
from jeeves_runner.api.kept_jobs import KeptJobs
from jeeves_runner.api.kept_pages import KeptPages
from jeeves_runner.api.kept_reads import KeptReads
from jeeves_runner.api.kept_status import KeptStatus
from jeeves_runner.api.manner import HOUSE, Manner
from jeeves_runner.api.pages import Pages, prefers_page
from jeeves_runner.api.parameters import Parser
from jeeves_runner.api.past_ends import PastEnds
from jeeves_runner.api.problems import HttpProblem
from jeeves_runner.api.read_pool import ReadPool
from jeeves_runner.api.room import Room
from jeeves_runner.api.route import AnyCall, Call, Declared, Nothing, Route
from jeeves_runner.api.routes import DECLARED, ROUTES
from jeeves_runner.api.services import ApiServices
from jeeves_runner.api.spool import SpoolFiles
from jeeves_runner.api.v0.manner import ORIGINAL, is_below_base
from jeeves_runner.api.v0.refusals import refusals
from jeeves_runner.api.v0.routes import V0
from jeeves_runner.db.file_errors import translated
from jeeves_runner.errors import InvalidValue
from jeeves_runner.side_thread import Kept, SideThread

_TOO_OPEN_KEPT: Final = 1.0
"""Seconds for which it holds what of the files more people may use than is said."""

_VALUE: Final = re.compile(r"\{(\w+)\}")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


def build_app(services: ApiServices, limits: Limits, pages: Pages) -> web.Application:
    """The application; ``Connection`` keeps the limits that concern more than one request."""
    commits = Commits(services.conn)
    gate = Gate(services, commits, partial(_manner_of, pages), limits.connections)
    app = web.Application(middlewares=[gate.middleware()])
    database = Path(services.conn.filename)
    reads = ReadPool(database)
    kept_jobs = KeptJobs(services, reads, commits)
    app.on_startup.append(kept_jobs.start)
    app.on_cleanup.append(kept_jobs.close)
    app.on_response_prepare.append(_with_headers)
    app.on_cleanup.append(reads.close)
    app.on_cleanup.append(lambda _app: gate.close())
    files = SideThread("files for HTTP")
    streams = Streams(
        services.stopping,
        most=limits.streams,
        patience=limits.stream_untaken,
        silence=limits.silence,
    )
    events = ReadPool(database, threads=1, name="events")
    feed = Feed(services, events)
    app.on_shutdown.append(streams.close)
    app.on_cleanup.extend((feed.close, events.close))
    call_of = partial(
        Call,
        services=services,
        reads=reads,
        kept=KeptReads(commits, services.clock),
        kept_finds=KeptFinds(),
        kept_jobs=kept_jobs,
        kept_pages=KeptPages(streams, services.clock),
        past_ends=PastEnds(reads),
        kept_status=KeptStatus(),
        files=files,
        too_open=Kept(services.clock, _TOO_OPEN_KEPT),
        spools=SpoolFiles(database.parent),
        streams=streams,
        feed=feed,
    )
    bodies = Room(limits.memory)

    def served(route: Route, manner: Manner) -> Handler:
        body = manner.body(route.body, bodies, limits.body)
        return _served(route, gate, call_of, manner.query(route.query), body, database)

    for manner, route in _table(pages):
        handler = served(route, manner)
        if (page := pages.at(route)) is not None and manner is HOUSE:
            handler = _either(handler, served(page, pages.manner))
        elif manner is pages.manner and (others := _methods_of(route.path)):
            gate.pages_alone[route.path] = frozenset({"GET", "HEAD"})
            handler = _either(_not_allowed(others), handler)
        path = _VALUE.sub(r"{\1:[^/]+}", route.path)  # by itself aiohttp takes no braces in a value
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            gate.routes[app.router.add_route(method, path, handler, expect_handler=expectation)] = route
    # Where several paths fit, the first that takes the method does, so these come last.
    for declared in DECLARED:
        app.router.add_route("*", declared.path, _refused(declared, services), expect_handler=expectation)
    for method, path, refuse in refusals(services, ORIGINAL.body(Nothing, bodies, limits.body)):
        app.router.add_route(method, path, refuse, expect_handler=expectation)
    return app


def _table(pages: Pages) -> Iterator[tuple[Manner, Route]]:
    yield from ((HOUSE, route) for route in ROUTES)
    yield from ((pages.manner, route) for route in pages.alone(ROUTES))
    yield from ((ORIGINAL, route) for route in V0)


def _manner_of(pages: Pages, request: web.Request) -> Manner:
    if is_below_base(request):
        return ORIGINAL
    return pages.manner if prefers_page(request.headers.get("Accept", "")) else HOUSE


_HAS_BOTH: Final = web.RequestKey("has_both", bool)
"""Set where the answer depends on what the client would rather have."""


def _either(document: Handler, page: Handler) -> Handler:
    """Answers with the one that the client would rather have."""

    async def serve(request: web.Request) -> web.StreamResponse:
        request[_HAS_BOTH] = True
        chosen = page if prefers_page(request.headers.get("Accept", "")) else document
        return await chosen(request)

    return serve


def _methods_of(path: str) -> list[str]:
    """The methods by which documents are asked for at a path."""
    return sorted({route.method for route in ROUTES if route.path == path})


def _not_allowed(methods: list[str]) -> Handler:
    """What tells a program that a page alone answers this method of a path."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, methods)

    return refuse


async def _with_headers(request: web.Request, answer: web.StreamResponse) -> None:
    """A handler that sends in its own time prepares its answer before ``Connection`` sees it."""
    add_headers(answer)
    if request.get(_HAS_BOTH):
        others = answer.headers.get("Vary")
        answer.headers["Vary"] = f"Accept, {others}" if others else "Accept"


def _served(
    route: Route,
    gate: Gate,
    call_of: Callable[..., AnyCall],
    query: Parser[Any],
    body: BodyReader[Any],
    database: Path,
) -> Handler:
    """What makes a call of each request for a route; ``call_of`` takes what comes with the request."""
    path: Parser[Any] = Parser(route.path_values, called="the {}")
    no_body = None if route.takes_body else route.body()
    no_path = None if path.names else path.parse({})
    done = min(route.answers)

    async def serve(request: web.Request) -> web.StreamResponse:
        asked = request.raw_path
        _check_path(asked)
        call = call_of(
            asking=Asking(request, request[CALLER], gate.guard, done),
            came=request[CAME],
            path=path.parse(request.match_info) if no_path is None else no_path,
            query=query.parse(request.query if "?" in asked else {}),
            body=await body.read(request) if no_body is None else no_body,
        )
        with translated(str(database)):
            return await route.handler(call)

    return serve


def _check_path(path: str) -> None:
    """InvalidValue for a path that is no text: aiohttp would take `%FF` as it is written."""
    if "%" in path:
        try:
            unquote_to_bytes(path).decode()
        except UnicodeDecodeError:
            raise InvalidValue(
                "the path is not UTF-8", hint="encode names as UTF-8, then with percent signs"
            ) from None


def _refused(declared: Declared, services: ApiServices) -> Handler:
    """What answers methods that no route takes, on a path of what manifests declare."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        allowed = await _methods_at(request)
        if request.method not in _SAFE_METHODS:
            return _declared_elsewhere(declared, declared.where(services, request.match_info), allowed)
        if allowed:
            raise web.HTTPMethodNotAllowed(request.method, allowed)
        raise web.HTTPNotFound

    return refuse


async def _methods_at(request: web.Request) -> list[str]:
    """The methods that routes take at the path of this request."""
    methods: set[str] = set()
    for resource in request.app.router.resources():
        methods |= (await resource.resolve(request))[1]
    return sorted(methods - {"*"})


def _declared_elsewhere(declared: Declared, where: str, allowed: list[str]) -> web.Response:
    return HttpProblem(
        405,
        "declared",
        where,
        hint=f"a saved manifest is applied at once; {_acts_on(declared.acts)}",
        headers={"Allow": ", ".join(allowed)},
    ).answer()


def _acts_on(one: str) -> str:
    """The routes that act on one of a kind, in words: ``POST …/run, …/pause and …/resume act on a job``."""
    paths = [route.path for route in ROUTES if route.method == "POST" and route.path.startswith(one)]
    *others, last = [path.replace(one, "…") for path in paths if path.count("/") == one.count("/") + 1]
    return f"POST {', '.join(others)} and {last} act on a {_VALUE.findall(one)[0]}"
