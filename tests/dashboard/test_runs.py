"""The list of runs, as people read it."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.api import Api, shell_job, with_api
from support.ledger import Ledger
from support.pages import page

from jeeves_runner.clock import SystemClock, to_text


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    shell_job(made, "greet", "echo hello")
    shell_job(made, "sweep", "exit 3")
    return made


def test_before_the_first_run_it_says_so(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        assert "Nothing has run yet." in (await page(api, "/runs")).text

    with_api(ledger, scenario)


def test_runs_are_chosen_by_job_and_status(ledger: Ledger) -> None:
    greeted = ledger.add_run("greet")
    failed = ledger.add_run("sweep", "error", exit_code=3)
    skipped = ledger.add_run("sweep", "skipped", reason="overlap", reason_ref=str(greeted), occurrences=4)

    async def scenario(api: Api) -> None:
        shown = await page(api, "/runs")
        assert [f'id="run-{each}"' in shown.html for each in (greeted, failed, skipped)] == [True] * 3
        assert "exit code 3" in shown.text
        assert "another run of it was active; 4 occurrences" in shown.text
        of_job = await page(api, "/runs?job=greet&status=")
        assert "must be" in of_job.text  # a status that is empty is none
        of_both = await page(api, "/runs?job=sweep&status=error")
        assert f'id="run-{failed}"' in of_both.html
        assert f'id="run-{skipped}"' not in of_both.html
        assert 'name="status" value="error"' in of_both.html
        assert "/runs?job=sweep&amp;status=skipped" in of_both.html
        assert "No run is like this." in (await page(api, "/runs?job=greet&status=error")).text
        everything = await page(api, "/runs?job=")
        assert f'id="run-{greeted}"' in everything.html

    with_api(ledger, scenario)


def test_runs_are_chosen_by_time(ledger: Ledger) -> None:
    now = SystemClock().now()
    old = ledger.add_run("greet", created_at=to_text(now - timedelta(days=2)))
    new = ledger.add_run("greet", created_at=to_text(now - timedelta(hours=1)))

    async def scenario(api: Api) -> None:
        assert f'id="run-{old}"' in (await page(api, "/runs?since=")).html
        last_day = await page(api, "/runs?since=-1d&until=")
        assert [f'id="run-{each}"' in last_day.html for each in (old, new)] == [False, True]
        assert '<option value="-1d" selected>the last day</option>' in last_day.html
        assert "/runs?status=error&amp;since=-1d" in last_day.html
        before = await page(api, "/runs?until=-1d")
        assert [f'id="run-{each}"' in before.html for each in (old, new)] == [True, False]
        assert 'name="until" value="-1d"' in before.html
        assert "No run is like this." in (await page(api, "/runs?since=-1m")).text
        assert "since lies ahead: 2h" in (await page(api, "/runs?since=2h")).text

    with_api(ledger, scenario)


def test_an_unknown_job_is_told_with_the_nearest(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        shown = await page(api, "/runs?job=gret")
        assert "there is no job gret" in shown.text
        assert "did you mean greet?" in shown.text

    with_api(ledger, scenario)


def test_the_list_goes_on_in_pages(ledger: Ledger) -> None:
    runs = [ledger.add_run("greet") for _ in range(5)]

    async def scenario(api: Api) -> None:
        first = await page(api, "/runs?job=greet&limit=2")
        older = f"/runs?job=greet&limit=2&before={runs[3]}"
        assert older.replace("&", "&amp;") in first.html
        second = await page(api, older)
        assert [f'id="run-{each}"' in second.html for each in runs] == [False, True, True, False, False]
        assert 'href="/runs?job=greet&amp;limit=2">Newest' in second.html
        assert "There are no older runs." in (await page(api, f"/runs?before={runs[0]}")).text

    with_api(ledger, scenario)
