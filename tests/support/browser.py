"""A real browser: headless Chromium, as the system has it."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from support.server import until

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")

SERIOUS: Final = frozenset({"serious", "critical"})
"""How bad findings of axe may not be."""


def program() -> str | None:
    """Where Chromium is; None: nowhere."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser for the length of the block."""
    with sync_playwright() as playwright:
        # As root Chromium has no sandbox; containers have little of /dev/shm.
        flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=program(), args=flags)
        try:
            yield browser
        finally:
            browser.close()


class Viewer:
    """One who looks at pages in a browser of their own. What a page complains of in its console is kept."""

    def __init__(
        self,
        browser: Browser,
        url: str,
        *,
        zone: str = "UTC",
        dark: bool = False,
        width: int = 1280,
        scripts: bool = True,
    ) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(
            base_url=url,
            timezone_id=zone,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
        )
        self.context.on("console", self._note)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.set_default_timeout(15_000)

    def open(self, path: str) -> Page:
        """A page in a new tab."""
        page = self.context.new_page()
        page.goto(path)
        return page

    def forgive(self, *more: str) -> None:
        """Do not mind that the browser has complained of what the server refused, or in such words."""
        words = ("Failed to load resource", *more)
        self.complaints[:] = [each for each in self.complaints if not any(word in each for word in words)]

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "net::ERR_" not in message.text:  # a server may be away
            self.complaints.append(message.text)

    def close(self) -> None:
        self.context.close()


def wait_for(page: Page, expression: str, arg: object = None) -> Any:
    """The first true answer of a function of the page.

    Playwright's ``wait_for_function`` evaluates a text in the page for each look. Our pages refuse that, but
    for the first one.
    """
    return until(lambda: page.evaluate(expression, arg))


def findings(page: Page) -> Sequence[str]:
    """What axe finds wrong with a page that is serious: for whom it cannot be used."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in SERIOUS
    ]
