"""What ran and what comes, in a browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Viewer, findings
from support.server import HOLD, Server, command, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]
QUICK = "run: 'true'\ntimeout: 1m\n"


def declared(server: Server, root: Path, job: str, manifest: str) -> None:
    """It is known to the server by then."""
    save(root, f"{job}.yaml", manifest)
    until(lambda: server.job(job))


def test_a_run_appears_on_the_timeline_and_says_more_under_the_pointer(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declared(server, tmp_path, "hold", HOLD)
        page = look(server.url).open("/timeline?span=15m")
        page.evaluate("window.isTheSame = true")
        expect(page.get_by_text("Nothing ran in this time.")).to_be_visible()
        run = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
        mark = page.locator(f"#m{run}")
        expect(mark.locator("rect.run")).to_be_visible()
        mark.hover()
        expect(page.locator("#card-of")).to_contain_text(f"#{run} running")
        command(tmp_path, "cancel", str(run))
        expect(mark.locator("rect.quiet")).to_be_visible()
        assert page.evaluate("window.isTheSame")
        mark.click()
        expect(page).to_have_url(re.compile(f"/runs/{run}$"))


def test_a_run_that_was_short_is_reached_by_a_pointer_that_comes_near(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declared(server, tmp_path, "quick", QUICK)
        run = server.post("/jobs/quick/run?wait=0s")[1]["run"]["id"]
        page = look(server.url).open("/timeline?span=6h")
        expect(page.locator(f"#m{run} rect.ok")).to_be_visible()
        box = page.locator(f"#m{run}").bounding_box()
        assert box
        assert box["width"] < 3
        x, y = box["x"], box["y"] + box["height"] / 2
        page.mouse.move(x - 12, y)
        expect(page.locator("#card-of")).to_have_count(0)
        page.mouse.move(x - 4, y)
        expect(page.locator("#card-of")).to_contain_text(f"#{run} ok")
        page.mouse.click(x - 4, y)
        expect(page).to_have_url(re.compile(f"/runs/{run}$"))


def test_what_runs_grows_while_nothing_happens(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declared(server, tmp_path, "hold", HOLD)
        run = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
        page = look(server.url).open("/timeline?span=15m")
        width = f"parseFloat(document.querySelector('#m{run} rect').getAttribute('width'))"
        before = page.evaluate(width)
        until(lambda: page.evaluate(width) > before + 0.2)
        command(tmp_path, "cancel", str(run))


def has_come(page: Page, url: str) -> None:
    """Another page has, with the scripts that listen to keys."""
    expect(page).to_have_url(re.compile(url))
    page.wait_for_load_state()


def test_keys_go_through_time_and_along_a_row(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declared(server, tmp_path, "quick", QUICK)
        run = server.post("/jobs/quick/run")[1]["result"]["id"]
        page = look(server.url).open("/timeline")
        page.keyboard.press("ArrowLeft")
        has_come(page, "until=")
        expect(page.get_by_text("Nothing ran in this time.").or_(page.locator("#plot"))).to_be_visible()
        page.keyboard.press("n")
        has_come(page, "/timeline$")
        page.keyboard.press("+")
        has_come(page, "span=1h")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("ArrowLeft")
        expect(page.locator(f"#m{run}")).to_be_focused()
        expect(page.locator("#card-of")).to_contain_text(f"#{run} ok")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(f"/runs/{run}$"))


COUNTED = """
const made = Intl.DateTimeFormat;
window.formats = 0;
Intl.DateTimeFormat = function (...how) { window.formats += 1; return new made(...how); };
"""


def test_a_time_says_under_the_pointer_what_other_clocks_show(tmp_path: Path, look: Look) -> None:
    """And not before: what a browser needs for it takes longer to load than all scripts of a page."""
    with serving(tmp_path) as server:
        declared(server, tmp_path, "new-year", QUICK + "schedule: '0 12 1 1 *'\ntimezone: America/New_York\n")
        viewer = look(server.url, zone="Asia/Tokyo")
        viewer.context.add_init_script(COUNTED)
        page = viewer.open("/jobs")
        time = page.locator("td.next time")
        expect(time).to_have_text(re.compile("^in "))
        assert page.evaluate("window.formats") == 0
        time.hover()
        clocks = ("02 02:00:00 Asia/Tokyo", "01 12:00:00 America/New_York", "01 17:00:00 UTC")
        said = "\n".join(rf"\d{{4}}-01-{clock}" for clock in clocks)
        expect(time).to_have_attribute("title", re.compile(f"^{said}$"))


def test_the_axis_stands_on_full_hours_of_the_viewer(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declared(server, tmp_path, "quick", QUICK)
        server.post("/jobs/quick/run")
        page = look(server.url, zone="Asia/Kathmandu").open("/timeline")
        labels = page.locator(".grid .tick time")
        expect(labels.first).to_have_text(re.compile(r"^(\d\d:00|[A-Z].*)$"))
        assert all(re.fullmatch(r"\d\d:00|[A-Z].*", text) for text in labels.all_inner_texts())


def test_a_pause_is_seen_on_what_comes(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declared(server, tmp_path, "often", QUICK + "schedule: '0 12 * * *'\n")
        page = look(server.url).open("/schedule")
        expect(page.locator(".coming").get_by_text("often").first).to_be_visible()
        expect(page.locator(".coming .instead")).to_have_count(0)
        server.post("/jobs/often/pause")
        expect(page.locator(".coming .instead").first).to_contain_text("paused")


def test_they_can_be_used_by_all(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declared(server, tmp_path, "often", QUICK + "schedule: '*/5 * * * *'\n")
        declared(server, tmp_path, "bad", "run: exit 3\ntimeout: 1m\n")
        for job in ("often", "bad"):
            server.post(f"/jobs/{job}/run")
        for dark in (False, True):
            viewer = look(server.url, dark=dark)
            for path in ("/timeline", "/schedule"):
                assert findings(viewer.open(path)) == []
        phone = look(server.url, width=390)
        for path in ("/timeline", "/schedule"):
            page = phone.open(path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_the_calendar_is_on_one_clock_and_the_list_on_that_of_the_viewer(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declared(server, tmp_path, "noon", QUICK + "schedule: '0 12 * * *'\n")
        page = look(server.url, zone="Asia/Kathmandu").open("/schedule")
        expect(page.locator("#list")).to_have_text("Next on your own clock")
        expect(page.locator(".coming tbody td time").first).to_contain_text("17:45:00")
        expect(page.locator("#calendar")).to_contain_text("on the clocks of UTC")
        expect(page.locator(".about time")).to_contain_text(", 12:00")
