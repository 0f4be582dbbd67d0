"""A job in a browser: its page follows its runs, and says where its values stand."""

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
