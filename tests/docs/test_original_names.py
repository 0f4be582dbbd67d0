"""The guide for those who come from the original's client: each of its names has a row, and a place here."""

import re
from typing import Final

import pytest
from support.docs import ROOT, read

from jeeves_runner.api.routes import ROUTES
from jeeves_runner.client import Client, LeaseLost
from jeeves_runner.views.problems import ProblemBody

ORIGINAL: Final = (
    *(
        "createClient",
        "getRunnerClient",
        "close",
        "getState",
        "setState",
        "deleteState",
        "hasItem",
        "getItem",
    ),
    *(
        "setItem",
        "deleteItem",
        "countItems",
        "pruneItems",
        "listItemKeys",
        "enqueue",
        "dequeue",
        "done",
        "fail",
    ),
    *("dispatchSession", "runDispatcher"),
)
"""What the package ``@karmaniverous/jeeves-runner`` 0.10.1 gives to scripts."""

PAGE: Final = read("how-to/move-from-the-original-client.md")
ROWS: Final = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("name", ORIGINAL)
def test_each_name_of_the_original_has_a_row(name: str) -> None:
    assert [row[0] for row in ROWS if re.search(rf"\b{name}\b", row[0])] != []


def test_each_call_of_python_is_one_of_the_client() -> None:
    called = re.findall(r"\bjr\.(\w+)", PAGE)
    assert len(called) >= 15
    assert [name for name in called if not callable(getattr(Client, name, None))] == []


def test_each_request_has_a_route() -> None:
    known = {(route.method, _form(route.path)) for route in ROUTES}
    asked = re.findall(r"`(GET|PUT|POST|DELETE) (/[^`?]+)`", PAGE)
    assert len(asked) >= 15
    assert [each for each in asked if (each[0], _form(each[1])) not in known] == []


def test_what_it_says_of_refusals_stands_in_them() -> None:
    said = PAGE.partition("**Refused**")[2].partition("In Python")[0]
    named = set(re.findall(r"`(\w+)`", said)) - {LeaseLost.code}
    assert named >= {"error", "type"}
    assert named <= set(ProblemBody.__annotations__)


def test_the_client_in_typescript_has_the_names_of_the_original() -> None:
    text = (ROOT / "examples/http/client.ts").read_text(encoding="utf-8")
    methods = set(re.findall(r"^  (?:async )?(\w+)(?: =)? ?\(", text, re.MULTILINE))
    assert set(ORIGINAL[3:17]) <= methods


def _form(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
