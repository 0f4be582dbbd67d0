"""What holds of each page, on the data of a shop that has run for three days: everybody can use it, on a
phone too, and it is whole without its scripts."""

import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect
from support.browser import Viewer, findings
from support.dashboard_world import make
from support.pages import BROWSER
from support.server import Server, serving
from support.tables import Tables

from jeeves_runner.dashboard.routes import PAGES

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

PHONE = 390
SMALL = 320
TABLET = 768

OF_A_KIND = 3
"""So many links of a kind are followed."""

EXAMPLES = {
    "{job}": ("rebuild-search", "export-crm"),
    "{run}": ("newest export-crm",),
    "{queue}": ("orders", "invoices"),
    "{item}": (),  # a dead letter of the queue before it: its form is of the kind of the others
    "{namespace}": ("import-orders",),
    "{key}": ("cursor",),
    "{revision}": ("4",),
}
"""What stands for the parameters of a path; of a run, which run it is."""

MORE = (
    "/jobs?status=error",
    "/jobs?q=mail",
    "/runs?status=error",
    "/runs?job=crawl-prices",
    "/graph?around=process:pack-orders",
    "/audit?actor=cli",
    "/queues/orders?item=205",
)
"""What is asked of some pages besides."""


def _paths() -> Iterator[str]:
    """Of each page, with an example for each of its parameters."""
    for page in PAGES:
        if page.method != "GET" or page.path.startswith("/static"):
            continue
        found = [page.path]
        for name, values in EXAMPLES.items():
            found = [
                path.replace(name, value) for path in found for value in (values if name in path else [""])
            ]
        yield from found
    yield from (path for path in MORE if any(path.partition("?")[0] == page.path for page in PAGES))


each_page = pytest.mark.parametrize("path", list(_paths()))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(make(tmp_path_factory.mktemp("shop") / "shop")) as server:
        yield server


@each_page
def test_everybody_can_use_it_in_light_and_in_dark(shop: Server, look: Look, path: str) -> None:
    for dark in (False, True):
        page = _open(look(shop.url, dark=dark), shop, path)
        assert findings(page) == []
        page.close()


@each_page
def test_it_fits_on_a_phone_and_on_a_tablet(shop: Server, look: Look, path: str) -> None:
    page = _open(look(shop.url, width=PHONE), shop, path)
    assert findings(page) == []
    for width in (PHONE, TABLET):
        page.set_viewport_size({"width": width, "height": 900})
        assert _too_wide(page) == [], width
        assert _below_no_head_of_theirs(page) == [], width


@pytest.mark.parametrize("path", ["/queues", "/audit", "/runs"])
def test_what_ends_a_row_is_seen_without_scrolling(shop: Server, look: Look, path: str) -> None:
    page = _open(look(shop.url), shop, path)
    for width in (TABLET, 860, 961, 1024, 1025, 1057, 1100, 1185, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        hidden = (
            "() => { const e = document.querySelector('main .wide'); return e.scrollWidth - e.clientWidth; }"
        )
        assert page.evaluate(hidden) <= 1, width


@each_page
def test_it_can_be_read_without_scripts(shop: Server, look: Look, path: str) -> None:
    with_scripts = _words(_open(look(shop.url), shop, path))
    plain = _open(look(shop.url, scripts=False), shop, path)
    without = _words(plain)
    assert len(without) > 0.5 * len(with_scripts), f"it has {len(without)} words of {len(with_scripts)}"
    for width in (1280, TABLET, PHONE, SMALL):
        plain.set_viewport_size({"width": width, "height": 900})
        assert _too_wide(plain) == [], width  # its times are whole dates


def test_what_runs_fits_into_the_page_and_beside_what_comes_next(shop: Server, look: Look) -> None:
    """Without scripts its times are whole dates. On a phone a table may scroll, in its own place."""
    run = shop.post("/jobs/rebuild-search/run?wait=0s")[1]["run"]["id"]
    for scripts in (True, False):
        page = _open(look(shop.url, scripts=scripts), shop, "/")
        expect(page.locator(f"#run-{run} svg[data-progress]")).to_be_visible()
        for width in (SMALL, PHONE, TABLET, 1000, 1100, 1200, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert _too_wide(page) == [], width
            if width > PHONE:
                assert page.locator(".columns section").evaluate_all(WIDER_THAN_THEIR_PLACE) == [], width


WIDER_THAN_THEIR_PLACE = (
    "of => of.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.innerText)"
)


def test_each_link_leads_to_a_page(shop: Server) -> None:
    seen, left, bad = Counter({_kind("/"): 1}), [("/", "")], []
    while left:
        path, source = left.pop()
        status, html = _fetched(shop.url + path)
        if status != 200:
            bad.append(f"{path} on {source}: {status}")
        for link in re.findall(r'<a [^>]*href="(/[^"#]*)', html):
            target = unescape(link)
            seen[_kind(target)] += 1
            if seen[_kind(target)] <= OF_A_KIND:
                left.append((target, path))
    assert bad == []


@each_page
def test_rows_and_columns_of_its_tables_have_names(shop: Server, path: str) -> None:
    assert Tables(_fetched(shop.url + _found(shop, path))[1]).wrong == []


@pytest.mark.parametrize("path", [*_paths(), "/jobs/pack-orders", "/jobs/zzzz"])
def test_commands_in_messages_stand_as_code(shop: Server, path: str) -> None:
    if "newest " in path:
        path = f"/runs/{shop.get('/runs?status=error&limit=1')['runs'][0]['id']}"
    shown = re.sub(r"<(pre|code|title|script)\b.*?</\1>", "", _fetched(shop.url + path)[1], flags=re.DOTALL)
    assert [line for line in re.sub("<[^>]*>", "", shown).splitlines() if "`" in line] == []


def _kind(path: str) -> str:
    """Links of a kind lead to the same page, with other values."""
    parts = urlsplit(path)
    begin, *rest = parts.path.strip("/").split("/")
    names = sorted(name for name, _ in parse_qsl(parts.query))
    return f"{begin}{'/*' * len(rest)}?{'&'.join(names)}"


def _fetched(url: str) -> tuple[int, str]:
    """The status, and the page, which also says what is wrong."""
    request = urllib.request.Request(url, headers={"Accept": BROWSER})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _found(shop: Server, path: str) -> str:
    """The path with the number of a run, where it has the words for one."""
    if "newest " not in path:
        return path
    before, newest = path.split("newest ")
    job, slash, after = newest.partition("/")
    return f"{before}{shop.get(f'/runs?job={job}&limit=1')['runs'][0]['id']}{slash}{after}"


def _open(viewer: Viewer, shop: Server, path: str) -> Page:
    path = _found(shop, path)
    page = viewer.context.new_page()
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 200, path
    return page


def _words(page: Page) -> list[str]:
    return page.locator("main").inner_text().split()


def _below_no_head_of_theirs(page: Page) -> list[str]:
    """Cells of tables that are heard with the head of another column, or with none: where one is left out, so
    must be the other."""
    found: list[str] = page.evaluate(
        """() => {
          const isThere = (each) => each?.checkVisibility({ visibilityProperty: true })
            || each?.computedStyleMap().get("display").value === "contents";
          const rows = [...document.querySelectorAll("table:has(thead) tbody tr:not(:has([colspan]))")];
          return rows.flatMap((row) => {
            const heads = [...row.closest("table").querySelectorAll("thead tr:last-child > *")].map(isThere);
            const cells = [...row.children].map(isThere);
            const end = cells.lastIndexOf(true);
            const wrong = cells.findIndex((is, place) => place <= end && is !== heads[place]);
            return wrong < 0 ? [] : [`${row.id} ${row.children[wrong].outerHTML.slice(0, 120)}`];
          }).slice(0, 5);
        }"""
    )
    return found


def _too_wide(page: Page) -> list[str]:
    """What makes the page wider than the window, if it is."""
    found: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.querySelectorAll("body *")]
            .filter((each) => each.getBoundingClientRect().right > width + 1)
            .slice(0, 5).map((each) => each.outerHTML.slice(0, 120));
        }"""
    )
    return found
