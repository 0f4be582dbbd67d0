"""Keys alone lead through what a page lists, and Enter to what a row is about."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from support.browser import Viewer
from support.dashboard_world import make
from support.server import Server, serving

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

LINES = """words => words.map((word) => [word.textContent, word.getBoundingClientRect().height,
  parseFloat(getComputedStyle(word).lineHeight)])"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(make(tmp_path_factory.mktemp("shop") / "shop")) as server:
        yield server


def _walk(page: Page, key: str = "j") -> str:
    page.keyboard.press(key)
    return str(page.evaluate("document.activeElement.closest('[id]')?.id"))


def test_they_reach_what_is_wrong_as_they_do_rows_of_a_table(shop: Server, look: Look) -> None:
    page = look(shop.url).open("/alerts")
    first = page.locator(".card[id^=incident-]").first.get_attribute("id")
    assert first == _walk(page)
    assert _walk(page).startswith("incident-")
    assert first == _walk(page, "k")
    assert any(_walk(page) == "muted-export-crm" for _ in range(9))


def test_what_can_be_done_with_the_job_of_an_incident_opens_by_a_key(shop: Server, look: Look) -> None:
    page = look(shop.url).open("/alerts")
    incident = page.locator(".card[id^=incident-]", has_text="export-crm").get_attribute("id")
    assert any(_walk(page, "ArrowDown") == incident for _ in range(9))
    page.keyboard.press("a")
    expect(page.get_by_role("dialog", name="Act on export-crm")).to_be_visible()


def test_enter_opens_what_was_acted_on(shop: Server, look: Look) -> None:
    page = look(shop.url).open("/audit?target=job+sitemap")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/jobs/sitemap$"))


def test_a_dead_letter_opens(shop: Server, look: Look) -> None:
    page = look(shop.url).open("/queues/orders")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/queues/orders\?item=\d+"))


def test_a_command_is_broken_between_its_words(shop: Server, look: Look) -> None:
    page = look(shop.url, width=390).open("/jobs/answer-drafts/act#act-run")
    words = page.locator("#act-run .by-hand span").evaluate_all(LINES)
    assert [word for word, _, _ in words][-2:] == ["--param", "KEY=VALUE"]
    assert [word for word, height, line in words if height > 1.5 * line] == []
    said = page.locator("#act-run .by-hand code").inner_text()
    assert said == "jeeves-runner trigger answer-drafts --param KEY=VALUE"
