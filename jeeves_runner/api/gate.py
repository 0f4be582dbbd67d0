"""What each request passes on its way to its route and back: the guard, the audit, and the words of
errors."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from jeeves_runner.api.audit_trail import AuditTrail
from jeeves_runner.api.callers import Caller, Role, RunMay
from jeeves_runner.api.commits import Commits
from jeeves_runner.api.connection import Connection, log
from jeeves_runner.api.guard import Guard, TurnedAway
from jeeves_runner.api.manner import HOUSE, Manner
from jeeves_runner.api.problems import UNEXPECTED, HttpProblem, RefusedAs, problem_of, problem_of_http
from jeeves_runner.api.route import Audit, Route
from jeeves_runner.api.services import ApiServices
from jeeves_runner.core.undeclared import whereabouts_in
from jeeves_runner.errors import JeevesError, Undeclared
from jeeves_runner.metrics.gathering import NO_ROUTE, Answered
from jeeves_runner.metrics.run_totals import OTHER

CALLER: Final = web.RequestKey("caller", Caller)
"""Who sent the request, once it is let in."""

CAME: Final = web.RequestKey("came", int)
"""How many looks at the commits there were before it came."""

_SHARE: Final = 4
"""The part of the connections that may wait for the late answer to a wrong token is one in so many."""

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = _SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}


class _NoRoute(NamedTuple):
    """What is asked of those who ask for what no route takes."""

    role: Role
    """What they need to be told so."""
    run_may: RunMay = RunMay.NOTHING


_LOOKS: Final = _NoRoute(Role.READ)
_ACTS: Final = _NoRoute(Role.OPERATE)


class Gate:
    """The middleware of the application. ``routes``: what is behind each route that aiohttp knows."""

    def __init__(
        self,
        services: ApiServices,
        commits: Commits,
        manner_of: Callable[[web.Request], Manner],
        connections: int,
    ) -> None:
        """``manner_of``: how a request is told what is wrong with it; ``connections``: how many there may be
        at once."""
        self._services = services
        self._manner_of = manner_of
        self.routes: dict[web.AbstractRoute, Route] = {}
        self.pages_alone: dict[str, frozenset[str]] = {}
        """By paths of documents, the methods that pages alone answer there."""
        self._commits = commits
        self.guard = Guard(
            services.conn, services.clock, services.config, commits, held_back=connections // _SHARE
        )
        self._metrics = services.metrics
        self._trail = AuditTrail(services.writer, services.clock)

    def middleware(self) -> Middleware:
        """As aiohttp takes it."""

        @web.middleware
        async def pass_through(request: web.Request, handler: Handler) -> web.StreamResponse:
            route = self.routes.get(request.match_info.route)
            answer = await self._pass(request, handler, route)
            self._count(request, answer.status, route)
            return answer

        return pass_through

    def _count(self, request: web.Request, status: int, route: Route | None) -> None:
        method = request.method if request.method in _METHODS else OTHER
        self._metrics.note_request(Answered(NO_ROUTE if route is None else route.path, method, str(status)))

    async def _pass(self, request: web.Request, handler: Handler, route: Route | None) -> web.StreamResponse:
        if isinstance(request.protocol, Connection):
            request.protocol.request_has_come()
        came = request[CAME] = self._commits.looks
        try:
            access = route or await self._asked_for_no_route(request)
            caller = await self.guard.let_in(request, access, came)
            if isinstance(caller, TurnedAway):
                return await self._refuse(request, caller, route)
            request[CALLER] = caller
            self._trail.note_use(caller)
            answer = await self._answer(request, handler)
            if route is not None and route.audit is not Audit.NOWHERE:
                await self._trail.note_answer(caller, route, request.match_info, answer.status)
            return answer
        except Exception as fault:  # noqa: BLE001 - what is not the client's doing is logged
            return self._unexpected(request, fault)

    async def _asked_for_no_route(self, request: web.Request) -> _NoRoute:
        """Of a method that a path does not take those are told who may use the path by another one, too."""
        asked = _LOOKS if request.method in _SAFE_METHODS else _ACTS
        if not isinstance(request.match_info.http_exception, web.HTTPMethodNotAllowed):
            return asked
        here = [
            self.routes[known].role
            for resource in request.app.router.resources()
            if (await resource.resolve(request))[1]
            for known in resource
            if known in self.routes
        ]
        return _NoRoute(min(asked.role, *here, key=list(Role).index))

    async def close(self) -> None:
        """Returns once all that was to be noted is noted."""
        await self._trail.close()

    async def _refuse(self, request: web.Request, refusal: TurnedAway, route: Route | None) -> web.Response:
        path = request.path if route is None else route.path
        place: Mapping[str, str] = {} if route is None else request.match_info
        if refusal.caller is not None:
            self._trail.note_use(refusal.caller)
        if not refusal.is_gone:
            await self._trail.note_refusal(refusal, path, place)
        return self._told(
            request, HttpProblem(refusal.status, refusal.code, refusal.detail, refusal.hint, refusal.headers)
        )

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedAs as refused:
            return self._told(request, refused.problem)
        except Undeclared as error:
            return self._told(request, self._whereabouts(error))
        except JeevesError as error:
            return self._told(request, problem_of(error))
        except web.HTTPMethodNotAllowed as error:
            return self._told(request, problem_of_http(self._as_described(request, error)))
        except web.HTTPNotFound as error:
            problem, path = problem_of_http(error), request.rel_url.raw_path
            has_too_many = path.endswith("/") or "//" in path
            return self._told(request, problem._replace(hint=_OF_SLASHES) if has_too_many else problem)
        except web.HTTPException as error:
            return self._told(request, problem_of_http(error))
        except web.RequestPayloadError as error:
            log.debug("%s %r: the body cannot be read: %s", request.method, request.path, error)
            detail = "the body is not encoded as its headers say"
            return self._told(request, HttpProblem(400, "bad_request", detail))
        except Exception as fault:  # noqa: BLE001 - what is not the client's doing is logged
            return self._unexpected(request, fault)

    def _whereabouts(self, error: Undeclared) -> HttpProblem:
        """The problem, with the manifest as its hint where the last look has seen one that declares it."""
        problem = problem_of(error)
        hint = whereabouts_in(self._services.sync.status.plan, (error.kind, error.id))
        return problem if hint is None else problem._replace(hint=hint)

    def _as_described(
        self, request: web.Request, error: web.HTTPMethodNotAllowed
    ) -> web.HTTPMethodNotAllowed:
        """Programs are told the methods that the description of the API has."""
        others = self.pages_alone.get(request.path, frozenset())
        if not others & error.allowed_methods or self._manner_of(request) is not HOUSE:
            return error
        return web.HTTPMethodNotAllowed(error.method, error.allowed_methods - others)

    def _unexpected(self, request: web.Request, fault: Exception) -> web.Response:
        if _has_hung_up(request, fault):  # what nothing reads is counted, and stands in the audit
            return self._told(request, HttpProblem(400, "bad_request", "the client hung up"))
        log.exception("%s %r failed", request.method, request.path, exc_info=fault)
        return self._told(request, HttpProblem(500, "unexpected", UNEXPECTED))

    def _told(self, request: web.Request, problem: HttpProblem) -> web.Response:
        return self._manner_of(request).tell(problem, request)


_OF_SLASHES: Final = "no path here has a / at its end, or two of them together"


def _has_hung_up(request: web.Request, fault: Exception) -> bool:
    """Whether a handler failed because its client is gone; that is no fault of the server."""
    transport = request.transport
    gone = isinstance(fault, ConnectionError) and (transport is None or transport.is_closing())
    if gone:
        log.debug("%s %r: the client hung up", request.method, request.path)
    return gone
