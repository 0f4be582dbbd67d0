"""What a route is: all that the server, the guard, the documentation and the tests need to know of it."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import UnionType
from typing import Any, ClassVar, Final, Generic, Literal, NamedTuple, TypeVar, get_args, get_type_hints

import apsw
from aiohttp import web

from jeeves_runner.access import TooOpen
from jeeves_runner.api.asking import Asking
from jeeves_runner.api.callers import Role, RunMay
from jeeves_runner.api.event_stream import CONTENT_TYPE as STREAM
from jeeves_runner.api.event_stream import Source, Streams
from jeeves_runner.api.events_feed import Feed
from jeeves_runner.api.kept_finds import KeptFinds
from jeeves_runner.api.kept_jobs import KeptJobs
from jeeves_runner.api.kept_pages import KeptPages
from jeeves_runner.api.kept_reads import KeptReads
from jeeves_runner.api.kept_status import KeptStatus
from jeeves_runner.api.past_ends import PastEnds
from jeeves_runner.api.problems import ANY_BODY, ANY_ROUTE
from jeeves_runner.api.read_pool import ReadPool
from jeeves_runner.api.responses import (
    encode,
    encoded_parts,
    encoded_response,
    is_known,
    not_modified,
    spooled_response,
    tagged,
)
from jeeves_runner.api.services import ApiServices
from jeeves_runner.api.spool import PIECE, Spool, SpoolFiles
from jeeves_runner.side_thread import PATIENCE, Kept, SideThread

_PLAIN: Final = "text/plain"

P = TypeVar("P")
Q = TypeVar("Q")
B = TypeVar("B")
T = TypeVar("T")


class Nothing(NamedTuple):
    """No values at all: what a request without parameters, or without a body, holds of them."""


class MetricsText:
    """Stands for the text of metrics among the types of answers: one of these kinds, as the client asks."""

    MEDIA_TYPES: Final = ("text/plain", "application/openmetrics-text")


class Stream:
    """An answer that goes on: server-sent events. Each has a type of its own."""

    events: ClassVar[tuple[str, ...]] = ()
    """The names of its events; ``views.events.DOCUMENTS`` has their types."""


def contents_of(shape: object) -> Mapping[str, object]:
    """The parts of an answer's type by the media type that they come as."""
    if shape is MetricsText:
        return dict.fromkeys(MetricsText.MEDIA_TYPES, str)
    parts = get_args(shape) if isinstance(shape, UnionType) else (shape,)
    found = {_PLAIN if part is str else STREAM: part for part in parts if part is str or _is_stream(part)}
    return found or {"application/json": shape}


def _is_stream(part: object) -> bool:
    return isinstance(part, type) and issubclass(part, Stream)


class Audit(StrEnum):
    """Where the audit hears of a request that is carried out. What is refused is noted in any case, but for
    requests that the audit leaves out."""

    NOWHERE = "nowhere"
    REQUEST = "request"
    ACT = "act"
    """In the transaction of what it does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call(Generic[P, Q, B]):
    """One request as its handler gets it: checked, in values."""

    services: ApiServices
    """What the rest of the program offers."""
    reads: ReadPool
    """For reads that may take long."""
    files: SideThread
    """For looks at files."""
    too_open: Kept[Sequence[TooOpen]]
    """What more people may use than is said. To look for it each time is a third of what /status costs."""
    spools: SpoolFiles
    """For large answers."""
    path: P
    """The values in the path."""
    query: Q
    """The values of the query, with defaults."""
    body: B
    """The values of the body, with defaults."""
    asking: Asking
    """Who asks, and how they would have the answer."""
    came: int
    """The looks at the commits of others before it came: what is shown is of a later one."""
    streams: Streams
    """For answers that go on."""
    feed: Feed
    """What happens."""
    kept: KeptReads
    """What was read of the database before."""
    kept_finds: KeptFinds
    """What took long to be found out."""
    kept_jobs: KeptJobs
    """The list of jobs."""
    kept_pages: KeptPages
    """What was shown to people before."""
    past_ends: PastEnds
    """How the runs of the last day ended."""
    kept_status: KeptStatus
    """How the runner is."""

    def has_seen(self, tag: str) -> bool:
        """Whether the client has this version of the answer."""
        return is_known(tag, self.asking.known)

    async def answer(self, view: Callable[[apsw.Connection, datetime], Mapping[str, object]]) -> web.Response:
        """The document that ``view`` makes of the database at this moment, read and encoded in the pool."""
        return await self.answer_parts(lambda conn, now: encoded_parts(view(conn, now)))

    async def answer_kept(
        self, key: Hashable, view: Callable[[apsw.Connection], Mapping[str, object]]
    ) -> web.Response:
        """A document that the database alone decides: it is read once until any process commits. ``key`` says
        which one it is."""
        now, version = self.services.clock.now(), self.kept.version(self.came)
        tag = self.kept.tag(version, key)
        if self.has_seen(tag):
            return not_modified(tag)
        found = self.kept.find(key)
        if isinstance(found, bytes):
            return tagged(encoded_response(found), tag)
        answer = await self.answer(lambda conn, _now: view(conn))
        if isinstance(answer.body, bytes):
            self.kept.keep(key, answer.body, version=version, since=now)
        return tagged(answer, tag)

    async def answer_parts(
        self, parts: Callable[[apsw.Connection, datetime], Iterable[bytes]], status: int = 200
    ) -> web.Response:
        """The same for a document that ``parts`` makes as JSON, part by part."""
        clock = self.services.clock

        def spooled(conn: apsw.Connection) -> Spool:
            spool = Spool(self.spools)
            spool.write(parts(conn, clock.now()))
            return spool

        return spooled_response(await self.reads.read(spooled), self.look, status)

    async def show(self, document: Mapping[str, object], status: int = 200) -> web.Response:
        """A document that the event loop has made."""
        text = encode(document)
        if len(text) <= PIECE:
            return encoded_response(text, status)
        return await self.answer_parts(lambda _conn, _now: (text,), status)

    async def stream(self, begin: Callable[[], Awaitable[Source]]) -> web.StreamResponse:
        """An answer that goes on with what a source has, as long as what let the client in counts."""
        return await self.streams.open(begin, self.asking.still_counts)

    async def look(self, at_files: Callable[[], T]) -> T:
        """What a look at files returns or raises. TimeoutError, which is an OSError, if their disk hangs.

        By then it takes no thread that other requests, or other parts of the program, need.
        """
        return await self.files.call(at_files, PATIENCE)


AnyCall = Call[Any, Any, Any]
"""A call, whatever it holds."""

Handler = Callable[[AnyCall], Awaitable[web.StreamResponse]]
"""What answers a call. The annotation of its parameter, ``Call[P, Q, B]``, says what a request may hold."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One method of one path."""

    method: Method
    """The method; every GET takes HEAD as well."""
    path: str
    """The path, with its values in braces."""
    role: Role
    """Who may use it."""
    run_may: RunMay
    """When the script of a run may use it with the run's own token."""
    audit: Audit
    """Where the audit hears of it."""
    summary: str
    """What it is for, in a sentence without a full stop."""
    description: str
    """What else there is to know of it, in Markdown whose links go from ``docs/reference``."""
    handler: Handler
    """What answers it."""
    path_values: type[Any]
    """The values in the path: a NamedTuple of ``api.requests``, as the handler takes it."""
    query: type[Any]
    """The parameters of the query, likewise; others are refused."""
    body: type[Any]
    """The fields of the body, likewise; others are refused. A GET has none."""
    answers: Mapping[int, object]
    """The type of the answer's document by status; ``str`` is plain text, None an empty body,
    ``Stream`` events."""
    problems: frozenset[int]
    """The statuses of the problems that this route answers, besides those that any route may."""

    @property
    def all_problems(self) -> frozenset[int]:
        """The statuses of all problems that it may answer. Tests hold it and its page to them."""
        return self.problems | ANY_ROUTE | (ANY_BODY if self.takes_body else frozenset())

    @property
    def takes_body(self) -> bool:
        """Whether a request for it may have a body."""
        return self.method != "GET"


def look(
    path: str,
    summary: str,
    handler: Handler,
    answers: Mapping[int, object],
    *,
    description: str = "",
    problems: Collection[int] = (),
    role: Role = Role.READ,
    run_may: RunMay = RunMay.NOTHING,
) -> Route:
    """A route that changes nothing."""
    return _route("GET", path, summary, description, handler, answers, problems, role, run_may, Audit.NOWHERE)


def act(
    path: str,
    summary: str,
    handler: Handler,
    answers: Mapping[int, object],
    *,
    description: str = "",
    problems: Collection[int] = (),
    method: Method = "POST",
    role: Role = Role.OPERATE,
    run_may: RunMay = RunMay.NOTHING,
    audit: Audit = Audit.ACT,
) -> Route:
    """A route that changes something."""
    return _route(method, path, summary, description, handler, answers, problems, role, run_may, audit)


def _route(
    method: Method,
    path: str,
    summary: str,
    description: str,
    handler: Handler,
    answers: Mapping[int, object],
    problems: Collection[int],
    role: Role,
    run_may: RunMay,
    audit: Audit,
) -> Route:
    call = next(iter(get_type_hints(handler).values()))
    path_values, query, body = get_args(call)
    return Route(
        method=method,
        path=path,
        role=role,
        run_may=run_may,
        audit=audit,
        summary=summary,
        description=description,
        handler=handler,
        path_values=path_values,
        query=query,
        body=body,
        answers=answers,
        problems=frozenset(problems),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Routes about one thing: a section of the API's description, and a page of the documentation."""

    name: str
    """Its title."""
    about: str
    """What there is to know of all of them, in Markdown as of a route."""
    routes: tuple[Route, ...]
    """The routes, in the order in which they are read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """A path of what manifests declare: a method that no route takes is refused, and the file is named."""

    path: str
    """The path, with its values in braces."""
    where: Callable[[ApiServices, Mapping[str, str]], str]
    """A sentence that says where it is declared, given the values in the path; NotFound if it is nowhere."""
    acts: str
    """What the paths of the routes that act on one begin with, such as ``/jobs/{job}``."""
