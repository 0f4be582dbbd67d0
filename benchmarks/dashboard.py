"""The dashboard: what the first page takes to come and to be usable in a browser, a page of 200 out of 10,000
jobs, and what fifty open pages cost a server while a hundred runs a second end.

The browser is headless Chromium with nothing in its cache; without one these figures are left out. The server
is a process of its own, whose seconds of the processor are counted without those of its runs.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page
from support.browser import browsing, program, wait_for
from support.dashboard_world import make
from support.server import Server, serving

from benchmarks import open_pages
from benchmarks.measure import Row, ms

JOBS: Final = 1_000
MANY: Final = 10_000
MOST_BYTES: Final = 100 << 10
SOON: Final = 0.150
SOON_OF_MANY: Final = 0.300

_HELD: Final = 1.2
"""Seconds after which a page is made anew, and not taken from what is kept."""

_UNDISTURBED: Final = 0.4
"""Seconds for which a page is not asked how far it is: each question would hold it up."""

_AFTER_THE_START: Final = 5.0
"""Seconds after which people look at a server at the soonest."""

_FIRST: Final = 2
"""Times that do not count: a server compiles templates for them."""

_TIMES: Final = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const painted = performance.getEntriesByName("first-contentful-paint")[0];
  const files = performance.getEntriesByType("resource").filter((each) => !each.name.includes("/events"));
  const last = files.find((each) => each.name.endsWith("/idiomorph.js"));
  return {
    usable: Math.max(page.domContentLoadedEventEnd, painted ? painted.startTime : 0) / 1000,
    answered: (page.responseEnd - page.requestStart) / 1000,
    follows: last.startTime / 1000,
    bytes: [page, ...files].reduce((sum, each) => sum + each.transferSize, 0),
  };
}"""
"""When the page is painted and listens to its viewer, how long the server took, when it follows what happens,
and what came over the wire until then."""

_PAINTED: Final = """() => {
  const [painted] = performance.getEntriesByName("first-contentful-paint");
  return painted && { usable: painted.startTime / 1000 };
}"""
"""When a page without any file is painted; nothing until it is."""

_IS_WHOLE: Final = """() => performance.getEntriesByName("first-contentful-paint").length > 0
  && performance.getEntriesByType("resource").some((each) => each.name.endsWith("/idiomorph.js"))"""
"""Whether it is painted, and the last of its files has come."""


@contextmanager
def fresh_tab(browser: Browser) -> Iterator[Page]:
    """A tab of a browser that has seen no page, and that has opened its window: that takes a second."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        time.sleep(_HELD)
        yield page
    finally:
        context.close()


def opened(browser: Browser, url: str) -> Mapping[str, float]:
    """A page of the dashboard."""
    with fresh_tab(browser) as page:
        answer = page.goto(url, wait_until="load")
        assert answer is not None
        assert answer.status == 200, url
        time.sleep(_UNDISTURBED)
        wait_for(page, _IS_WHOLE)
        found: Mapping[str, float] = page.evaluate(_TIMES)
        return found


def heading_opened(browser: Browser) -> Mapping[str, float]:
    """A page that is one heading, which comes from no server."""
    with fresh_tab(browser) as page:
        page.route("**", lambda route: route.fulfill(body="<!doctype html><h1>Overview</h1>"))
        page.goto("http://127.0.0.1/", wait_until="load")
        time.sleep(_UNDISTURBED)
        found: Mapping[str, float] = wait_for(page, _PAINTED)
        return found


def several(rounds: int, *openings: Callable[[], Mapping[str, float]]) -> list[Sequence[Mapping[str, float]]]:
    """What each of them finds so many times, by turns."""
    turns = [[opening() for opening in openings] for _ in range(rounds + _FIRST)]
    return list(zip(*turns[_FIRST:], strict=True))


def median(found: Sequence[Mapping[str, float]], name: str) -> float:
    return statistics.median(each[name] for each in found)


def first_page(browser: Browser, server: Server, rounds: int) -> list[Row]:
    found, headings = several(
        rounds, partial(opened, browser, server.url + "/"), partial(heading_opened, browser)
    )
    size, usable = median(found, "bytes"), median(found, "usable")
    return [
        Row(
            what=f"the first page of {JOBS:,} jobs, with its files",
            value=f"{size / 1024:.1f} KiB",
            met=size < MOST_BYTES,
        ),
        Row(
            what="until it can be used (of that, the server's answer)",
            value=ms(usable),
            floor=ms(median(found, "answered")),
            met=usable < SOON,
        ),
        Row(what="a page that is one heading, until it can be used", value=ms(median(headings, "usable"))),
        Row(what="until it follows what happens", value=ms(median(found, "follows"))),
    ]


def list_of_many(browser: Browser, server: Server, rounds: int) -> list[Row]:
    time.sleep(_AFTER_THE_START)
    first = opened(browser, server.url + "/jobs")
    what = f"/jobs of {MANY:,} jobs, the very first page that the server makes"
    rows = [Row(what=what, value=ms(first["usable"]), floor=ms(first["answered"]))]
    for path in ("/jobs", "/jobs?q=probe&status=error"):
        [found] = several(rounds, partial(opened, browser, server.url + path))
        usable = median(found, "usable")
        what = f"{path} of {MANY:,} jobs, until it can be used"
        rows.append(
            Row(what=what, value=ms(usable), floor=ms(median(found, "answered")), met=usable < SOON_OF_MANY)
        )
    return rows


def in_a_browser(folder: Path, rounds: int) -> list[Row]:
    with browsing() as browser:
        with serving(make(folder / "some", many=JOBS - 50)) as server:
            rows = first_page(browser, server, rounds)
        with serving(make(folder / "many", many=MANY - 50)) as server:
            return rows + list_of_many(browser, server, rounds)


def main(rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        rows = [] if program() is None else in_a_browser(Path(folder), rounds)
        return [*rows, *open_pages.main(Path(folder), rounds)]
