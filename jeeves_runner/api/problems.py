"""Errors as answers of HTTP, in the shape of ``views/problems.py``."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple

from aiohttp import web

from jeeves_runner.api.responses import encode
from jeeves_runner.errors import JeevesError, TooManyAttempts
from jeeves_runner.views.problems import STATUSES, ProblemBody, problem_body

CONTENT_TYPE: Final = "application/problem+json"
CHALLENGED_BY: Final = "WWW-Authenticate"
"""The header of an answer to one whom a token, or another one, would let in."""

CHALLENGE: Final = MappingProxyType({CHALLENGED_BY: 'Bearer realm="jeeves-runner"'})
"""The header of an answer of 401: what a client is to send."""

UNEXPECTED: Final = "unexpected error; the server's log has the details"


ANY_ROUTE: Final = frozenset({400, 401, 403, 414, 417, 429, 431, 500, 503})
"""The statuses of problems that any request may meet."""

ANY_BODY: Final = frozenset({408, 413, 415})
"""The statuses of problems that any body may meet."""


class HttpProblem(NamedTuple):
    """What is wrong, in values: an answer of the house, and what the manner of other routes words anew."""

    status: int
    """The status of the answer."""
    code: str
    """The error's code."""
    detail: str
    """What is wrong, in a sentence."""
    hint: str | None = None
    """What to do about it."""
    headers: Mapping[str, str] = MappingProxyType({})
    """More headers of the answer."""

    def body(self) -> ProblemBody:
        """The object that stands in the answer."""
        return problem_body(self.status, self.code, self.detail, hint=self.hint)

    def answer(self) -> web.Response:
        """The answer that a problem is."""
        body = encode(self.body())
        return web.Response(body=body, status=self.status, content_type=CONTENT_TYPE, headers=self.headers)


class RefusedAs(Exception):
    """A request that is refused with a problem whose words and status are given."""

    def __init__(self, problem: HttpProblem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def problem_of(error: JeevesError) -> HttpProblem:
    """The problem that an error raised on purpose is."""
    status = STATUSES.get(error.code, HTTPStatus.INTERNAL_SERVER_ERROR)
    headers: Mapping[str, str] = CHALLENGE if status == HTTPStatus.UNAUTHORIZED else {}
    if isinstance(error, TooManyAttempts):
        headers = {"Retry-After": str(error.seconds)}
    return HttpProblem(status, error.code, error.message, error.hint, headers)


_INDEX: Final = "GET / lists what there is"

#: What aiohttp itself refuses: code, detail and hint by status.
REFUSALS: Final = {
    HTTPStatus.NOT_FOUND: ("not_found", "there is nothing at this path", _INDEX),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "this path does not take that method", None),
    HTTPStatus.REQUEST_TIMEOUT: ("timeout", "the body did not arrive in time", "send it in one go"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too_large", "the body is too large", "at most 1 MiB"),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "unsupported_media_type",
        "the body is no JSON by its Content-Type, or has a Content-Encoding",
        "send `Content-Type: application/json` and plain UTF-8, as `curl --json` does",
    ),
    HTTPStatus.EXPECTATION_FAILED: (
        "expectation_failed",
        "this server knows no such expectation",
        "Expect: 100-continue is the only one",
    ),
}


def problem_of_http(error: web.HTTPException) -> HttpProblem:
    """What aiohttp itself refuses: unknown paths, wrong methods, bodies too large."""
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    code, detail, hint = REFUSALS.get(HTTPStatus(error.status), ("http", error.reason, _INDEX))
    if headers:
        hint = f"it takes {headers['Allow'].replace(',', ', ')}"
    return HttpProblem(error.status, code, detail, hint, headers)
