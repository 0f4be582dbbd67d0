"""Pages as browsers get them, and what is to hold of each."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import NamedTuple

import aiohttp
from support.api import Api

from jeeves_runner.api.answer_headers import ALWAYS
from jeeves_runner.dashboard.showing import POLICY, REFERRER

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
"""What browsers would rather have."""


class Page(NamedTuple):
    """The answer to a browser."""

    status: int
    headers: Mapping[str, str]
    html: str

    @property
    def text(self) -> str:
        """What stands in it for people, on one line."""
        found = _Text()
        found.feed(self.html.replace("<wbr>", ""))
        return " ".join(" ".join(found.texts).split())


async def page(api: Api, path: str, **headers: str) -> Page:
    """A page, which is held to what is true of all."""
    sent = {"Accept": BROWSER, **{name.replace("_", "-"): value for name, value in headers.items()}}
    url = f"http://127.0.0.1:{api.port}{path}"
    async with api.session.get(url, headers=sent, allow_redirects=False) as answer:
        found = Page(answer.status, answer.headers, await answer.text())
    check_page(found, answer)
    return found


async def send(api: Api, path: str, fields: dict[str, str], **headers: str) -> Page:
    """A form, as a browser sends it."""
    at = f"http://127.0.0.1:{api.port}"
    sent = {"Accept": BROWSER, "Origin": at, "Sec-Fetch-Site": "same-origin"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with api.session.post(at + path, data=fields, headers=sent, allow_redirects=False) as answer:
        found = Page(answer.status, answer.headers, await answer.text())
        if found.html:
            check_page(found, answer)
        return found


def cookie(answer: Page) -> dict[str, str]:
    """The header by which a browser is known that was let in by this answer."""
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def check_page(found: Page, answer: aiohttp.ClientResponse) -> None:
    """AssertionError unless a browser runs and loads of it only what was shipped."""
    if answer.status != 304:
        assert answer.content_type == "text/html", found.html[:200]
    expected = {**ALWAYS, "Content-Security-Policy": POLICY, "Referrer-Policy": REFERRER}
    assert {name: answer.headers.get(name) for name in expected} == expected
    strict = _Strict()
    strict.feed(found.html)
    assert strict.faults == []


class _Strict(HTMLParser):
    """Finds what the policy of pages forbids, and ids that stand there twice."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self._ids: set[str] = set()
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.faults.append(f"inline: {tag} {given}")
        self._in_script = tag == "script" and "src" not in given
        for place in (given.get("src"), given.get("href")):
            if tag in ("script", "link", "img") and not (place or "/static/").startswith("/static/"):
                self.faults.append(f"foreign: {tag} {given}")
        if (own := given.get("id")) is not None:
            if own in self._ids:
                self.faults.append(f"twice: id {own}")
            self._ids.add(own)

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.faults.append(f"inline script: {data[:80]}")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
