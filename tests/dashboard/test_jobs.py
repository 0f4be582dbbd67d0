"""The list of jobs, as people read it."""

import re
from pathlib import Path

import pytest
from support.api import Api, shell_job, with_api
from support.ledger import Ledger
from support.pages import Page, page

from jeeves_runner.core.model import JobSpec
from jeeves_runner.dashboard.pages.jobs import AT_ONCE


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def shown(found: Page) -> list[str]:
    """The ids of the jobs that a page shows."""
    return re.findall(r'<tr id="job-([^"]*)"', found.html)


def test_without_jobs_it_says_how_there_comes_one(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        assert "There are no jobs yet." in (await page(api, "/jobs")).text

    with_api(ledger, scenario)


def test_a_job_stands_there_with_how_it_is_and_has_been(ledger: Ledger) -> None:
    ledger.add_job("backup", name="Nightly <b>", tags=("db",), owner="ops", schedule=("0 3 * * *",))
    ledger.add_run("backup", "ok")
    ledger.add_run("backup", "error")
    ledger.hold("backup", "broken")

    async def scenario(api: Api) -> None:
        found = await page(api, "/jobs")
        assert "error backup held Nightly <b> db Last 2: 1 ok, 1 error 1.0s" in found.text
        assert "0 3 * * * ops" in found.text
        assert '<path class="bad"' in found.html

    with_api(ledger, scenario)


def test_a_row_is_drawn_anew_once_anything_of_it_is_another(ledger: Ledger) -> None:
    shell_job(ledger, "greet", "true", owner="ann")

    async def scenario(api: Api) -> None:
        assert "greet – never" in (await page(api, "/jobs")).text
        assert 'href="/jobs?owner=ann"' in (await page(api, "/jobs")).html
        ledger.add_run("greet", "error")
        assert "Last 1: 1 error" in (await page(api, "/jobs")).text
        assert 'href="/jobs?owner=ann&amp;sort=took"' in (await page(api, "/jobs?sort=took")).html

    with_api(ledger, scenario)


def test_filters_are_kept_from_page_to_page(ledger: Ledger) -> None:
    shell_job(ledger, "greet", "true", tags=("a&b",), owner="ann")
    shell_job(ledger, "sweep", "true", owner="ben")
    ledger.add_run("sweep", "timeout")

    async def scenario(api: Api) -> None:
        assert shown(await page(api, "/jobs?q=&tag=&owner=")) == ["greet", "sweep"]
        assert shown(await page(api, "/jobs?q=GRE")) == ["greet"]
        assert shown(await page(api, "/jobs?status=failing&owner=ben")) == ["sweep"]
        tagged = await page(api, "/jobs?tag=a%26b&sort=last")
        assert shown(tagged) == ["greet"]
        assert "<option selected>a&amp;b</option>" in tagged.html
        assert 'name="sort" value="last"' in tagged.html
        assert 'href="/jobs?tag=a%26b&amp;status=never&amp;sort=last"' in tagged.html
        assert "failing 1" in (await page(api, "/jobs?owner=ben")).text
        nothing = await page(api, "/jobs?q=%3Cscript%3E")
        assert "No job fits." in nothing.text
        assert 'value="&lt;script&gt;"' in nothing.html
        assert (await page(api, "/jobs?status=bad")).status == 400

    with_api(ledger, scenario)


def test_many_jobs_come_in_pages(ledger: Ledger) -> None:
    ledger.add_jobs(
        JobSpec(id=f"job{number:03}", name="x", script="/srv/x.sh", tags=("many",))
        for number in range(AT_ONCE + 3)
    )

    async def scenario(api: Api) -> None:
        first = await page(api, "/jobs?tag=many")
        assert len(shown(first)) == AT_ONCE
        assert f"1–{AT_ONCE} of {AT_ONCE + 3} Next" in first.text
        assert 'href="/jobs?tag=many&amp;page=2"' in first.html
        second = await page(api, "/jobs?tag=many&page=2")
        assert shown(second) == [f"job{number:03}" for number in range(AT_ONCE, AT_ONCE + 3)]
        assert "201–203 of 203 Previous" in second.text
        assert shown(await page(api, "/jobs?tag=many&page=99")) == shown(second)

    with_api(ledger, scenario)


def test_a_page_shows_what_has_changed_since(ledger: Ledger) -> None:
    ledger.add_job("backup")

    async def scenario(api: Api) -> None:
        assert "failing 0" in (await page(api, "/jobs")).text
        ledger.add_run("backup", "error")
        assert "failing 1" in (await page(api, "/jobs")).text

    with_api(ledger, scenario)
