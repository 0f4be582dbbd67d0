"""How pages look is up to the viewer, and on a phone one sees where one is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Viewer
from support.server import serving

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

LIGHT, DARK = "rgb(251, 251, 250)", "rgb(20, 22, 20)"

FIRST_PAINT = """new Promise((found) => new PerformanceObserver(() =>
  found(getComputedStyle(document.body).backgroundColor)).observe({ type: "paint", buffered: true }))"""


def _ground(page: Page) -> str:
    return str(page.evaluate(FIRST_PAINT))


def test_a_viewer_chooses_the_colours_and_they_stay_chosen(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        viewer = look(server.url)
        page = viewer.open("/")
        other = viewer.open("/jobs")
        assert _ground(page) == LIGHT
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("body")).to_have_css("background-color", DARK)
        expect(other.locator("body")).to_have_css("background-color", DARK)
        page.goto("/sync")
        assert _ground(page) == DARK
        expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
        page.go_back()  # it was light when it was left
        expect(page.locator("body")).to_have_css("background-color", DARK)
        page.get_by_role("button", name="Auto").click()
        expect(page.locator("body")).to_have_css("background-color", LIGHT)


def test_a_viewer_may_have_it_light_where_the_system_is_dark(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url, dark=True).open("/")
        assert _ground(page) == DARK
        page.get_by_role("button", name="Light").click()
        page.reload()
        assert _ground(page) == LIGHT


def test_the_page_where_one_is_can_be_seen_on_a_phone(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url, width=390).open("/audit")
        expect(page.get_by_role("link", name="Audit")).to_be_in_viewport()


def test_the_ways_stay_together_while_a_page_is_scrolled(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url).open("/")
        expect(page.locator("html[data-shown]")).to_be_attached()
        page.set_viewport_size({"width": 1280, "height": 600})
        page.locator("main").evaluate("main => { main.style.height = '3000px'; scrollTo(0, 500); }")
        expect(page.get_by_role("link", name="Overview")).to_be_in_viewport()
        last, colours = (
            page.get_by_role("link", name="Audit").bounding_box(),
            page.locator("#theme").bounding_box(),
        )
        assert last is not None
        assert colours is not None
        assert colours["y"] >= last["y"] + last["height"]


def test_a_phone_shows_wherever_one_is_that_the_server_is_away(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url, width=390).open("/")
        expect(page.locator("html")).to_have_attribute("data-link", "there")
        page.locator("main").evaluate("main => { main.style.height = '3000px'; scrollTo(0, 1500); }")
    expect(page.locator("#link")).to_contain_text("Disconnected")
    expect(page.locator("#link")).to_be_in_viewport()
