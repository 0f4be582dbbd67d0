"""The colours that a viewer has chosen: a cookie says so, and a page comes in them."""

from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import page

from jeeves_runner.dashboard.theme import COOKIE, Theme, theme_of


@pytest.mark.parametrize("said", ["", "purple", "DARK", "dark; x=y"])
def test_what_is_no_choice_leaves_it_to_the_system(said: str) -> None:
    assert theme_of({COOKIE: said}) is Theme.SYSTEM
    assert theme_of({}) is Theme.SYSTEM


@pytest.mark.parametrize("path", ["/", "/jobs", "/login", "/jobs/nothing"])
def test_each_page_comes_in_the_colours_that_were_chosen(tmp_path: Path, path: str) -> None:
    async def scenario(api: Api) -> None:
        for theme in (*Theme, Theme.DARK):  # what is kept of one is not what another one gets
            shown = await page(api, path, Cookie=f"other=1; {COOKIE}={theme}")
            assert f'media="{theme.media}"' in shown.html
            if "theme" in shown.html:
                assert f'value="{theme}" aria-pressed="true"' in shown.html
                assert shown.html.count('value="system" aria-pressed') == 1
                assert shown.html.count('aria-pressed="true"') == 1
        known = shown.headers.get("ETag")
        if known is not None:
            again = await page(api, path, Cookie=f"{COOKIE}=light", If_None_Match=known)
            assert again.status == 200

    with_api(Ledger(tmp_path / "runner.sqlite"), scenario)
