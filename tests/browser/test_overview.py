"""The first page in a browser: it stays true without being loaded again."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Route, expect
from support.browser import Viewer, findings
from support.db import locked_by_another, tell
from support.server import HOLD, command, database, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

HALF_HOUR: Final = timedelta(minutes=30)

LONG: Final = "nightly_export_of_all_customers_" * 3


def test_a_run_appears_and_ends_without_a_reload(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        page = look(server.url).open("/")
        page.evaluate("window.isTheSame = true")
        expect(page.get_by_text("Nothing runs.")).to_be_visible()
        run = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
        expect(page.locator(f"#run-{run}")).to_contain_text("running")
        command(tmp_path, "cancel", str(run))
        expect(page.locator(f"#ended-{run}")).to_contain_text("cancelled")
        assert page.evaluate("window.isTheSame")


def test_the_title_and_the_icon_tell_that_something_is_wrong(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "bad.yaml", "run: exit 3\ntimeout: 1m\n")
        page = look(server.url).open("/")
        expect(page).to_have_title("Overview · jeeves-runner")
        server.post("/jobs/bad/run")
        expect(page).to_have_title("(1) Overview · jeeves-runner")
        assert "icon-bad" in (page.locator("#icon").get_attribute("href") or "")


@pytest.mark.parametrize("path", ["/sync", "/runs"])
def test_what_stands_above_a_page_stays_true_though_the_page_is_about_other_things(
    tmp_path: Path, look: Look, path: str
) -> None:
    with serving(tmp_path) as server, ThreadPoolExecutor(1) as aside:
        save(tmp_path, "bad.yaml", "run: exit 3\ntimeout: 1m\n")
        until(lambda: server.job("bad"))
        page = look(server.url).open(path)
        expect(page.locator("html[data-link=there]")).to_be_attached()
        with locked_by_another(database(tmp_path)) as holder:
            waits = aside.submit(server.post, "/jobs/bad/mute", {"until": "1h"})
            expect(page.locator("#vitals")).to_contain_text("database locked")
            tell(holder)
            assert waits.result()[0] == 200
        expect(page.locator("#vitals")).not_to_contain_text("database locked")
        expect(page.locator("#vitals")).to_contain_text("nothing wrong")
        server.post("/jobs/bad/run")
        expect(page.locator("#vitals")).to_contain_text("1 wrong")
        save(tmp_path, "worse.yaml", "run: [\n")
        expect(page.locator("#vitals")).to_contain_text("held")


def test_a_server_that_is_gone_is_told_of_and_found_again(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url).open("/")
        expect(page.locator("#vitals")).to_contain_text("in sync")
        config = tmp_path / "jeeves-runner.yaml"
        config.write_text(f"port: {server.url.rpartition(':')[2]}\n")
        expect(page.locator("#vitals")).to_contain_text("pending")
    expect(page.locator("#link")).to_contain_text("Disconnected, last seen")
    with serving(tmp_path):
        expect(page.locator("#link")).to_be_hidden()


def test_a_page_of_another_version_is_loaded_whole(tmp_path: Path, look: Look) -> None:
    told: list[str] = []

    def of_another_version(route: Route) -> None:
        answer = route.fetch()
        if route.request.resource_type == "fetch" and answer.status == 200 and not told:
            told.append(route.request.url)
            route.fulfill(response=answer, body=re.sub("/static/[0-9a-f]+/", "/static/0/", answer.text()))
        else:
            route.fulfill(response=answer)

    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        until(lambda: server.job("hold"))
        page = look(server.url).open("/")
        page.evaluate("window.isTheSame = true")
        page.route(f"{server.url}/", of_another_version)
        run = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
        expect(page.locator(f"#run-{run}")).to_contain_text("running")
        assert page.evaluate("window.isTheSame") is None
        command(tmp_path, "cancel", str(run))


def test_everybody_can_use_it(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        for dark in (False, True):
            assert findings(look(server.url, dark=dark).open("/")) == []


def test_a_column_of_the_last_day_says_its_half_hour_under_the_pointer(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "quick.yaml", "run: 'true'\ntimeout: 1m\n")
        until(lambda: server.job("quick"))
        server.post("/jobs/quick/run")
        page = look(server.url, zone="Asia/Kolkata").open("/")
        picture = page.get_by_role("img", name="ok, by half hours")
        counts = (picture.get_attribute("data-columns") or "").split(" ")
        begin = datetime.fromisoformat(picture.get_attribute("data-begin") or "")
        size = picture.bounding_box()
        assert size is not None

        def says(place: int) -> str:
            picture.hover(position={"x": (place + 0.5) / len(counts) * size["width"], "y": 2})
            return "".join(picture.locator("title").all_text_contents())

        def half_hour(place: int) -> str:
            at = (begin + place * HALF_HOUR).astimezone(ZoneInfo("Asia/Kolkata"))
            return f"from {at:%H:%M} to {at + HALF_HOUR:%H:%M}"

        ran = counts.index("1")
        until(lambda: says(ran) == f"1 ok {half_hour(ran)}")  # the script comes after the page
        server.post("/jobs/quick/run")
        expect(page.get_by_role("img", name="2 ok, by half hours")).to_be_visible()
        assert picture.locator("title").count() == 1  # it stays under the pointer
        assert says(0) == f"0 ok {half_hour(0)}"
        page.locator("h1").hover()
        expect(picture.locator("title")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 1280])
def test_what_runs_fits_whatever_it_is_called(tmp_path: Path, look: Look, width: int) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, f"{LONG}.yaml", HOLD + "schedule: '* * * * *'\n")
        until(lambda: server.job(LONG))
        server.post(f"/jobs/{LONG}/run?wait=0s")
        server.post(f"/jobs/{LONG}/run?wait=0s")
        viewer = look(server.url, width=width)
        for path in ("/", "/schedule", "/graph"):
            page = viewer.open(path)
            expect(page.locator("main").get_by_text(LONG).first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == width, path
