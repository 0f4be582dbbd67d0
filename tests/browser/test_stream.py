"""What a page is told by its stream, where the way to the server or a clock is not as it should be."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.browser import Viewer
from support.server import HOLD, command, save, serving, until
from support.stalling import stalling

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

QUICK = "run: 'true'\ntimeout: 1m\n"
SLOW = "run: echo one; until test -e go; do sleep 0.1; done; echo two; sleep 60\ntimeout: 2m\n"


def test_a_stream_that_fell_silent_is_opened_anew(tmp_path: Path, look: Look) -> None:
    with stalling() as way:
        (tmp_path / "jeeves-runner.yaml").write_text(f"port: 0\napi: {{public_url: '{way.url}'}}\n")
        with serving(tmp_path) as server:
            way.lead(server.url)
            save(tmp_path, "hold.yaml", HOLD)
            viewer = look(way.url)
            viewer.context.clock.install()
            page = viewer.open("/")
            expect(page.get_by_text("Nothing runs.")).to_be_visible()
            expect(page.locator("html")).to_have_attribute("data-link", "there")
            way.stall()
            run = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
            page.clock.fast_forward("02:00")
            expect(page.locator(f"#run-{run}")).to_contain_text("running")
            expect(page.locator("#link")).to_be_hidden()
            command(tmp_path, "cancel", str(run))


def test_a_log_whose_stream_fell_silent_goes_on(tmp_path: Path, look: Look) -> None:
    with stalling() as way:
        (tmp_path / "jeeves-runner.yaml").write_text(f"port: 0\napi: {{public_url: '{way.url}'}}\n")
        with serving(tmp_path) as server:
            way.lead(server.url)
            save(tmp_path, "hold.yaml", SLOW)
            until(lambda: server.job("hold"))
            run = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
            viewer = look(way.url)
            viewer.context.clock.install()
            page = viewer.open(f"/runs/{run}")
            expect(page.locator(".log-box")).to_contain_text("one")
            way.stall()
            (tmp_path / "go").touch()
            page.clock.fast_forward("02:00")
            expect(page.locator(".log-box")).to_contain_text("two")
            command(tmp_path, "cancel", str(run))


@pytest.mark.parametrize("ahead", [-10, 10])
def test_what_has_passed_is_told_by_the_clock_of_the_server(tmp_path: Path, look: Look, ahead: int) -> None:
    """``ahead``: the minutes that the clock of the viewer is ahead."""
    with serving(tmp_path) as server:
        save(tmp_path, "quick.yaml", QUICK)
        until(lambda: server.job("quick"))
        run = server.post("/jobs/quick/run")[1]["result"]["id"]
        viewer = look(server.url)
        viewer.context.clock.install(time=datetime.now(UTC) + timedelta(minutes=ahead))
        page = viewer.open("/")
        expect(page.locator(f"#ended-{run} time")).to_have_text(re.compile(r"^(now|\d+s ago)$"))


@pytest.mark.parametrize("ahead", [0, 2.5])
def test_a_pause_that_is_over_by_itself_is_shown_no_more(tmp_path: Path, look: Look, ahead: float) -> None:
    """Nothing is written then, so the server has nothing to tell. ``ahead``: the seconds that the clock
    of the viewer is ahead, too few for the page to notice: by the server's it is not over yet then."""
    with serving(tmp_path) as server:
        save(tmp_path, "quick.yaml", QUICK)
        until(lambda: server.job("quick"))
        viewer = look(server.url)
        viewer.context.clock.install(time=datetime.now(UTC) + timedelta(seconds=ahead))
        pages = [viewer.open(path) for path in ("/", "/jobs", "/jobs/quick")]
        server.post("/pause", {"for": "15s"})
        for page in pages:
            expect(page.locator("time[data-ends]").first).to_be_visible()
        until(lambda: server.job("quick")["paused"] is None)
        for page in pages:
            expect(page.locator("time[data-ends]")).to_have_count(0)
