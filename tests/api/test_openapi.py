"""The API's description: a valid OpenAPI document that says what the route table says."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypedDict

import jsonschema_rs
import pytest
from support.api import Answer, Api, get, with_api
from support.ledger import Ledger
from support.logs import log_file

from jeeves_runner import __version__
from jeeves_runner.api.answer_headers import ALWAYS, CACHE
from jeeves_runner.api.bodies import fields_of
from jeeves_runner.api.callers import Role
from jeeves_runner.api.openapi import openapi
from jeeves_runner.api.parameters import parameters_of
from jeeves_runner.api.route import Call, Nothing, Route, Subject, contents_of, look
from jeeves_runner.api.routes import ROUTES, SUBJECTS
from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens

DATA: Final = Path(__file__).parents[1] / "data"
META: Final = json.loads((DATA / "openapi-3.1.schema.json").read_text(encoding="utf-8"))
DOCUMENT: Final[Mapping[str, Any]] = openapi(SUBJECTS, __version__)
OPERATIONS: Final = {
    (method.upper(), path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}

each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


def said_of(route: Route) -> Mapping[str, Any]:
    found: Mapping[str, Any] = OPERATIONS[route.method, route.path]
    return found


def parts(value: object) -> Iterator[Mapping[str, Any]]:
    """All objects of a document, at any depth."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from parts(each)


def schemas() -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from DOCUMENT["components"]["schemas"].items()
    for part in parts(DOCUMENT["paths"]):
        if isinstance(part.get("schema"), dict):
            yield "a path", part["schema"]


# The whole


def test_it_keeps_to_the_schema_of_openapi() -> None:
    assert [error.message for error in jsonschema_rs.Draft202012Validator(META).iter_errors(DOCUMENT)] == []


def test_its_schemas_are_json_schemas() -> None:
    for name, schema in schemas():
        assert jsonschema_rs.meta.is_valid(dict(schema)), name


def test_what_it_refers_to_is_there() -> None:
    for part in parts(DOCUMENT):
        if "$ref" in part:
            place: Any = DOCUMENT
            for key in part["$ref"].removeprefix("#/").split("/"):
                place = place[key]
            assert place


def test_it_has_all_routes_and_no_others() -> None:
    assert sorted(OPERATIONS) == sorted((route.method, route.path) for route in ROUTES)


def test_operations_have_names_of_their_own() -> None:
    names = Counter(operation["operationId"] for operation in OPERATIONS.values())
    assert [name for name, times in names.items() if times > 1] == []
    assert all(re.fullmatch("[a-z]+(_[a-z0-9]+)*", name) for name in names)


def test_everything_has_words() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["description"], name
        for key, part in schema.get("properties", {}).items():
            assert part.get("description"), f"{name}.{key} has no line below it"
    for route in ROUTES:
        for parameter in said_of(route).get("parameters", ()):
            assert parameter["description"], (route.path, parameter["name"])


def test_its_words_are_those_of_people() -> None:
    told = [part["description"] for part in parts(DOCUMENT) if isinstance(part.get("description"), str)]
    assert [text for text in told if re.search(r"``|\bNone\b|\bTrue\b|\bFalse\b|\]\(", text)] == []


# Each route


@each_route
def test_a_route_is_told_with_its_summary_and_who_may_use_it(route: Route) -> None:
    said = said_of(route)
    assert said["summary"] == route.summary
    assert (said["x-role"], said["x-run-token"]) == (route.role, route.run_may)
    assert bool(said["security"]) == (route.role is not Role.OPEN)


@each_route
def test_a_route_is_told_with_its_parameters(route: Route) -> None:
    told = [(each["in"], each["name"], each["required"]) for each in said_of(route).get("parameters", ())]
    path = [("path", each.name, True) for each in parameters_of(route.path_values)]
    query = [("query", each.name, False) for each in parameters_of(route.query)]
    assert [each for each in told if each[0] != "header"] == [*path, *query]


@each_route
def test_a_default_is_a_value_that_a_request_could_have(route: Route) -> None:
    for told in said_of(route).get("parameters", ()):
        if "default" in told["schema"]:
            assert jsonschema_rs.is_valid(told["schema"], told["schema"]["default"])


@each_route
def test_a_route_is_told_with_its_body(route: Route) -> None:
    body = said_of(route).get("requestBody")
    assert (body is not None) == bool(fields_of(route.body))
    if body is None:
        return
    schema = DOCUMENT["components"]["schemas"][route.body.__name__]
    assert body["content"]["application/json"]["schema"]["$ref"].endswith(f"/{route.body.__name__}")
    assert list(schema["properties"]) == [field.key for field in fields_of(route.body)]


@each_route
def test_a_route_is_told_with_all_its_answers(route: Route) -> None:
    told = said_of(route)["responses"]
    assert set(told) == {str(status) for status in (*route.answers, *route.all_problems)}
    for status, shape in route.answers.items():
        kinds = list(told[str(status)].get("content", ()))
        assert kinds == ([] if shape is None else list(contents_of(shape)))


# Headers


def headers_asked(method: str, path: str) -> list[str]:
    """The headers of a request that its route is told to take notice of."""
    parameters = OPERATIONS[method, path].get("parameters", ())
    return [each["name"] for each in parameters if each["in"] == "header"]


def test_a_request_may_say_what_it_has_and_how_it_would_have_the_answer() -> None:
    asked = {(method, path): headers_asked(method, path) for method, path in OPERATIONS}
    assert {place: names for place, names in asked.items() if names} == {
        ("GET", "/openapi.json"): ["If-None-Match"],
        ("GET", "/jobs"): ["If-None-Match"],
        ("GET", "/jobs/{job}/runs"): ["If-None-Match"],
        ("GET", "/runs"): ["If-None-Match"],
        ("GET", "/runs/{run}/logs"): ["Range", "Last-Event-ID"],
        ("GET", "/events"): ["Last-Event-ID"],
        ("POST", "/jobs/{job}/run"): ["Prefer"],
    }


def test_a_client_goes_on_by_the_header_as_by_the_query() -> None:
    for path, form in (("/events", r"\d+\.[0-9a-f]{8}-\d+"), ("/runs/{run}/logs", r"\d+")):
        shown = {each["name"]: each["example"] for each in OPERATIONS["GET", path]["parameters"]}
        assert shown["Last-Event-ID"] == shown["after"]
        assert re.fullmatch(form, shown["after"]), "clients would be told to begin anew"


def headers_told(path: str, status: int, method: str = "GET") -> set[str]:
    """The headers that only some answers have, of those that this one may have."""
    told = OPERATIONS[method, path]["responses"][str(status)]
    if "$ref" in told:
        told = DOCUMENT["components"]["responses"][told["$ref"].rpartition("/")[2]]
    return {name.lower() for name in told.get("headers", ())}


def headers_of(answer: Answer) -> set[str]:
    """The headers of an answer that not all have."""
    of_all = {"Content-Type", "Content-Length", "Transfer-Encoding", "Date", "Vary", CACHE, *ALWAYS}
    return {name.lower() for name in answer.headers} - {name.lower() for name in of_all}


@pytest.mark.parametrize("path", ["/openapi.json", "/jobs", "/runs", "/jobs/{job}/runs"])
def test_the_version_of_an_answer_is_told(tmp_path: Path, path: str) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("a")

    async def scenario(api: Api) -> None:
        answer = await api.get(path.format(job="a"))
        again = await api.get(path.format(job="a"), If_None_Match=answer.headers["ETag"])
        assert (answer.status, again.status) == (200, 304)
        assert headers_of(answer) == headers_told(path, 200) == {"etag"}
        assert headers_of(again) == headers_told(path, 304) == {"etag"}

    with_api(ledger, scenario)


@pytest.mark.parametrize(("asked", "status"), [("all", 200), ("bytes=2-4", 206), ("bytes=10-", 416)])
def test_the_place_of_a_part_is_told(tmp_path: Path, asked: str, status: int) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("a")
    run = ledger.add_run("a")
    log_file(tmp_path / "data", run).write_text("0123456789")
    answer = get(ledger, f"/runs/{run}/logs", Range=asked)
    assert answer.status == status
    assert headers_of(answer) == headers_told("/runs/{run}/logs", status)


def test_the_cookie_of_a_browser_is_told(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runner.sqlite")
    with ledger.tx() as tx:
        token = tokens.create(tx, "desk", TokenRole.READ, until=None, by=Actor("cli", "me"))

    async def scenario(api: Api) -> None:
        came, left = await api.post("/login", {"token": token}), await api.post("/logout")
        assert headers_of(came) == headers_told("/login", came.status, "POST") == {"set-cookie"}
        assert headers_of(left) == headers_told("/logout", left.status, "POST") == {"set-cookie"}
        wrong = await api.post("/login", {"token": "wrong"})
        assert headers_of(wrong) == headers_told("/login", wrong.status, "POST") == {"www-authenticate"}

    with_api(ledger, scenario)


# The types


class Leaf(TypedDict):
    """The end of a branch."""

    name: str
    """Its name."""


class Branch(Leaf, total=False):
    """A branch. The second sentence is told too.

    This is for readers of the source.
    """

    twigs: "list[Branch]"
    """What grows ``on`` it,
    if anything does."""


class ProblemBody(TypedDict):
    """What has the name of another type."""

    leaf: Leaf
    """Any."""


class TwigQuery(NamedTuple):
    """Nothing."""


async def twig(call: Call[Nothing, TwigQuery, Nothing]) -> Any:
    raise AssertionError


def described(*answers: object) -> Mapping[str, Any]:
    routes = [look(f"/{place}", "Look", twig, {200: answer}) for place, answer in enumerate(answers)]
    document: Any = openapi([Subject(name="Trees", about="", routes=tuple(routes))], "1")
    found: Mapping[str, Any] = document["components"]["schemas"]
    return found


def test_a_type_is_written_once_with_the_fields_of_its_bases_and_may_hold_itself() -> None:
    found = described(Branch, list[Branch])
    assert set(found) == {"Branch", "ProblemBody"}
    assert found["Branch"] == {
        "description": "A branch. The second sentence is told too.",
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "Its name."},
            "twigs": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Branch"},
                "description": "What grows `on` it, if anything does.",
            },
        },
        "required": ["name"],
    }


def test_two_types_of_one_name_are_refused() -> None:
    with pytest.raises(TypeError, match="two types of documents are called ProblemBody"):
        described(ProblemBody)


# Over HTTP


def test_the_server_hands_it_out(tmp_path: Path) -> None:
    answer = get(Ledger(tmp_path / "runner.sqlite"), "/openapi.json")
    assert (answer.body["openapi"], answer.body["info"]["version"]) == ("3.1.0", __version__)
    assert list(answer.body["paths"]) == list(DOCUMENT["paths"])


def test_the_cookie_has_the_name_that_it_has_here(tmp_path: Path) -> None:
    answer = get(Ledger(tmp_path / "runner.sqlite"), "/openapi.json")
    name = answer.body["components"]["securitySchemes"]["cookie"]["name"]
    assert re.fullmatch(r"jr-\d+", name)
    assert name != "jr-1937"


def test_who_has_it_is_told_so(tmp_path: Path) -> None:
    async def scenario(api: Api) -> None:
        first = await api.get("/openapi.json")
        tag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "private, no-cache"
        for known in (tag, f'"other", W/{tag}', "*"):
            again = await api.get("/openapi.json", If_None_Match=known)
            assert (again.status, again.body, again.headers["ETag"]) == (304, "", tag)
        assert (await api.get("/openapi.json", If_None_Match='"other"')).status == 200

    with_api(Ledger(tmp_path / "runner.sqlite"), scenario)
