"""The page of a run, as people read it."""

from pathlib import Path

import pytest
from support.api import Api, shell_job, with_api
from support.ledger import Ledger
from support.pages import page

from jeeves_runner.core.model import JobType, SourceType


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
        assert "red" in shown.text
        assert "title\\x07" not in shown.text
        assert "\x1b" not in shown.html
        assert "Its log is kept no longer: this is the end of it." in shown.text

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
        assert "What it was to run" in shown.text

    with_api(ledger, scenario)


def test_a_run_that_there_never_was_is_not_found(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        shown = await page(api, "/runs/999")
        assert (shown.status, "there is no run 999" in shown.text) == (404, True)

    with_api(ledger, scenario)


def test_what_led_to_it_and_what_it_led_to_is_told(ledger: Ledger) -> None:
    cause = ledger.add_run("greet")
    run = ledger.add_run("greet", trigger="after", caused_by=f'{{"runs": [{cause}]}}', depth=1)
    ledger.conn.execute("INSERT INTO run_causes (cause, run_id) VALUES (?, ?)", (cause, run))
    ledger.conn.execute("INSERT INTO effects VALUES (?, 'enqueued', 'mail', 1200)", (run,))

    async def scenario(api: Api) -> None:
        shown = await page(api, f"/runs/{run}")
        assert f"Follows from #{cause} greet" in shown.text
        assert "enqueued 1,200 in mail" in shown.text
        assert f"Has caused #{run} greet" in (await page(api, f"/runs/{cause}")).text

    with_api(ledger, scenario)


def test_what_became_known_late_is_told(ledger: Ledger) -> None:
    late = '{"status": "ok", "at": "2026-03-01T12:00:00.000Z", "tokens": 7, "message": "all is well"}'
    run = ledger.add_run("greet", "timeout", confirmed=0, late=late, cancel_cause="timeout")

    async def scenario(api: Api) -> None:
        shown = (await page(api, f"/runs/{run}")).text
        assert "its work was found to have ended ok" in shown
        assert "all is well" in shown
        assert "it may have gone on" in shown
        assert "for its timeout" in shown

    with_api(ledger, scenario)


@pytest.mark.parametrize("late", ["{}", '{"at": 7}'])
def test_what_other_programs_wrote_into_a_row_is_shown_as_it_is(ledger: Ledger, late: str) -> None:
    run = ledger.add_run(
        "greet", "error", params="[1]", late=late, caused_by='{"runs": "x"}', started_at="noon"
    )

    async def scenario(api: Api) -> None:
        shown = await page(api, f"/runs/{run}")
        assert shown.status == 200
        assert "Of its work became known late" in shown.text
        assert "noon" in shown.text

    with_api(ledger, scenario)


def test_a_run_of_a_job_that_is_long_gone_is_shown(ledger: Ledger) -> None:
    run = ledger.add_run("greet")
    ledger.conn.execute("PRAGMA foreign_keys = OFF")
    ledger.conn.execute("UPDATE runs SET job_id = 'gone', spec_hash = 'x'")

    async def scenario(api: Api) -> None:
        shown = await page(api, f"/runs/{run}")
        assert "The job is there no more, and nothing tells how it was declared." in shown.text

    with_api(ledger, scenario)


def test_a_session_is_told_as_one(ledger: Ledger) -> None:
    ledger.add_job("ask", type=JobType.SESSION, source_type=SourceType.PROMPT, script="Say hello.")
    run = ledger.add_run("ask", model="large", tokens=12_345)

    async def scenario(api: Api) -> None:
        shown = (await page(api, f"/runs/{run}")).text
        assert "Agent a prompt in the manifest" in shown
        assert "12,345" in shown
        assert "no command does the same by hand" in shown

    with_api(ledger, scenario)
