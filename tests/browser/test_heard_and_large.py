"""Pages for those who see little of them, or hear them: large letters, few colours, the focus, sentences."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from support.browser import Viewer
from support.dashboard_world import make
from support.server import RARELY, command, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

LARGE = 24
"""Pixels that letters have for one who needs them large; 16 is usual."""

LISTS = ("/", "/jobs", "/timeline", "/schedule", "/alerts", "/sync", "/runs", "/queues/orders", "/audit")


def test_large_letters_make_no_page_wider_than_its_window(tmp_path: Path, look: Look) -> None:
    with serving(make(tmp_path / "shop")) as server:
        viewer = look(server.url)
        for path in LISTS:
            page = viewer.context.new_page()
            sizes = {"fontSizes": {"standard": LARGE, "fixed": LARGE}}
            viewer.context.new_cdp_session(page).send("Page.setFontSizes", sizes)
            page.goto(path)
            assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") == LARGE
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            page.close()


def test_what_is_chosen_is_seen_where_the_system_gives_the_colours(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        page = look(server.url).open("/jobs")
        page.emulate_media(forced_colors="active")
        for chosen in (".choices [aria-current]", "#theme [aria-pressed=true]", ".ways [aria-current]"):
            assert (
                page.locator(chosen).first.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
            )


def test_one_who_acts_by_keys_stays_where_the_act_was(tmp_path: Path, look: Look) -> None:
    """The link that opened the form is another one after it."""
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        page = look(server.url).open("/jobs/job")
        page.locator("#do-pause").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.locator(".note")).to_contain_text("job is paused")
        expect(page.locator("#do-resume")).to_be_focused()


def test_one_whose_row_is_gone_stands_at_the_next(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        for name in ("a", "b", "c"):
            save(tmp_path, f"{name}.yaml", RARELY)
        until(lambda: all(server.job(name) for name in ("a", "b", "c")))
        page = look(server.url).open("/jobs")
        page.locator("#job-b a.job").focus()
        (tmp_path / "jobs.d" / "b.yaml").unlink()
        assert command(tmp_path, "apply", "--allow-deletes", "1").returncode == 0
        expect(page.locator("#job-b")).to_have_count(0)
        expect(page.locator("#job-c a.job")).to_be_focused()


def test_a_chart_is_heard_as_one_sentence_and_a_heading_without_its_arrow(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        server.post("/jobs/job/run")
        page = look(server.url).open("/")
        expect(page.get_by_role("img", name="1 ok, by half hours")).to_be_visible()
        heard = _heard(page)
        assert not [each for each in heard if each[0] == "graphics-symbol" or "›" in each[1]]
        assert ("heading", "Manifests") in heard


def test_what_shows_under_the_pointer_alone_is_heard_and_reached_by_keys(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        server.post("/jobs/job/pause")
        page = look(server.url).open("/audit")
        link = page.get_by_role("link", name="All that was done to job job")
        expect(link).to_have_css("opacity", "0")
        link.focus()
        expect(link).to_be_focused()
        expect(link).to_have_css("opacity", "1")


def test_a_connection_that_is_lost_is_said_once(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        viewer = look(server.url)
        page = viewer.open("/")
        expect(page.locator("html[data-link=there]")).to_be_attached()
        page.evaluate(COUNT_WORDS)
        server.kill()
        expect(page.locator("#link")).to_contain_text("Disconnected, last seen ")
        expect(page.locator("#link")).to_contain_text("last seen 5s ago")
        assert page.evaluate("window.said") == 1
        heard = " ".join(name for role, name in _heard(page) if role == "StaticText")
        assert "Disconnected" in heard
        assert "last seen" not in heard


COUNT_WORDS = """() => {
  window.said = 0;
  new MutationObserver((changes) => {
    const added = changes.flatMap((each) => [...each.addedNodes]);
    window.said += added.filter((node) => node.data?.startsWith("Disconnected")).length;
  }).observe(document.getElementById("link"), { childList: true });
}"""
"""Counts how often a line is filled, each time of which is spoken."""


def _heard(page: Page) -> list[tuple[str, str]]:
    """What a screen reader gets: roles and names."""
    found: dict[str, Any] = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
    return [
        (each["role"]["value"], each.get("name", {}).get("value", ""))
        for each in found["nodes"]
        if not each.get("ignored") and "role" in each
    ]
