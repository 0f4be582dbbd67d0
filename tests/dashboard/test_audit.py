"""The page of the audit: who did what, found by who, what and when."""

from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import Page, page

from jeeves_runner.core.origin import Actor
from jeeves_runner.db.audit import record


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    with made.tx() as tx:
        record(tx, actor=Actor("cli", "ada, uid 7"), action="pause", target="job copy", detail="<b>full</b>")
        record(tx, actor=Actor("token ops", "10.0.0.1", 202), action="run", target="job a/b")
        record(tx, actor=Actor("unknown", "10.0.0.2", 401), action="login", target="token", detail="no such")
        record(tx, actor=Actor("runner"), action="clock", target="database")
    return made


def shown(ledger: Ledger, path: str = "/audit") -> Page:
    async def scenario(api: Api) -> Page:
        return await page(api, path)

    return with_api(ledger, scenario)


def test_each_act_says_who_did_what_from_where(ledger: Ledger) -> None:
    found = shown(ledger)
    assert "cli pause job copy ≡ <b>full</b> ada, uid 7" in found.text
    assert "unknown login refused, 401 token ≡ no such 10.0.0.2" in found.text
    assert "runner clock database ≡ the runner" in found.text
    assert '<a href="/jobs/a%2Fb">job a/b</a>' in found.html
    assert found.text.index("clock") < found.text.index("pause")


@pytest.mark.parametrize(
    ("query", "is_there", "is_not"),
    [
        ("actor=token+ops", "job a/b", "job copy"),
        ("target=job+copy", "job copy", "job a/b"),
        ("actor=&target=job+copy&since=", "job copy", "job a/b"),
        ("since=-1h", "Nothing is recorded", "job copy"),
        ("since=2026-01-01T00:00:00Z", "job copy", "Nothing is recorded"),
    ],
)
def test_it_is_found_by_who_and_what(ledger: Ledger, query: str, is_there: str, is_not: str) -> None:
    found = shown(ledger, f"/audit?{query}")
    assert is_there in found.text
    assert is_not not in found.text


def test_what_is_asked_for_stays_in_the_form(ledger: Ledger) -> None:
    found = shown(ledger, "/audit?actor=%22x&since=2026-01-01T00:00:00Z")
    assert 'value="&#34;x"' in found.html
    assert '<option value="2026-01-01T00:00:00Z" selected>' in found.html
    assert "Nothing is recorded of this." in found.text


def test_a_time_that_is_none_is_told(ledger: Ledger) -> None:
    assert shown(ledger, "/audit?since=soon").status == 400
    assert "lies ahead" in shown(ledger, "/audit?since=1h").text


def test_the_list_goes_on(ledger: Ledger) -> None:
    first = shown(ledger, "/audit?limit=2")
    assert '<a href="/audit?limit=2&amp;before=3" rel="next">Older</a>' in first.html
    last = shown(ledger, "/audit?limit=2&before=3")
    assert "job copy" in last.text
    assert "Older" not in last.text
    assert '<a href="/audit?limit=2">Newest</a>' in last.html
    assert "There is nothing older." in shown(ledger, "/audit?before=1").text


def test_nothing_is_recorded_yet(tmp_path: Path) -> None:
    assert "Nothing is recorded yet." in shown(Ledger(tmp_path / "runner.sqlite")).text
