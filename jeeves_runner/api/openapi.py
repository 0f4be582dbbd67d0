"""The API as an OpenAPI 3.1 document, made of the route table and of the types that it names.

The server hands out ``schemas/openapi.json``, which is made of this; a test fails where they differ.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

from jeeves_runner.api import openapi_headers
from jeeves_runner.api.bodies import fields_of
from jeeves_runner.api.callers import Role
from jeeves_runner.api.doc_lines import DocLines, doc_lines
from jeeves_runner.api.example_values import BODIES
from jeeves_runner.api.example_values import PROBLEMS as PROBLEM_EXAMPLES
from jeeves_runner.api.examples import example_of, example_of_place, example_of_query
from jeeves_runner.api.parameters import JsonSchema, Parameter, parameters_of
from jeeves_runner.api.problems import CONTENT_TYPE
from jeeves_runner.api.route import Route, Stream, Subject, contents_of
from jeeves_runner.api.shapes import fields_in, object_of, schema_of, words_of
from jeeves_runner.views.events import DOCUMENTS
from jeeves_runner.views.problems import ProblemBody

Json = dict[str, object]

BEARER: Final = "bearer"
COOKIE: Final = "cookie"

_ABOUT: Final = (
    "A declarative job runner: manifests in files become jobs, and jobs become runs. Jobs are changed in "
    "their files, not here. Clients must bear fields that they do not know: later versions add some. What is "
    "wrong is told as `application/problem+json` (RFC 9457). Every path takes HEAD where it takes GET."
)
_SCHEMES: Final = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": "A token that `jeeves-runner token create` has made, or that of a run (`JR_TOKEN`).",
    },
    COOKIE: {
        "type": "apiKey",
        "in": "cookie",
        "name": "jr-1937",
        "description": "What a browser got from `POST /login`: `jr-` and the server's port.",
    },
}
PROBLEMS: Final[Mapping[int, str]] = {
    400: "A parameter or the body cannot be understood, or the request is not HTTP.",
    401: "It takes a token, or another one; `WWW-Authenticate` says how.",
    403: "This caller may not, or a page of another site asks; `WWW-Authenticate` is there if a token helps.",
    404: "There is no such path, job, run, queue or key; for a job the hint names the nearest ids.",
    405: "The path does not take that method; `Allow` names those it takes.",
    408: "The body did not arrive within 30 s.",
    409: "It contradicts what is recorded: paused, ended already.",
    413: "The body is over 1 MiB.",
    414: "The path and the query are longer than 19,456 bytes together.",
    415: "The body has a `Content-Type` that is not JSON, or not UTF-8.",
    416: "The log has no such part; `Content-Range` says how many bytes it has.",
    417: "`Expect` asks for anything but `100-continue`.",
    429: "Too many wrong tokens were sent; `Retry-After` says when to come back.",
    431: "A header is longer than 8,190 bytes, or there are more than 128.",
    500: "A bug or a damaged database; the server's log has the traceback.",
    503: (
        "Another process keeps the database locked, too many connections are open, too many large answers "
        "wait for their clients, too many bodies are on their way, or the server is stopping and this "
        "connection was still open."
    ),
}
"""What the statuses of problems mean."""


def openapi(subjects: Sequence[Subject], version: str) -> Json:
    """The document. TypeError where an answer's type is none of a document, or two types have one name."""
    schemas = _Schemas()
    paths: dict[str, Json] = {}
    for subject in subjects:
        for route in subject.routes:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, subject, schemas)
    problems = sorted(
        {status for subject in subjects for route in subject.routes for status in route.all_problems}
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jeeves-runner",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "BSD 3-Clause", "identifier": "BSD-3-Clause"},
        },
        "servers": [{"url": "/", "description": "The server that this comes from."}],
        "tags": [{"name": subject.name, "description": without_links(subject.about)} for subject in subjects],
        "paths": paths,
        "components": {
            "securitySchemes": _SCHEMES,
            "responses": {_problem_name(status): _problem(status, schemas) for status in problems},
            "schemas": dict(sorted(schemas.found.items())),
        },
    }


def operation_id(route: Route) -> str:
    """What clients that are made of the document call it."""
    name = route.handler.__name__
    return f"get_{name}" if route.method == "GET" else name


def without_links(text: str) -> str:
    """A text whose links, which lead to pages of the documentation, are plain words."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)


class _Schemas:
    """The schemas of all types that have a name, each written once."""

    def __init__(self) -> None:
        self.found: dict[str, JsonSchema] = {}
        self._kinds: dict[str, type[Any]] = {}

    def of(self, shape: object) -> JsonSchema:
        """The schema of a document's type."""
        return schema_of(shape, self._refer)

    def of_body(self, values: type[Any]) -> JsonSchema:
        """The schema of a body, which may have no other keys."""
        return self._refer(values, is_body=True)

    def _refer(self, kind: type[Any], *, is_body: bool = False) -> JsonSchema:
        name = kind.__name__
        if self._kinds.setdefault(name, kind) is not kind:
            raise TypeError(f"two types of documents are called {name}")
        if name not in self.found:
            self.found[name] = {}  # so that a type may hold itself
            self.found[name] = _body(kind) if is_body else self._described(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _described(self, kind: type[Any]) -> Json:
        lines = doc_lines(kind)
        if issubclass(kind, Enum):
            return {"description": lines.about, **words_of(kind)}
        properties = {
            field.name: _with_description(self.of(field.shape), lines, field.name)
            for field in fields_in(kind)
        }
        return {"description": lines.about, **object_of(kind, self._refer), "properties": properties}


def _with_description(schema: JsonSchema, lines: DocLines, name: str) -> Json:
    return {**schema, "description": lines.fields[name]} if name in lines.fields else dict(schema)


def _body(values: type[Any]) -> Json:
    lines = doc_lines(values)
    defaults: Mapping[str, object] = getattr(values, "_field_defaults", {})
    return {
        "description": lines.about,
        "type": "object",
        "properties": {
            field.key: _with_description(field.kind.schema, lines, field.attribute)
            for field in fields_of(values)
        },
        "required": [field.key for field in fields_of(values) if field.attribute not in defaults],
        "additionalProperties": False,
    }


def _operation(route: Route, subject: Subject, schemas: _Schemas) -> Json:
    said: Json = {
        "operationId": operation_id(route),
        "tags": [subject.name],
        "summary": route.summary,
        "x-role": str(route.role),
        "x-run-token": str(route.run_may),
        "security": _security(route),
    }
    if route.description:
        said["description"] = without_links(route.description)
    parameters = [
        *_parameters(route.path_values, "path"),
        *_parameters(route.query, "query"),
        *openapi_headers.of_request(route),
    ]
    if parameters:
        said["parameters"] = parameters
    if route.takes_body and fields_of(route.body):
        body = {"schema": schemas.of_body(route.body), "example": BODIES[route.body]}
        said["requestBody"] = {"content": {"application/json": body}}
    answers = {str(status): _answer(route, status, schemas) for status in route.answers}
    problems = {
        str(status): {"$ref": f"#/components/responses/{_problem_name(status)}"}
        for status in sorted(route.all_problems)
    }
    return {**said, "responses": answers | problems}


def _security(route: Route) -> list[Json]:
    """Ways to be let in. The empty one is that of programs of this machine."""
    if route.role is Role.OPEN:
        return []
    return [{BEARER: [str(route.role)]}, {COOKIE: [str(route.role)]}, {}]


def _parameters(values: type[Any], place: str) -> Iterator[Json]:
    lines = doc_lines(values)
    for parameter in parameters_of(values):
        said = {
            "name": parameter.name,
            "in": place,
            "required": place == "path" or parameter.required,
            "schema": _with_default(parameter),
        }
        example = example_of_place if place == "path" else example_of_query
        said["example"] = example(parameter.name, values.__name__)
        yield _with_description(said, lines, parameter.attribute)


def _with_default(parameter: Parameter) -> JsonSchema:
    schema, written = parameter.kind.schema, parameter.written_default
    if written is None:
        return schema
    return {**schema, "default": int(written) if schema.get("type") == "integer" else written}


def _answer(route: Route, status: int, schemas: _Schemas) -> Json:
    said: Json = {"description": HTTPStatus(status).phrase}
    if headers := openapi_headers.of_answer(route, status):
        said["headers"] = headers
    shape = route.answers[status]
    if shape is not None:
        said["content"] = {kind: _content(part, schemas) for kind, part in contents_of(shape).items()}
    return said


def _content(shape: object, schemas: _Schemas) -> Json:
    """A stream has the schema of its events, as tools read it; ``x-events`` says what the data of each is."""
    if isinstance(shape, type) and issubclass(shape, Stream):
        return {
            "schema": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "event": {"type": "string", "enum": list(shape.events)},
                    "data": {"type": "string", "contentMediaType": "application/json"},
                },
                "required": ["event", "data"],
            },
            "x-events": {name: schemas.of(DOCUMENTS[name]) for name in shape.events},
        }
    if shape is str:
        return {"schema": {"type": "string"}}
    return {"schema": schemas.of(shape), "example": example_of(shape)}


def _problem_name(status: int) -> str:
    return f"Problem{status}"


def _problem(status: int, schemas: _Schemas) -> Json:
    said: Json = {
        "description": PROBLEMS[status],
        "content": {
            CONTENT_TYPE: {"schema": schemas.of(ProblemBody), "example": PROBLEM_EXAMPLES[status].body()}
        },
    }
    if headers := openapi_headers.of_problem(status):
        said["headers"] = headers
    return said
