"""A path answers with a page or with its document, as the client would rather have it."""

from pathlib import Path

import pytest
from support.api import Api, shell_job, with_api
from support.ledger import Ledger
from support.pages import BROWSER, page

from jeeves_runner.api.pages import prefers_page


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    shell_job(made, "greet", "echo hello")
    return made


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("text/html;q=0.5, application/json;q=0.4", True),
        ("text/html, application/json;q=0.9", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("text/html;q=0.4, application/json;q=0.5", False),
        ("text/html;q=0.5, */*", False),
        ("text/html;q=much", False),
        ("text/html;q=0", False),
    ],
)
def test_a_page_is_for_those_who_prefer_one(accept: str, is_page: bool) -> None:
    assert prefers_page(accept) is is_page


def test_both_stand_at_one_path_and_caches_are_told(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        document = await api.get("/")
        assert document.body["name"] == "jeeves-runner"
        shown = await page(api, "/")
        assert "Nothing runs." in shown.text
        assert document.headers["Vary"] == "Accept"
        assert shown.headers["Vary"] == "Accept, Accept-Encoding"

    with_api(ledger, scenario)


def test_a_page_at_the_path_of_another_method_is_for_those_who_prefer_pages(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        assert "Log in" in (await page(api, "/login")).text
        refused = await api.get("/login")
        assert (refused.status, refused.headers["Allow"]) == (405, "POST")
        other = await api.ask("PUT", "/login")
        assert (other.status, other.headers["Allow"]) == (405, "POST")

    with_api(ledger, scenario)


def test_an_unchanged_page_is_not_sent_again(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        first = await page(api, "/")
        again = await page(api, "/", If_None_Match=first.headers["ETag"])
        assert (again.status, again.html) == (304, "")

    with_api(ledger, scenario)


def test_what_is_wrong_is_told_by_a_page(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        shown = await page(api, "/nowhere")
        assert shown.status == 404
        assert "there is nothing at this path" in shown.text
        asked = await page(api, "/?<b>=1")
        assert asked.status == 400
        assert "there is no parameter '<b>' here" in asked.text

    with_api(ledger, scenario)


def test_files_are_kept_for_good_by_the_name_of_their_version(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        shown = await page(api, "/")
        place = shown.html.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
        url = f"http://127.0.0.1:{api.port}"
        async with api.session.get(url + place) as answer:
            assert (answer.status, answer.content_type) == (200, "text/css")
            assert answer.headers["Content-Encoding"] == "gzip"
            assert "immutable" in answer.headers["Cache-Control"]
        async with api.session.get(f"{url}/static/0/style.css") as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "no-store"
        async with api.session.get(f"{url}/static/0/..%2Fwords.py") as answer:
            assert answer.status == 404

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    ("accept", "is_packed"),
    [("gzip, br", True), ("br, GZIP; q=0.5", True), ("identity", False), ("gzip;q=0", False), ("", False)],
)
def test_what_is_packed_is_for_those_who_take_it(ledger: Ledger, accept: str, is_packed: bool) -> None:
    async def scenario(api: Api) -> None:
        shown = await page(api, "/", Accept_Encoding=accept)
        assert ("Content-Encoding" in shown.headers) is is_packed
        place = shown.html.partition('<link rel="stylesheet" href="')[2].partition('"')[0]
        url = f"http://127.0.0.1:{api.port}{place}"
        async with api.session.get(url, headers={"Accept-Encoding": accept}) as answer:
            assert ("Content-Encoding" in answer.headers) is is_packed

    with_api(ledger, scenario)
