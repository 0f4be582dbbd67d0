"""The examples in the API's description: each is one that could be sent, or answered, in truth."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypedDict
from urllib.parse import urlencode

import jsonschema_rs
import pytest
from multidict import MultiDict, MultiDictProxy
from support.api import Answer, Api, shell_job, with_api
from support.ledger import Ledger

from jeeves_runner import __version__
from jeeves_runner.api.bodies import fields_of, read_fields
from jeeves_runner.api.example_values import BODIES, PLACES, VALUES
from jeeves_runner.api.examples import example_of
from jeeves_runner.api.openapi import openapi
from jeeves_runner.api.parameters import Parser, parameters_of
from jeeves_runner.api.route import Route, contents_of
from jeeves_runner.api.routes import ROUTES, SUBJECTS
from jeeves_runner.api.shapes import schema_of
from jeeves_runner.core.model import Param

DOCUMENT: Final[Mapping[str, Any]] = openapi(SUBJECTS, __version__)
JSON: Final = "application/json"
ACTING: Final = [route for route in ROUTES if fields_of(route.body)]


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


each_route = pytest.mark.parametrize("route", ROUTES, ids=name_of)
each_that_takes_a_body = pytest.mark.parametrize("route", ACTING, ids=name_of)


def said_of(route: Route) -> Mapping[str, Any]:
    found: Mapping[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def faults(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with the example of a body or an answer, by the schema beside it."""
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    found = jsonschema_rs.Draft202012Validator(schema).iter_errors(content["example"])
    return [f"{list(error.instance_path)}: {error.message}" for error in found]


# Answers


def answers(route: Route) -> Iterator[tuple[object, Mapping[str, Any]]]:
    """The type of each document that a route answers, and what is said of it."""
    for status, shape in route.answers.items():
        content = said_of(route)["responses"][str(status)].get("content", {})
        if JSON in content:
            yield contents_of(shape)[JSON], content[JSON]


@each_route
def test_each_document_has_one_of_its_type_with_no_other_fields(route: Route) -> None:
    for shape, content in answers(route):
        assert faults(content) == []
        assert jsonschema_rs.is_valid(dict(schema_of(shape)), content["example"])


def test_each_problem_has_one_of_its_status() -> None:
    for name, response in DOCUMENT["components"]["responses"].items():
        [content] = response["content"].values()
        assert faults(content) == []
        assert name == f"Problem{content['example']['status']}"


def test_each_value_is_that_of_a_field() -> None:
    found: set[str] = {"."}
    for name, schema in DOCUMENT["components"]["schemas"].items():
        found |= {*schema.get("properties", ()), *(f"{name}.{key}" for key in schema.get("properties", ()))}
    assert VALUES.keys() - found == set()


class Unknown(TypedDict):
    """A document."""

    quux: str
    """Of which no example knows."""


def test_a_field_whose_name_says_nothing_is_told() -> None:
    with pytest.raises(TypeError, match=r"no example shows what Unknown\.quux is"):
        example_of(Unknown)


# Requests


@each_route
def test_each_value_of_a_path_is_one_that_is_taken(route: Route) -> None:
    given = {
        each["name"]: str(each["example"])
        for each in said_of(route).get("parameters", ())
        if each["in"] == "path"
    }
    assert given.keys() == {each.name for each in parameters_of(route.path_values)}
    Parser(route.path_values).parse(given)


def asked(route: Route) -> list[tuple[str, str]]:
    """The examples in its query."""
    parameters = said_of(route).get("parameters", ())
    return [(each["name"], str(each["example"])) for each in parameters if each["in"] == "query"]


@pytest.mark.parametrize("route", [route for route in ROUTES if parameters_of(route.query)], ids=name_of)
def test_each_value_of_a_query_is_one_that_is_taken(route: Route) -> None:
    assert [name for name, _ in asked(route)] == [each.name for each in parameters_of(route.query)]
    for parameter in said_of(route)["parameters"]:
        assert jsonschema_rs.is_valid(parameter["schema"], parameter["example"]), parameter["name"]
    Parser(route.query).parse(MultiDictProxy(MultiDict(asked(route))))


def test_each_value_of_a_query_means_something_to_a_server(tmp_path: Path) -> None:
    """Each by itself, for some exclude others; what one asks for may be missing."""
    ledger = Ledger(tmp_path / "runner.sqlite")
    shell_job(ledger, "backup", "true", schedule=("0 3 * * *",))
    ledger.declare_queue("mail")
    routes = [
        route
        for route in ROUTES
        if route.method == "GET" and asked(route) and "text/event-stream" not in str(said_of(route))
    ]

    async def scenario(api: Api) -> None:
        for route in routes:
            for each in asked(route):
                answer = await api.get(f"{_path(route)}?{urlencode([each])}")
                assert answer.status in {200, 404}, (name_of(route), each, answer.body)

    with_api(ledger, scenario)


@each_that_takes_a_body
def test_each_body_has_one_that_is_read(route: Route) -> None:
    content = said_of(route)["requestBody"]["content"][JSON]
    assert content["example"] == BODIES[route.body]
    assert faults(content) == []
    read_fields([route.body], json.loads(json.dumps(content["example"])))


def test_all_of_them_mean_something_to_a_server(tmp_path: Path) -> None:
    """What they name may be missing, such as a claim; the requests themselves are understood."""
    ledger = Ledger(tmp_path / "runner.sqlite")
    shell_job(ledger, "backup", "true", params=(Param(name="DAY"),), schedule=("0 3 * * *",))
    ledger.declare_queue("mail")

    async def scenario(api: Api) -> list[tuple[Route, Answer]]:
        return [(route, await api.ask(route.method, _path(route), BODIES[route.body])) for route in ACTING]

    told = with_api(
        ledger, scenario, config="notifications: {webhooks: {ops: {url: 'http://127.0.0.1:1'}}}\n"
    )
    for route, answer in told:
        expected = {*route.answers, 401} if route.path == "/login" else {*route.answers, *route.problems}
        assert answer.status in expected, (name_of(route), answer.body)
    ok = {name_of(route) for route, answer in told if answer.status in route.answers}
    assert {"POST /jobs/{job}/run", "POST /queues/{queue}/items", "POST /queues/{queue}/claim"} < ok


def _path(route: Route) -> str:
    owner = route.path_values.__name__
    return route.path.format(
        **{
            each.name: PLACES.get(f"{owner}.{each.name}", PLACES.get(each.name))
            for each in parameters_of(route.path_values)
        }
    )
