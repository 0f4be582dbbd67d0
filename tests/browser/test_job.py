"""A job in a browser: its page follows its runs, and says where its values stand."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.browser import Viewer
from support.server import HOLD, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]


def test_it_follows_its_runs_and_its_manifest(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        until(lambda: server.job("hold"))
        page = look(server.url).open("/jobs/hold")
        page.evaluate("window.isTheSame = true")
        expect(page.get_by_text("It has never run.")).to_be_visible()
        expect(page.locator("#key-timeout")).to_contain_text("jobs.d/hold.yaml:4")
        run = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
        expect(page.locator(f"#run-{run}")).to_contain_text("running")
        page.locator("summary").click()
        save(tmp_path, "hold.yaml", HOLD.replace("10m", "20m") + "owner: ann\n")
        expect(page.locator("#key-owner")).to_contain_text("jobs.d/hold.yaml:6")
        expect(page.locator("#key-timeout")).to_contain_text("20m")
        expect(page.locator("#built-in")).to_have_attribute("open", "")
        assert page.evaluate("window.isTheSame")


def test_it_answers_why_without_scripts(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        until(lambda: server.job("hold"))
        page = look(server.url).open("/jobs/hold")
        page.get_by_label("Why did it run or not at").fill("02:30")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Why, at 02:30")).to_be_visible()


def test_a_place_in_a_file_is_not_broken(tmp_path: Path, look: Look) -> None:
    """The end of ``:11`` on the next line would make it ``:1``."""
    with serving(tmp_path) as server:
        params = "params:\n" + "".join(f"  key-{number}: {{default: {'x' * 90}}}\n" for number in range(9))
        save(tmp_path, "holdwhatothersworkonintheirturn.yaml", HOLD + params + "owner: ann\n")
        until(lambda: server.job("holdwhatothersworkonintheirturn"))
        page = look(server.url).open("/jobs/holdwhatothersworkonintheirturn")
        place = page.locator("#key-owner .place code").first
        expect(place).to_contain_text(".yaml:16")
        assert place.evaluate(LINES_OF_PARTS) == [1, 1]


def test_a_place_in_a_folder_breaks_behind_the_folder(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        (tmp_path / "jobs.d" / "reports").mkdir()
        params = "params:\n" + "".join(f"  key-{number}: {{default: {'x' * 90}}}\n" for number in range(9))
        save(tmp_path, "reports/reports_of_the_month.yaml", HOLD + params)
        until(lambda: server.job("reports_of_the_month"))
        page = look(server.url).open("/jobs/reports_of_the_month")
        for width in (1000, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            for place in page.locator(".spec .place code").all():
                assert place.evaluate(LINES_OF_PARTS) == [1, 1, 1]


LINES_OF_PARTS = """(place) => [...place.childNodes].filter((each) => each.data).map((text) => {
  const range = document.createRange();
  range.selectNodeContents(text);
  return range.getClientRects().length;
})"""
"""On how many lines each piece of a place stands, between those where it may break."""


def test_of_one_run_there_is_no_plural(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "once.yaml", "run: echo once\ntimeout: 1m\n")
        until(lambda: server.job("once"))
        said = look(server.url).open("/jobs/once").locator(".durations figcaption")
        for runs in ("Last run", "Last 2 runs, the first"):
            server.post("/jobs/once/run")
            expect(said).to_contain_text(re.compile(rf"{runs},? (now|\d+s ago) *longest"))
