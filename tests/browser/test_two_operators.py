"""Two who act at once, in browsers of their own: none undoes what the other has done without knowing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Viewer
from support.server import RARELY, command, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]


def opened(viewer: Viewer, path: str, link: str) -> Page:
    """A page with a form over it."""
    page = viewer.open(path)
    page.get_by_role("link", name=link, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


def test_a_pause_that_others_have_made_meanwhile_is_told_before_it_is_replaced(
    tmp_path: Path, look: Look
) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        ann, bob = (opened(look(server.url), "/jobs/job", "Pause…") for _ in range(2))
        ann.get_by_role("textbox", name="Reason").fill("by Ann")
        ann.get_by_role("button", name="Pause", exact=True).click()
        expect(ann.locator(".note")).to_contain_text("job is paused until it is resumed.")
        bob.get_by_role("button", name="2 hours").click()
        bob.get_by_role("button", name="Pause", exact=True).click()
        said = bob.get_by_role("alert")
        expect(said).to_contain_text(
            "It is not as it was when this was opened: job is paused until it is resumed: by Ann."
        )
        assert server.job("job")["paused"] == {"until": None, "reason": "by Ann", "all": False}
        bob.get_by_role("button", name="Pause", exact=True).click()
        expect(bob.locator(".note")).to_contain_text("job is paused until ")
        assert server.job("job")["paused"]["until"]
        assert [each["action"] for each in server.get("/audit")["audit"]][:3] == ["pause", "pause"]


@pytest.mark.parametrize(
    ("page", "act", "command_of_others", "said"),
    [
        ("/jobs/job", "Resume", ("resume", "job"), "job is paused no more."),
        (
            "/jobs",
            "Unmute all",
            ("mute", "--all", "--for", "1d", "--reason", "the move"),
            "Everything is muted until ",
        ),
        ("/jobs", "Resume all", ("resume", "--all"), "All jobs are paused no more."),
        ("/queues/work", "Resume", ("queue", "resume", "work"), "Queue work is paused no more."),
    ],
)
def test_so_is_any_other_end(
    tmp_path: Path, look: Look, page: str, act: str, command_of_others: tuple[str, ...], said: str
) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "all.yaml", "queues: [{id: work}]\njobs: [{id: job, run: 'true', timeout: 1m}]\n")
        until(lambda: server.job("job"))
        for words in (
            ("pause", "job"),
            ("pause", "--all"),
            ("mute", "--all", "--for", "1h"),
            ("queue", "pause", "work"),
        ):
            assert command(tmp_path, *words).returncode == 0
        if page == "/jobs/job":
            assert command(tmp_path, "resume", "--all").returncode == 0
        viewer = opened(look(server.url), page, f"{act}…")
        assert command(tmp_path, *command_of_others).returncode == 0
        viewer.get_by_role("dialog").get_by_role("button", name=act).click()
        expect(viewer.get_by_role("alert")).to_contain_text(said)


def test_what_is_refused_tells_times_in_the_zone_of_the_viewer(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        viewer = look(server.url, zone="Asia/Kathmandu")
        assert command(tmp_path, "skip", "job").returncode == 0
        page = viewer.open("/jobs/job/act")
        assert command(tmp_path, "unskip", "job").returncode == 0
        form = page.locator("#act-unskip")
        form.get_by_role("button", name="Take it back").click()
        expect(form.get_by_role("alert")).to_contain_text("-01-01 05:45:00")
        viewer.forgive()
