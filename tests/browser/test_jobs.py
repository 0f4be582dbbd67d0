"""The list of jobs in a browser: it filters while one types, and stays true."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.browser import Viewer, findings
from support.server import HOLD, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

SEEN = """(selector) => {
  const box = document.querySelector(selector).getBoundingClientRect();
  const cell = document.querySelector("tbody .what").getBoundingClientRect();
  return box.width > 0 && box.left >= cell.left && box.right <= cell.right;
}"""


def test_it_filters_while_one_types_and_follows_what_happens(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        save(tmp_path, "bad.yaml", "run: exit 3\ntimeout: 1m\ntags: [x]\n")
        page = look(server.url).open("/jobs")
        expect(page.locator("#job-bad")).to_be_visible()
        page.evaluate("window.isTheSame = true")
        page.keyboard.press("/")
        page.keyboard.type("hol")
        expect(page.locator("#job-bad")).to_have_count(0)
        expect(page).to_have_url(f"{server.url}/jobs?q=hol")
        page.keyboard.press("Escape")
        expect(page.get_by_role("searchbox")).to_have_value("hol")
        page.keyboard.press("/")
        page.keyboard.press("Enter")
        expect(page.locator("#job-hold a.job")).to_be_focused()
        server.post("/jobs/hold/run?wait=0s")
        expect(page.locator("#job-hold")).to_contain_text("running")
        page.get_by_role("searchbox").fill("")
        expect(page.locator("#job-bad")).to_be_visible()
        server.post("/jobs/bad/run")
        page.get_by_label("Tag").select_option("x")
        expect(page.locator("#job-hold")).to_have_count(0)
        expect(page.get_by_role("link", name="failing 1")).to_be_visible()
        assert page.evaluate("window.isTheSame")


def test_a_key_that_leads_away_opens_no_form_besides(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        page = look(server.url).open("/jobs")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        expect(page.locator("#job-hold")).to_be_visible()
        page.keyboard.press("j")
        expect(page.locator("#job-hold a.job")).to_be_focused()
        page.keyboard.press("g")
        page.keyboard.press("a")
        expect(page).to_have_url(f"{server.url}/alerts")
        assert [url for url in asked if url.endswith("/act")] == []


def test_it_can_be_used_without_scripts_and_by_all(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        for how in ({"dark": False}, {"dark": True}, {"width": 390}):
            page = look(server.url, **how).open("/jobs")
            expect(page.locator("#job-hold")).to_be_visible()
            assert findings(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


LONG = "a-job-whose-id-says-all-that-it-does-" * 3 + "and-why"


def test_long_ids_leave_room_for_what_is_unusual(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, f"{LONG}.yaml", "run: 'true'\ntimeout: 1m\n")
        until(lambda: server.job(LONG))
        server.post(f"/jobs/{LONG}/run")
        server.post(f"/jobs/{LONG}/pause")
        for width in (1280, 1000, 390):
            viewer = look(server.url, width=width)
            page = viewer.open("/jobs")
            assert page.evaluate(SEEN, ".flag")
            assert page.locator("a.job").get_attribute("title") == LONG
            for path in ("/jobs", "/runs"):
                page.goto(path)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, path)


IS_CUT = """link => {
  const text = document.createRange();
  text.selectNodeContents(link);
  return text.getBoundingClientRect().width > link.getBoundingClientRect().width;
}"""
"""Also by a part of a pixel."""


def test_a_description_gives_way_to_the_id_and_what_is_unusual(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        tags = ", ".join(f"some-tag-{number}" for number in range(9))
        text = f"run: exit 0\ntimeout: 1m\ntags: [{tags}]\n"
        save(tmp_path, "usual-long-job.yaml", f"{text}description: {'What it is for. ' * 20}\n")
        until(lambda: server.job("usual-long-job"))
        server.post("/jobs/usual-long-job/pause")
        page = look(server.url, width=1000).open("/jobs")
        expect(page.locator("#job-usual-long-job .flag")).to_be_visible()
        for width in range(760, 1500, 7):
            page.set_viewport_size({"width": width, "height": 900})
            assert not page.locator("a.job").evaluate(IS_CUT), width


PLACES = """(selector) => [...document.querySelectorAll(selector)].map((each) => each.getBoundingClientRect())
  .filter((box) => box.width).map((box) => [Math.round(box.left), Math.round(box.width)])"""
IS_DRAWN = "link => link.checkVisibility({ contentVisibilityAuto: true })"


def test_of_many_rows_a_browser_draws_those_that_can_be_seen(tmp_path: Path, look: Look) -> None:
    (tmp_path / "jobs.d").mkdir()
    for number in range(200):
        save(tmp_path, f"j{number:03}.yaml", "run: 'true'\ntimeout: 1m\n")
    with serving(tmp_path) as server:
        until(lambda: server.job("j199"))
        viewer = look(server.url)
        page = viewer.open("/jobs")
        last = page.locator("#job-j199 a.job")
        assert page.locator("#job-j001 a.job").evaluate(IS_DRAWN)
        assert not last.evaluate(IS_DRAWN)
        for width in (1600, 1280, 900):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(PLACES, ".jobs thead th") == page.evaluate(PLACES, "#job-j000 > *")
        roles = Counter(
            node["role"]["value"]
            for node in viewer.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
        )
        assert (roles["table"], roles["row"]) == (1, 201)
        assert roles["columnheader"]
        assert roles["rowheader"] >= 30
        assert roles["cell"] >= 200
        last.scroll_into_view_if_needed()
        until(lambda: last.evaluate(IS_DRAWN))
