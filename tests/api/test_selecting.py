"""``?path=``: a part of a document, by JSONPath."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from support.api import get, problem
from support.ledger import Ledger

from jeeves_runner.db import state


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    with ledger.tx() as tx:
        for number, key in enumerate("abc"):
            state.set_value(tx, "mail", key, json.dumps({"n": number, "list": [number] * 3}))
    return ledger


def asked(path: str, **more: object) -> str:
    return "&".join([f"path={quote(path)}", *(f"{name}={value}" for name, value in more.items())])


def test_of_the_settings(ledger: Ledger) -> None:
    answer = get(ledger, f"/config?{asked('$.port')}")
    assert (answer.status, answer.body) == (200, {"result": [1937], "count": 1})
    assert get(ledger, f"/config?{asked('$.no')}").body == {"result": [], "count": 0}


def test_of_a_namespace(ledger: Ledger) -> None:
    answer = get(ledger, f"/state/mail?{asked('$.*.n')}")
    assert answer.body == {"result": [0, 1, 2], "count": 3}
    assert "Link" not in answer.headers
    assert get(ledger, f"/state/mail?{asked('$[?@.n > 1].list[0]')}").body == {"result": [2], "count": 1}
    assert get(ledger, f"/state/no?{asked('$')}").status == 404


def test_of_a_page_whose_next_one_is_asked_with_the_same_path(ledger: Ledger) -> None:
    path = "$..n"
    answer = get(ledger, f"/state/mail?{asked(path, limit=2)}")
    assert answer.body == {"result": [0, 1], "count": 2}
    following = answer.headers["Link"].partition(">")[0].removeprefix("<")
    assert get(ledger, following).body == {"result": [2], "count": 1}


@pytest.mark.parametrize("place", ["/config", "/state/mail"])
def test_what_is_no_path_is_refused_with_its_column(ledger: Ledger, place: str) -> None:
    status, detail = problem(get(ledger, f"{place}?{asked('$.port[')}"))
    assert status == 400
    assert detail == "path, column 8: unexpected end of query"


def test_a_result_that_is_much_larger_than_the_document_is_refused(ledger: Ledger) -> None:
    nested: object = "x" * 100_000
    for _ in range(60):
        nested = [nested]
    with ledger.tx() as tx:
        state.set_value(tx, "mail", "nested", json.dumps(nested))
    assert len(json.dumps(nested)) < 101_000
    status, detail = problem(get(ledger, f"/state/mail?{asked('$..*')}"))
    assert (status, detail) == (400, "path selects more than 4 MiB")
