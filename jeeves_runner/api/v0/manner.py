"""How the original takes requests and words errors, in the manner of Fastify, its library for HTTP."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar, Final, TypeVar

from aiohttp import web

from jeeves_runner.api.bodies import BodyReader
from jeeves_runner.api.manner import Manner
from jeeves_runner.api.parameters import JsonSchema, Parser
from jeeves_runner.api.problems import HttpProblem, RefusedAs
from jeeves_runner.api.responses import encode
from jeeves_runner.core.values import decode_json
from jeeves_runner.errors import InvalidValue

T = TypeVar("T")

BASE: Final = "/v0"
JOB_NOT_FOUND: Final = HttpProblem(404, "not_found", "Job not found")

_PLAIN: Final = frozenset({404, 405, 409})
"""The statuses that its own handlers answer, with a sentence alone; the others are answered by Fastify."""

_NO_ROUTE: Final = "FST_NO_ROUTE"
_INVALID: Final = "FST_ERR_VALIDATION"
_FASTIFY: Final = "FST_"
_EMPTY: Final = HttpProblem(
    400,
    "FST_ERR_CTP_EMPTY_JSON_BODY",
    "Body cannot be empty when content-type is set to 'application/json'",
)
_NO_JSON: Final = HttpProblem(
    400,
    "FST_ERR_CTP_INVALID_JSON_BODY",
    "Body is not valid JSON but content-type is set to 'application/json'",
)
_OTHER_KIND: Final = HttpProblem(415, "FST_ERR_CTP_INVALID_MEDIA_TYPE", "Unsupported Media Type")
_TOO_LARGE: Final = HttpProblem(413, "FST_ERR_CTP_BODY_TOO_LARGE", "Request body is too large")
_NUMBER: Final = re.compile(r"\s*([+-]?[0-9]{1,18})(?![0-9])")


def is_below_base(request: web.Request) -> bool:
    """Whether a request is for a path of the original."""
    return request.path == BASE or request.path.startswith(f"{BASE}/")


def no_route(request: web.Request) -> RefusedAs:
    """What is said of a path, or of a method, that the original does not have. It names the path as the
    original would be asked for it."""
    target = request.raw_path.removeprefix(BASE) or "/"
    return RefusedAs(HttpProblem(404, _NO_ROUTE, f"Route {request.method}:{target} not found"))


def shown(document: object, status: int = 200) -> web.Response:
    """A document with its status."""
    return web.Response(
        body=encode(document), status=status, content_type="application/json", charset="utf-8"
    )


class Count:
    """A whole number as JavaScript reads the beginning of a text; less than nothing stands for all."""

    words: ClassVar = "a whole number"
    schema: ClassVar[JsonSchema] = {"type": "integer"}

    def parse(self, text: str, name: str) -> int:
        found = _NUMBER.match(text)
        if found is None:
            raise InvalidValue(f"querystring/{name} must be integer")
        return int(found[1])


class LooseParser(Parser[T]):
    """Takes no notice of parameters that are not known, and of those that are given twice, the first."""

    def parse(self, given: Mapping[str, str]) -> T:
        known: dict[str, str] = {}
        for name, text in given.items():
            if name in self.names:
                known.setdefault(name, text)
        return super().parse(known)


class UnreadBody(BodyReader[T]):
    """A body of which nothing is used, and which must be what its ``Content-Type`` says all the same."""

    async def read(self, request: web.Request) -> T:
        text = await self._sent(request)
        kind = request.content_type if "Content-Type" in request.headers else None
        if kind == "application/json":
            _check_json(text)
        elif text and kind != "text/plain":
            raise RefusedAs(_OTHER_KIND)
        return self.nothing

    async def _sent(self, request: web.Request) -> bytes:
        try:
            return await self.text(request)
        except web.HTTPRequestEntityTooLarge:
            raise RefusedAs(_TOO_LARGE) from None


def _check_json(text: bytes) -> None:
    if not text:
        raise RefusedAs(_EMPTY)
    try:
        decode_json(text.decode())
    except (ValueError, RecursionError) as error:
        raise RefusedAs(_NO_JSON) from error


def tell(problem: HttpProblem, _request: web.Request) -> web.Response:
    """The answer to a request that is refused or fails."""
    answer = shown(_words(problem), problem.status)
    answer.headers.update(problem.headers)
    return answer


def _words(problem: HttpProblem) -> dict[str, object]:
    phrase = "Payload Too Large" if problem.status == 413 else HTTPStatus(problem.status).phrase
    if problem.code == _NO_ROUTE:
        return {"message": problem.detail, "error": phrase, "statusCode": problem.status}
    text = f"{problem.detail}; {problem.hint}" if problem.hint else problem.detail
    if problem.status in _PLAIN:
        return {"error": text}
    return {"statusCode": problem.status, "code": _code(problem), "error": phrase, "message": text}


def _code(problem: HttpProblem) -> str:
    if problem.code.startswith(_FASTIFY):
        return problem.code
    return _INVALID if problem.code == "invalid_value" else f"ERR_{problem.code.upper()}"


ORIGINAL: Final = Manner(query=LooseParser, body=UnreadBody, tell=tell)
"""Unknown parameters and all fields of bodies are passed over."""
