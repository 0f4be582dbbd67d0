"""The page of a run, as people read it."""

from pathlib import Path

import pytest
from support.api import Api, shell_job, with_api
from support.ledger import Ledger
from support.pages import page


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    shell_job(made, "greet", "echo hello")
    return made


def test_a_run_that_failed_says_how_and_shows_its_output_as_text(ledger: Ledger) -> None:
    wrote = "first\n</pre><script>alert(1)</script>\n\x1b[31mred\x1b[0m \x1b]0;title\x07\n"
    run = ledger.add_run("greet", "error", exit_code=3, stdout=wrote)

    async def scenario(api: Api) -> None:
        shown = await page(api, f"/runs/{run}")
        assert f"Run {run} of greet" in shown.text
        assert "exit code 3" in shown.text
        assert "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in shown.html
        assert r"red \x1b]0;title\x07" in shown.text
        assert "\x1b" not in shown.html

    with_api(ledger, scenario)


def test_attempts_and_neighbours_are_a_click_away(ledger: Ledger) -> None:
    before = ledger.add_run("greet")
    first = ledger.add_run("greet", "error", exit_code=1)
    second = ledger.add_run("greet", trigger="retry", attempt=2, chain_id=first)
    after = ledger.add_run("greet")

    async def scenario(api: Api) -> None:
        shown = await page(api, f"/runs/{first}")
        assert f'href="/runs/{before}" rel="prev"' in shown.html
        assert f'id="attempt-{first}"' in shown.html
        assert f'id="attempt-{second}"' in shown.html
        assert f'href="/runs/{after}" rel="next"' in (await page(api, f"/runs/{second}")).html
        assert "Attempts" not in (await page(api, f"/runs/{after}")).text

    with_api(ledger, scenario)


def test_why_it_was_skipped_is_a_sentence(ledger: Ledger) -> None:
    run = ledger.add_run("greet", "skipped", reason="paused", trigger="schedule")

    async def scenario(api: Api) -> None:
        shown = await page(api, f"/runs/{run}")
        assert "It was skipped because the job was paused." in shown.text
        assert "It has not started, so it has written nothing." in shown.text

    with_api(ledger, scenario)


def test_a_run_that_there_never_was_is_not_found(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        shown = await page(api, "/runs/999")
        assert (shown.status, "there is no run 999" in shown.text) == (404, True)

    with_api(ledger, scenario)
