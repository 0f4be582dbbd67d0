"""Several tabs of one browser: one stream for all, so that there is room for what each of them asks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from support.browser import Viewer, wait_for
from support.server import HOLD, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

TABS = 7
"""More than the six connections that a browser has for one server over HTTP/1.1."""


def test_seven_tabs_stay_true_by_one_stream_whichever_of_them_is_closed(tmp_path: Path, look: Look) -> None:
    (tmp_path / "jeeves-runner.yaml").write_text("port: 0\nshutdown_grace: 1s\n")
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD.replace("timeout", "overlap_policy: allow\ntimeout"))
        viewer = look(server.url)
        tabs = [viewer.open("/") for _ in range(TABS)]
        for tab in tabs:
            expect(tab.get_by_text("Nothing runs.")).to_be_visible()
        _wait_for_streams(tabs, held=1, waiting=TABS - 1)
        first = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
        for tab in tabs:
            expect(tab.locator(f"#run-{first}")).to_contain_text("running")
        tabs.pop(0).close()  # it was the first to ask, so it had the stream
        _wait_for_streams(tabs, held=1, waiting=TABS - 2)
        second = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
        for tab in tabs:
            expect(tab.locator(f"#run-{second}")).to_contain_text("running")
        late = viewer.open("/")
        expect(late.locator(f"#run-{second}")).to_contain_text("running")


def test_a_tab_shows_what_happened_while_it_came(tmp_path: Path, look: Look) -> None:
    """Another tab was told of it, and this one did not listen yet."""
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        until(lambda: server.job("hold"))
        viewer = look(server.url)
        first = viewer.open("/jobs/hold")
        expect(first.locator("html")).to_have_attribute("data-link", "there")

        def happens(route: Route) -> None:
            server.post("/jobs/hold/pause", {"reason": "meanwhile"})
            expect(first.get_by_text("meanwhile").first).to_be_visible()
            route.continue_()

        second = viewer.context.new_page()
        second.route("**/live.js", happens)
        second.goto("/jobs/hold")
        expect(second.get_by_text("meanwhile").first).to_be_visible()


def _wait_for_streams(tabs: list[Page], *, held: int, waiting: int) -> None:
    """Until so many tabs have the stream, and so many wait for it."""
    wait_for(
        tabs[-1],
        """async ([held, waiting]) => {
          const all = await navigator.locks.query();
          const of = (list) => list.filter((each) => each.name === "jeeves-stream").length;
          return of(all.held) === held && of(all.pending) === waiting;
        }""",
        [held, waiting],
    )
