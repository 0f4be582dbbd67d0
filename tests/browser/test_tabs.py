"""Several tabs of one browser: one stream for all, so that there is room for what each of them asks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Viewer
from support.server import HOLD, save, serving

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


def _wait_for_streams(tabs: list[Page], *, held: int, waiting: int) -> None:
    """Until so many tabs have the stream, and so many wait for it."""
    tabs[-1].wait_for_function(
        """async ([held, waiting]) => {
          const all = await navigator.locks.query();
          const of = (list) => list.filter((each) => each.name === "jeeves-stream").length;
          return of(all.held) === held && of(all.pending) === waiting;
        }""",
        arg=[held, waiting],
    )
