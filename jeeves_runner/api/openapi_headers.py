"""The headers in the API's description: what a route takes notice of, and what only some answers have.

They follow from what the route answers, but for the cookie of a login. Headers that all answers have are
those of ``api.answer_headers``.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from jeeves_runner.api.event_stream import CONTENT_TYPE as STREAM
from jeeves_runner.api.examples import example_of_query
from jeeves_runner.api.route import Route, contents_of

Json = dict[str, object]

_ETAG: Final = {"ETag": "The version of the answer: who shows it again gets 304 if it still holds."}
_ACCEPT_RANGES: Final = {"Accept-Ranges": "That parts can be asked for, by `Range`."}
_CONTENT_RANGE: Final = {"Content-Range": "Which bytes these are, and how many there are."}
_COOKIES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "/login": {"Set-Cookie": "What the browser shows from now on."},
        "/logout": {"Set-Cookie": "That the browser forgets what it has shown."},
    }
)
_PROBLEMS: Final[Mapping[int, Mapping[str, str]]] = MappingProxyType(
    {
        401: {"WWW-Authenticate": "How to let oneself in."},
        403: {"WWW-Authenticate": "There if another token would be let in."},
        416: {"Content-Range": "How long the log is."},
        429: {"Retry-After": "Seconds after which to try again."},
    }
)
_WHOLE: Final = frozenset({"Retry-After"})
"""Those that are whole numbers."""


def of_problem(status: int) -> Mapping[str, Json]:
    """The headers of a problem of this status that others do not have."""
    return _told(_PROBLEMS.get(status, {}))


def of_answer(route: Route, status: int) -> Mapping[str, Json]:
    """The headers that an answer of this status may have, and others do not."""
    found = dict(_COOKIES.get(route.path, {}))
    if 304 in route.answers and status in (200, 304):
        found |= _ETAG
    if 206 in route.answers and status in (200, 206):
        found |= _ACCEPT_RANGES
    if status == 206:
        found |= _CONTENT_RANGE
    return _told(found)


def of_request(route: Route) -> Iterator[Json]:
    """The headers that a request for a route may have, as parameters."""
    if 304 in route.answers:
        yield _parameter("If-None-Match", "The versions that the client has: for one of them 304.", '"5f-16"')
    if 206 in route.answers:
        yield _parameter("Range", "One part, in bytes; what is no such part gets all.", "bytes=-4096")
    if any(STREAM in contents_of(shape) for shape in route.answers.values()):
        about = "The id of the last event that the client has: the stream goes on behind it."
        yield _parameter("Last-Event-ID", about, example_of_query("after", route.query.__name__))
    if {200, 202} <= route.answers.keys():
        yield _parameter("Prefer", "`respond-async`: an answer at once, as by `wait=0s`.", "respond-async")


def _told(headers: Mapping[str, str]) -> Mapping[str, Json]:
    return {
        name: {"description": about, "schema": {"type": "integer" if name in _WHOLE else "string"}}
        for name, about in headers.items()
    }


def _parameter(name: str, about: str, example: object) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "example": example,
        "description": about,
    }
