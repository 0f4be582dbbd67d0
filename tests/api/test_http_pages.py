"""The pages on HTTP tell of every route what its description says, and of every type once."""

import re
from pathlib import Path
from typing import Any, Final, NamedTuple, NotRequired, TypedDict

import pytest
from support.docs import anchors, headings, only_code, read, section, table
from support.http_pages import FOLDER, PAGE, file_of, pages

from jeeves_runner.api.bodies import fields_of
from jeeves_runner.api.callers import RunMay
from jeeves_runner.api.openapi import openapi
from jeeves_runner.api.parameters import parameters_of
from jeeves_runner.api.requests.overrides import OverrideBody
from jeeves_runner.api.route import Call, Nothing, Route, Subject, act, look
from jeeves_runner.api.routes import ROUTES, SUBJECTS

WHOLE: Final = read("reference/http.md")


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def section_of(route: Route) -> str:
    (subject,) = (subject for subject in SUBJECTS if route in subject.routes)
    return section(read(f"reference/http/{file_of(subject)}"), f"`{name_of(route)}`")


each_route = pytest.mark.parametrize("route", ROUTES, ids=name_of)


def test_the_first_page_lists_every_route_with_its_role() -> None:
    listed = [(re.findall("`([^`]+)`", row[0])[0], only_code(row[1])) for row in table(WHOLE, "route")]
    assert listed == [(name_of(route), route.role) for route in ROUTES]


def test_the_first_page_lists_every_problem() -> None:
    told = {int(row[0]) for row in table(WHOLE, "status")}
    assert told == {405, *(status for route in ROUTES for status in route.all_problems)}


def test_no_page_is_left_of_a_subject_that_is_gone() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {file_of(subject) for subject in SUBJECTS}


@each_route
def test_a_route_has_a_section_with_all_that_a_request_may_hold(route: Route) -> None:
    told = section_of(route)
    assert f"Role `{route.role}`" in told
    assert ("token of a run" in told) == (route.run_may is not RunMay.NOTHING)
    parameters = [(only_code(row[0]), only_code(row[2])) for row in table(told, "parameter")]
    assert parameters == [(each.name, each.written_default) for each in parameters_of(route.query)]
    assert [only_code(row[0]) for row in table(told, "in the body")] == [
        field.key for field in fields_of(route.body)
    ]
    for status in route.answers:
        assert f"Answer {status}" in told
    for status in route.problems:
        assert str(status) in told.rpartition("Besides")[2]


def test_every_type_of_an_answer_is_told_once() -> None:
    told = [heading for path in FOLDER.iterdir() for heading in headings(path.read_text(encoding="utf-8"), 3)]
    assert len(told) == len(set(told))
    names = set(openapi(SUBJECTS, "1")["components"]["schemas"])  # type: ignore[index]
    assert set(told) <= names


# How a page reads


class Leaf(TypedDict):
    """The end of a branch."""

    name: str
    """Its name."""


class BranchDocument(TypedDict):
    """A branch."""

    leaves: list[Leaf | None]
    """What it bears. That is all."""
    older: NotRequired[dict[str, Leaf]]
    """Those of last year."""
    twin: "BranchDocument | None"
    """One like it | or none."""


class BranchesQuery(NamedTuple):
    """Nothing."""


async def branch(call: Call[Nothing, BranchesQuery, Nothing]) -> Any:
    raise AssertionError


async def cut(call: Call[Nothing, BranchesQuery, OverrideBody]) -> Any:
    raise AssertionError


TREES: Final = Subject(
    name="Trees",
    about="They [grow](graph.md#top), see [the web](https://example.org).",
    routes=(
        look("/branch", "See a branch", branch, {200: BranchDocument, 304: None}),
        act("/branch", "Cut it", cut, {202: BranchDocument}, description="It grows anew.", problems={409}),
        look("/text", "Read of it", branch, {200: str}, run_may=RunMay.OWN),
    ),
)
LEAVES: Final = Subject(name="Leaves", about="Green.", routes=(look("/leaf", "See it", branch, {200: Leaf}),))


def test_a_page_reads_like_this() -> None:
    made = pages([TREES, LEAVES], openapi([TREES, LEAVES], "1"))
    assert set(made) == {PAGE, FOLDER / "trees.md", FOLDER / "leaves.md"}
    assert made[FOLDER / "trees.md"].split("-->\n", 1)[1] == EXPECTED
    assert made[FOLDER / "leaves.md"].endswith("Answer 200: [`Leaf`](trees.md#leaf).\n")


EXPECTED: Final = """
They [grow](../graph.md#top), see [the web](https://example.org).

## `GET /branch`

See a branch. Role `read`.

Answer 200:

| field | type | what it says |
|---|---|---|
| `leaves` | list of ([`Leaf`](#leaf) or null) | What it bears. That is all |
| `older` | object of [`Leaf`](#leaf), may be absent | Those of last year |
| `twin` | [`BranchDocument`](#get-branch) or null | One like it \\| or none |

Answer 304, without a body.

## `POST /branch`

Cut it. Role `operate`.

It grows anew.

| in the body | type | what it says |
|---|---|---|
| `until` | text or null | When it ends: a time, the next `18:00`, or a length of time from now |
| `for` | text or null | How long it lasts |
| `reason` | text or null | Shown wherever it is |

```json
{"for": "2h", "reason": "moving the archive"}
```

Answer 202: as of [`GET /branch`](#get-branch).

Besides the [problems](../http.md#problems) of any route: 409.

## `GET /text`

Read of it. Role `read`; with the token of a run: its own run.

Answer 200: `text/plain`.

## Documents

### Leaf

The end of a branch.

| field | type | what it says |
|---|---|---|
| `name` | text | Its name |
"""


def test_what_stands_by_hand_on_the_first_page_stays(tmp_path: Path) -> None:
    made = pages([TREES], openapi([TREES], "1"))[PAGE]
    assert "## Who may ask" in made
    assert "/jobs/{job}" not in section(made, "Trees")
    assert "who-may-ask" in anchors(PAGE)
