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


def test_a_connection_that_is_back_is_said_each_time(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url).open("/")
        expect(page.locator("html[data-link=there]")).to_be_attached()
        page.evaluate(KEEP_SAID)
        (tmp_path / "jeeves-runner.yaml").write_text(f"port: {server.url.rpartition(':')[2]}\n")
        server.kill()
        expect(page.locator("html[data-link=lost]")).to_be_attached()
        expect(page.locator("#said")).to_be_empty()
    for time in (1, 2):
        with serving(tmp_path) as server:
            heard = ["Connected again."] * time
            until(lambda: page.evaluate("window.heard") == heard)  # noqa: B023
            server.kill()
            expect(page.locator("html[data-link=lost]")).to_be_attached()
    expect(page.locator("#said")).to_be_empty()  # nothing old stands at the end of a page


KEEP_SAID = """() => {
  window.heard = [];
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) window.heard.push(node.data);
  }).observe(document.getElementById("said"), { childList: true });
}"""
"""Keeps what a line says, each time that it says something."""


def test_the_end_of_a_run_is_said_to_one_who_looks_at_it(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", "run: 'while [ ! -e go ]; do sleep 0.05; done'\ntimeout: 1m\n")
        until(lambda: server.job("job"))
        run = server.post("/jobs/job/run?wait=0s")[1]["run"]["id"]
        page = look(server.url).open(f"/runs/{run}")
        expect(page.locator(".log-foot")).to_have_text("Nothing is written yet.")
        (tmp_path / "go").touch()
        expect(page.locator("#said")).to_contain_text("It wrote nothing, and ended ok")
        page.reload()
        page.evaluate(KEEP_SAID)
        expect(page.locator(".log-foot")).to_contain_text("It wrote nothing, and ended ok")
        page.evaluate(SAY, ["what comes then"])
        expect(page.locator("#said")).to_have_text("what comes then")
        assert page.evaluate("window.heard") == ["what comes then"]


def test_what_is_said_at_one_moment_is_heard_together(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url).open("/")
        page.evaluate(KEEP_SAID)
        page.evaluate(SAY, ["It ended error after 3s.", "Connected again."])
        expect(page.locator("#said")).to_have_text("It ended error after 3s. Connected again.")
        page.evaluate(SAY, ["Connected again."])
        expect(page.locator("#said")).to_have_text("Connected again.")
        assert len(page.evaluate("window.heard")) == 2


SAY = """async (texts) => {
  const { say } = await import(document.querySelector("script[src$='/app.js']").src);
  for (const each of texts) say(each);
}"""


def test_one_who_reads_a_text_keeps_their_place(tmp_path: Path, look: Look) -> None:
    """A screen reader puts the caret where it reads. What is around that and can have the focus would get it,
    and one would be led to its beginning: out of the table of which one reads a cell.
    """
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        page = look(server.url).open("/jobs")
        page.get_by_role("heading", name="Jobs").click()
        assert page.evaluate("document.activeElement.tagName") == "BODY"
        page.locator(".skip").focus()
        page.keyboard.press("Enter")
        expect(page.locator("main:focus")).to_be_attached()  # else some browsers lead the next key elsewhere
        server.post("/jobs/job/run")
        expect(page.locator("#job-job")).to_contain_text("ok")
        expect(page.locator("main:focus")).to_be_attached()
        page.keyboard.press("Tab")
        expect(page.locator("main :focus")).to_be_attached()
        page.get_by_role("heading", name="Jobs").click()
        assert page.evaluate("document.activeElement.tagName") == "BODY"


def test_what_was_done_is_said_once_and_alone(tmp_path: Path, look: Look) -> None:
    """What is seen stays a while, with a way to dismiss it; what was done before is not said again."""
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        page = look(server.url).open("/jobs/job")
        for act, done in (
            ("pause", "job is paused until it is resumed."),
            ("resume", "The pause of job has ended."),
        ):
            page.locator(f"#do-{act}").click()
            page.locator(f"dialog form#act-{act} .do").click()
            expect(page.locator(".note").last).to_contain_text(done)
            expect(page.locator("main ~ [role=status]")).to_have_text(done)
        expect(page.locator(".note")).to_have_count(2)
        expect(page.locator("[role=status] button")).to_have_count(0)


def test_pieces_of_a_line_are_heard_apart(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", f"name: Count all\ntags: [shop]\n{RARELY}")
        until(lambda: server.job("job"))
        server.post("/jobs/job/pause")
        server.post("/jobs/job/mute", {"until": "2h"})
        page = look(server.url).open("/jobs?sort=last")
        heard = [name for role, name in _heard(page) if role == "StaticText"]
        assert {"until resumed", "muted", "Count all"} < set(heard)
        assert heard.count(",") == 3
        assert not [name for name in heard if "↓" in name or "\u200b" in name]


def test_a_command_is_heard_and_not_its_name_alone(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        run = server.post("/jobs/job/run?wait=0s")[1]["run"]["id"]
        page = look(server.url).open(f"/runs/{run}")
        heard = _heard(page)
        assert ("group", "By the runner, in its project folder") in heard
        assert any("jeeves-runner trigger job" in name for role, name in heard if role == "StaticText")


def _heard(page: Page) -> list[tuple[str, str]]:
    """What a screen reader gets: roles and names."""
    found: dict[str, Any] = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
    return [
        (each["role"]["value"], each.get("name", {}).get("value", ""))
        for each in found["nodes"]
        if not each.get("ignored") and "role" in each
    ]
