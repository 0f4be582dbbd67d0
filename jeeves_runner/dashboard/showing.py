"""How a page is answered: made of one moment of the database, kept while that holds, and told when to come
again."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from gzip import compress
from types import MappingProxyType
from typing import Any, Final

import apsw
from aiohttp import web

from jeeves_runner.api.kept_pages import Made
from jeeves_runner.api.pages import PAGE
from jeeves_runner.api.responses import not_modified, tagged
from jeeves_runner.api.route import Call
from jeeves_runner.clock import thread_seconds
from jeeves_runner.dashboard.render import render
from jeeves_runner.dashboard.shell import Shell, shell_of, viewer_of
from jeeves_runner.db.connection import snapshot
from jeeves_runner.views.events import BriefKind

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of pages: nothing in them that was not shipped is loaded or run."""

REFERRER: Final = "same-origin"
"""The Referrer-Policy of pages: other sites learn nothing. Without any referrer browsers would also hide from
this server that its own forms are its own."""

_OF_PAGES: Final = MappingProxyType({"Content-Security-Policy": POLICY, "Referrer-Policy": REFERRER})

PACE: Final = "Jeeves-Pace"
"""The header that says after how many milliseconds an open page may come again."""

Read = Callable[[apsw.Connection, datetime], object]
"""Finds what a page is made of, in the pool and within one snapshot."""

_PACKING: Final = 1
"""How hard a page is packed: it is made anew again and again, and mostly a third or a tenth of it is left."""

IS_OLD: Final = "Jeeves-Old"
"""The header of a page that was made for others a moment ago: something has happened since."""


class _Itself:
    """Something that equals nothing but itself, also where another one tells the same. It is kept until then:
    the number that Python tells things apart by may be that of a later one."""

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other._thing is self._thing

    def __hash__(self) -> int:
        return id(self._thing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One page, all but its frame."""

    template: str
    """The file of its template, which finds the rest as ``page``."""
    title: str
    """What the browser calls it."""
    here: str
    """The path of the way that it belongs to."""
    live: Collection[BriefKind] = ()
    """What makes another of it; none: it stays as it is, and so does its frame."""
    job: str | None = None
    """Where it is about one job alone, that."""


async def show(call: Call[Any, Any, Any], sheet: Sheet, read: Read) -> web.Response:
    """The page that the template makes of what ``read`` finds."""

    async def known() -> Read:
        return read

    return await show_once_known(call, sheet, known)


async def show_once_known(
    call: Call[Any, Any, Any], sheet: Sheet, known: Callable[[], Awaitable[Read]]
) -> web.Response:
    """The same where reading needs what the event loop knows first: ``known`` is asked only if the page is to
    be made."""
    services = call.services
    viewer = viewer_of(call)

    async def make() -> Made:
        before = call.kept_jobs.spent + call.kept.spent
        shell = await shell_of(call, sheet.here)
        read = await known()
        spent = call.kept_jobs.spent + call.kept.spent - before
        made = await call.reads.read(lambda conn: _made(conn, services.clock.now(), sheet, shell, read))
        return made._replace(took=made.took + spent)

    version = (
        call.kept.version(call.came),
        services.moves(),
        _Itself(services.sync.status),
        services.config_file.change,
        services.catching_up(),
        services.writer.lock_moves,
    )
    key = call.asking.target, viewer
    page = await call.kept_pages.page(key, version, make, may_be_old=call.asking.is_refresh)
    headers = {PACE: str(round(call.kept_pages.pace * 1000)), "Vary": "Accept-Encoding"}
    if page.version != version:
        headers[IS_OLD] = "1"
    is_packed = call.asking.takes_gzip
    tag = f"{page.tag}-gzip" if is_packed else page.tag
    if call.has_seen(tag):
        answer = not_modified(tag)
    else:
        answer = tagged(html(page.packed if is_packed else page.body), tag)
        if is_packed:
            headers["Content-Encoding"] = "gzip"
    answer.headers.update(headers)
    # A browser takes the headers of a 304 for those of the page that it has kept.
    answer.headers.update(_OF_PAGES)
    return answer


def html(body: bytes, status: int = 200) -> web.Response:
    """A page."""
    answer = web.Response(body=body, status=status, content_type=PAGE, charset="utf-8")
    answer.headers.update(_OF_PAGES)
    return answer


def _made(conn: apsw.Connection, now: datetime, sheet: Sheet, shell: Shell, read: Read) -> Made:
    began = thread_seconds()
    with snapshot(conn):
        page = read(conn, now)
    reading = thread_seconds() - began
    made = render(sheet.template, theme=shell.theme, sheet=sheet, shell=shell, page=page)
    began = thread_seconds()
    packed = compress(made.body, _PACKING, mtime=0)
    return made._replace(took=made.took + reading + thread_seconds() - began, packed=packed)
