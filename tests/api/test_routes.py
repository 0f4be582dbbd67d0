"""The route table says all there is to know of each route, and the documentation says the same."""

import inspect
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, NamedTuple, get_args, get_origin, get_type_hints

import jsonschema_rs
import pytest
from support.answers import check_answer, faults

from jeeves_runner.api import routes
from jeeves_runner.api.bodies import (
    BodyKind,
    FlagField,
    LengthField,
    ParamsField,
    TextField,
    fields_of,
)
from jeeves_runner.api.callers import Role, RunMay
from jeeves_runner.api.parameters import Flag, Kind, Length, Name, Whole, Word, parameters_of
from jeeves_runner.api.route import Audit, Call, Route, Stream, contents_of
from jeeves_runner.api.routes import DECLARED, ROUTES
from jeeves_runner.api.shapes import schema_of
from jeeves_runner.core.model import RunStatus
from jeeves_runner.errors import InvalidValue
from jeeves_runner.views.events import DOCUMENTS
from jeeves_runner.views.problems import ProblemBody
from jeeves_runner.views.queues import QueueIdsDocument, QueuesDocument
from jeeves_runner.views.runner import index_view

SNAKE_CASE = re.compile("[a-z][a-z0-9]*(_[a-z0-9]+)*")


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


each_route = pytest.mark.parametrize("route", ROUTES, ids=name_of)


def documents_of(route: Route) -> Iterator[object]:
    """The types of all that is JSON in its answers."""
    for shape in route.answers.values():
        for part in () if shape is None else contents_of(shape).values():
            if isinstance(part, type) and issubclass(part, Stream):
                yield from (DOCUMENTS[name] for name in part.events)
            elif part is not str:
                yield part


# The table


@each_route
def test_a_route_says_what_it_is_for_and_what_it_answers(route: Route) -> None:
    assert re.fullmatch("[A-Z].+[^.]", route.summary)
    assert route.answers
    assert all(200 <= status < 400 for status in route.answers)
    assert all(400 <= status < 500 for status in route.problems)
    assert route.problems <= route.all_problems


@each_route
def test_only_what_acts_operates_and_has_a_body(route: Route) -> None:
    if route.role is not Role.OPEN:
        assert (route.role is Role.OPERATE) == (route.method != "GET")
    assert route.takes_body or fields_of(route.body) == ()
    is_of_scripts = route.path.startswith(("/state/", "/queues/")) and route.run_may is RunMay.ANYTHING
    is_left_out = route.method == "GET" or route.path in ("/nudge", "/transaction") or is_of_scripts
    assert (route.audit is Audit.NOWHERE) == is_left_out


@each_route
def test_the_values_of_a_path_are_those_in_its_braces(route: Route) -> None:
    assert [parameter.name for parameter in parameters_of(route.path_values)] == re.findall(
        r"\{(\w+)\}", route.path
    )


MAKES = (
    "PUT /state/{namespace}/{key}",
    "DELETE /state/{namespace}/{key}",
    "GET /state/{namespace}/{key}/items",
    "POST /state/{namespace}/{key}/prune",
    "PUT /state/{namespace}/{key}/items/{item}",
    "DELETE /state/{namespace}/{key}/items/{item}",
    "POST /queues/{queue}/items",
    "POST /queues/{queue}/claim",
)
"""Routes that find something under any name: it is made, or nothing is as good as an empty one."""


@each_route
def test_a_path_that_names_something_may_find_nothing(route: Route) -> None:
    names_something = bool(parameters_of(route.path_values)) or any(
        parameter.name in ("job", "impact", "around") for parameter in parameters_of(route.query)
    )
    assert (404 in route.problems) == (names_something and name_of(route) not in MAKES)


@each_route
def test_a_handler_takes_what_its_route_declares(route: Route) -> None:
    (call,) = (kind for name, kind in get_type_hints(route.handler).items() if name != "return")
    assert get_origin(call) is Call
    assert get_args(call) == (route.path_values, route.query, route.body)
    assert inspect.iscoroutinefunction(route.handler)


@each_route
def test_a_query_and_a_body_may_be_left_out_where_nothing_in_it_is_required(route: Route) -> None:
    assert not [parameter.name for parameter in parameters_of(route.query) if parameter.required]
    required = [field.attribute for field in fields_of(route.body) if field.required]
    assert route.body(**dict.fromkeys(required)) is not None


@each_route
def test_the_fields_of_documents_are_in_snake_case(route: Route) -> None:
    names = [name for shape in documents_of(route) for name in field_names(schema_of(shape))]
    names += [
        parameter.name for parameter in (*parameters_of(route.query), *parameters_of(route.path_values))
    ]
    names += [field.key for field in fields_of(route.body)]
    assert [name for name in names if not SNAKE_CASE.fullmatch(name)] == []


def field_names(schema: object) -> Iterator[str]:
    """The names of all properties of a schema, at any depth."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "properties":
                yield from value
                yield from (name for part in value.values() for name in field_names(part))
            else:
                yield from field_names(value)
    elif isinstance(schema, list):
        yield from (name for part in schema for name in field_names(part))


def test_no_route_stands_twice() -> None:
    taken = Counter(re.sub(r"\{\w+\}", "{}", name_of(route)) for route in ROUTES)
    answering = Counter(route.handler for route in ROUTES)
    assert [what for what, times in (taken | answering).items() if times > 1] == []


def test_the_table_has_the_routes_of_every_subject() -> None:
    subjects = [import_module(part.name) for part in iter_modules(routes.__path__, f"{routes.__name__}.")]
    parts = [getattr(subject, subject.__name__.rpartition(".")[2].upper()) for subject in subjects]
    assert Counter(name_of(route) for part in parts for route in part) == Counter(map(name_of, ROUTES))


def test_what_manifests_declare_has_routes_to_look_at_it() -> None:
    looks = {route.path for route in ROUTES if route.method == "GET"}
    assert {declared.path for declared in DECLARED} - looks == {"/jobs/{job}/{part:.+}"}


def test_the_index_links_to_every_subject() -> None:
    looks = {route.path for route in ROUTES if route.method == "GET" and route.path.count("/") == 1}
    of_the_process = {"/", "/healthz", "/readyz", "/catching-up"}
    assert set(index_view()["links"].values()) == looks - of_the_process


# Documents and their types


class Sample(NamedTuple):
    """A type with what types of documents are made of."""

    word: Annotated[str, RunStatus]
    number: int | None
    more: dict[str, list[object]]


@pytest.mark.parametrize(
    ("document", "fits"),
    [
        ({"word": "ok", "number": 1, "more": {"a": [None, {}]}}, True),
        ({"word": "ok", "number": None, "more": {}}, True),
        ({"word": "fine", "number": 1, "more": {}}, False),
        ({"word": "ok", "number": "1", "more": {}}, False),
        ({"word": "ok", "number": 1.5, "more": {}}, False),
        ({"word": "ok", "number": 1, "more": {"a": 1}}, False),
        ({"word": "ok", "number": 1}, False),
        ({"word": "ok", "number": 1, "more": {}, "extra": 1}, False),
    ],
)
def test_a_document_fits_its_type_or_not(document: object, fits: bool) -> None:
    assert (faults(Sample, document) == []) is fits


def test_a_document_of_one_of_two_types_fits_neither_in_part() -> None:
    either = QueueIdsDocument | QueuesDocument
    assert faults(either, {"queues": ["mail"]}) == []
    assert faults(either, {"queues": [{"id": "mail"}]}) != []


def test_a_field_that_may_be_absent_may_not_be_null() -> None:
    problem = {"type": "t", "title": "t", "status": 404, "detail": "d", "error": "d"}
    assert faults(ProblemBody, problem) == []
    assert faults(ProblemBody, {**problem, "hint": None}) != []


def test_a_type_that_no_document_is_of_is_refused() -> None:
    with pytest.raises(TypeError, match="no document is of the type"):
        schema_of(timedelta)


@pytest.mark.parametrize(
    ("method", "target", "status", "content_type", "document"),
    [
        ("GET", "/healthz", 200, "application/json", {"status": "fine"}),
        ("GET", "/healthz", 201, "application/json", {"status": "ok"}),
        ("GET", "/healthz", 200, "text/plain", {"status": "ok"}),
        ("GET", "/healthz?x=1", 404, "application/problem+json", {}),
        ("GET", "/nowhere", 200, "application/json", {}),
        ("POST", "/nudge", 204, "application/json", {}),
    ],
)
def test_an_answer_that_is_not_declared_fails_the_test_that_got_it(
    method: str, target: str, status: int, content_type: str, document: object
) -> None:
    check_answer("GET", "/healthz", 200, "application/json", '{"status": "ok"}')
    with pytest.raises(AssertionError):
        check_answer(method, target, status, content_type, json.dumps(document))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Whole(1, 9), {1: True, 9: True, 0: False, 10: False}),
        (Word(("a", "b")), {"a": True, "c": False}),
        (Flag(), {"1": True, "true": True, "yes": False}),
        (Name(), {"n": True, "": False}),
        (Length("1m"), {"30s": True, "1m0s": True, "61s": False, "": False, "5": False, "1s1m": False}),
        (Name(), {"n": True, "": False, "n" * 512: True, "n" * 513: False, "a\0b": False}),
    ],
)
def test_a_parameter_takes_what_its_schema_says(kind: Kind, values: Mapping[object, bool]) -> None:
    for value, taken in values.items():
        valid = jsonschema_rs.is_valid(dict(kind.schema), value)
        assert valid is taken or not (taken or kind.says_all)
        try:
            kind.parse(str(value), "it")
        except InvalidValue:
            assert not taken
        else:
            assert taken


@pytest.mark.parametrize(
    ("kind", "takes", "refuses"),
    [
        (TextField(), ["a", None], [1, {}]),
        (LengthField(), ["2h", None], [2]),
        (FlagField(), [True, False], [None, "yes"]),
        (ParamsField(), [{"A": "1", "b": 2, "c": 0.5, "d": True}, None], [{"A": []}, {"A": None}, "A"]),
    ],
)
def test_a_field_of_a_body_takes_what_its_schema_says(
    kind: BodyKind, takes: Sequence[object], refuses: Sequence[object]
) -> None:
    for value in takes:
        assert jsonschema_rs.is_valid(dict(kind.schema), value)
        kind.read(value, "it")
    for value in refuses:
        assert not jsonschema_rs.is_valid(dict(kind.schema), value)
        with pytest.raises(InvalidValue, match="it must be "):
            kind.read(value, "it")


# Kinds


def test_the_annotation_of_every_value_is_a_kind() -> None:
    for route in ROUTES:
        for values in (route.path_values, route.query, route.body):
            for hint in get_type_hints(values, include_extras=True).values():
                assert len(get_args(hint)) == 2, values
