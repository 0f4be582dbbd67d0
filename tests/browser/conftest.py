"""What the tests in a browser share: one browser for all, and one who looks, for each."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect
from support.browser import Viewer, browsing, program


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if program() is None:
        pytest.skip("Chromium is not installed: `apt-get install chromium`")
    expect.set_options(timeout=20_000)
    with browsing() as found:
        yield found


Look = Callable[..., Viewer]


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    """Makes those who look at a server, by its URL; their pages may complain of nothing."""
    viewers: list[Viewer] = []

    def viewer(url: str, **how: object) -> Viewer:
        viewers.append(Viewer(browser, url, **how))  # type: ignore[arg-type]
        return viewers[-1]

    yield viewer
    for each in viewers:
        each.close()
    assert [complaint for each in viewers for complaint in each.complaints] == []
