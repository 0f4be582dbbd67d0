"""A page whose scripts do not come, or whose browser keeps nothing for pages: it says so, or does without."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Error, Page, Request, Route, expect
from support.browser import Viewer
from support.server import Server, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

DOES_NOT_FOLLOW: Final = "This page does not follow what happens"
FOLLOWS: Final = "**/live.js"
TRY, RARELY = 3_000, 60_000


class Lost:
    """The script that follows is there when it is asked for, and yet not run: an extension may do so."""

    def __init__(self, viewer: Viewer) -> None:
        self.runs = 0
        """How often it was to be run."""
        self.asks = 0
        """How often a page asked whether it is there."""
        self._context = viewer.context
        self._context.clock.install()
        self._context.route(FOLLOWS, self._lose)

    def is_found(self) -> None:
        self._context.unroute(FOLLOWS)

    def was_to_run(self, times: int) -> bool:
        return self.runs == times

    def _lose(self, route: Route) -> None:
        if route.request.resource_type == "script":
            self.runs += 1
            return route.abort()
        self.asks += 1
        return route.continue_()


def passes(page: Page, ms: int) -> None:
    """Time passes, and what a page asks for then has arrived."""
    page.clock.fast_forward(ms)
    with suppress(Error):  # it may be loaded anew meanwhile
        page.evaluate("fetch('/healthz').then((answer) => answer.text())")


def until_later(page: Page, ms: int, holds: Callable[[], object]) -> None:
    """Let time pass, again and again, until it holds."""

    def look() -> object:
        passes(page, ms)
        return holds()

    until(look)


@contextmanager
def quick(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as server:
        save(tmp_path, "quick.yaml", "run: echo done\ntimeout: 1m\n")
        until(lambda: server.job("quick"))
        yield server


@contextmanager
def losing(tmp_path: Path, look: Look, path: str) -> Iterator[tuple[Page, Lost]]:
    """A page of a server with a job, whose script that follows is lost."""
    with quick(tmp_path) as server:
        viewer = look(server.url)
        lost = Lost(viewer)
        yield viewer.open(path), lost


def test_a_page_whose_scripts_did_not_come_says_so_until_they_are_there(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        viewer = look(server.url)
        viewer.context.route(FOLLOWS, lambda route: route.abort())
        page = viewer.open("/")
        expect(page.locator("#link")).to_contain_text(DOES_NOT_FOLLOW)
        viewer.context.unroute(FOLLOWS)
        expect(page.locator("html")).to_have_attribute("data-link", "there")
        expect(page.locator("#link")).to_be_hidden()


def test_a_page_in_which_what_follows_has_a_fault_says_so(tmp_path: Path, look: Look) -> None:
    body = "export function follow() { throw new Error('a fault'); }"
    with serving(tmp_path) as server:
        viewer = look(server.url)
        viewer.context.route(FOLLOWS, lambda route: route.fulfill(body=body, content_type="text/javascript"))
        expect(viewer.open("/").locator("#link")).to_contain_text(DOES_NOT_FOLLOW)


def test_a_page_whose_scripts_fail_again_is_loaded_anew_a_minute_later(tmp_path: Path, look: Look) -> None:
    with losing(tmp_path, look, "/") as (page, lost):
        for runs in (1, 2):
            expect(page.locator("#link")).to_contain_text(DOES_NOT_FOLLOW)
            assert lost.runs == runs
            until_later(page, TRY, partial(lost.was_to_run, runs + 1))
        expect(page.locator("#link")).to_contain_text(DOES_NOT_FOLLOW)
        asks = lost.asks
        passes(page, RARELY // 2)
        assert (lost.runs, lost.asks) == (3, asks)
        page.evaluate("history.replaceState({ tried: Date.now() + 9e6 }, '')")
        page.reload()  # with a clock that was set back since the last try
        expect(page.locator("#link")).to_contain_text(DOES_NOT_FOLLOW)
        lost.is_found()
        passes(page, RARELY)
        expect(page.locator("html[data-link=there]")).to_be_attached()
        expect(page.locator("#link")).to_be_hidden()


def test_what_is_typed_is_not_lost_to_a_try(tmp_path: Path, look: Look) -> None:
    with losing(tmp_path, look, "/jobs") as (page, lost):
        expect(page.locator("#link")).to_contain_text(DOES_NOT_FOLLOW)
        page.get_by_role("searchbox").fill("qui")
        until_later(page, TRY, lambda: lost.asks > 2)
        assert lost.runs == 1
        expect(page.get_by_role("searchbox")).to_have_value("qui")
        page.get_by_role("searchbox").blur()
        page.locator("h1").select_text()
        asks = lost.asks
        until_later(page, TRY, lambda: lost.asks > asks + 1)
        assert lost.runs == 1
        page.evaluate("getSelection().removeAllRanges()")
        until_later(page, TRY, partial(lost.was_to_run, 2))


def test_a_page_of_forms_follows_nothing_and_misses_nothing(tmp_path: Path, look: Look) -> None:
    with losing(tmp_path, look, "/jobs/quick/act") as (page, lost):
        expect(page.locator("html[data-shown]")).to_be_attached()
        passes(page, RARELY)
        assert (lost.runs, lost.asks) == (0, 0)
        expect(page.locator("#link")).to_be_hidden()


REFUSED: Final = "throw new DOMException('refused', 'SecurityError');"


@pytest.mark.parametrize(
    "without",
    [
        f"Object.defineProperty(window, 'sessionStorage', {{ get() {{ {REFUSED} }} }})",
        f"Object.defineProperty(window, 'localStorage', {{ get() {{ {REFUSED} }} }})",
        f"window.BroadcastChannel = class {{ constructor() {{ {REFUSED} }} }}",
        f"if (navigator.locks) navigator.locks.request = async () => {{ {REFUSED} }}",
    ],
    ids=["session", "local", "channels", "locks"],
)
def test_a_browser_that_keeps_nothing_follows_and_acts(tmp_path: Path, look: Look, without: str) -> None:
    with quick(tmp_path) as server:
        viewer = look(server.url)
        viewer.context.add_init_script(without)
        page = viewer.open("/jobs/quick/act")
        page.locator("#act-run .do").click()
        expect(page.locator("#act-run [role=status]")).to_contain_text("quick")
        page = viewer.open("/jobs/quick")
        expect(page.locator("html[data-link=there]")).to_be_attached()
        run = server.post("/jobs/quick/run?wait=0s")[1]["run"]["id"]
        expect(page.get_by_role("link", name=f"#{run}").first).to_be_visible()
        expect(viewer.open(f"/runs/{run}").locator("#log")).to_contain_text("done")


def test_a_page_that_cannot_be_made_new_says_so(tmp_path: Path, look: Look) -> None:
    asked: list[float] = []

    def note(request: Request) -> None:
        if request.url.endswith("/"):
            asked.append(time.monotonic())

    with serving(tmp_path) as server:
        viewer = look(server.url)
        viewer.context.route("**/idiomorph.js", lambda route: route.abort())
        page = viewer.open("/")
        page.on("request", note)
        expect(page.locator("#link")).to_contain_text("Not as it is now: a script of this page did not come")
        until(lambda: page.evaluate("true") and len(asked) > 2)
        assert asked[2] - asked[1] > 2.5, "what cannot be put in its place is asked for rarely"
        viewer.context.unroute("**/idiomorph.js")
        expect(page.locator("#link")).to_be_hidden()
