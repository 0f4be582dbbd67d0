"""The headers of every answer: what browsers, and caches on the way, are to make of it.

In an answer that is no page nothing is to be loaded, run or framed, also where a browser is shown it. A
handler that answers with a page sets its own policy.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

NO_PAGE: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of what is no page."""

CACHE: Final = "Cache-Control"
NOT_KEPT: Final = "no-store"
ASKED_ANEW: Final = "private, no-cache"
"""Of what has a validator: its client may keep it, and asks whether it still holds."""

_VALIDATORS: Final = ("ETag", "Last-Modified")

SERVER: Final = "jeeves-runner"
JSON: Final = "application/json"

ALWAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": NO_PAGE,
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Server": SERVER,
    }
)


def add_headers(answer: web.StreamResponse) -> None:
    """Give an answer those of them that it does not have, before it is sent."""
    headers = answer.headers
    if headers.get("Server") == SERVER:
        return  # it has them all
    headers["Server"] = SERVER  # aiohttp would name itself and Python, with their versions
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    if CACHE not in headers:
        headers[CACHE] = ASKED_ANEW if any(name in headers for name in _VALIDATORS) else NOT_KEPT


def of_json() -> CIMultiDict[str]:
    """All headers of a small document, made once for many answers."""
    return CIMultiDict({"Content-Type": JSON, **ALWAYS, CACHE: NOT_KEPT})


def as_text() -> str:
    """The same as they stand on the wire, for an answer that no library writes."""
    return "".join(f"{name}: {value}\r\n" for name, value in (*ALWAYS.items(), (CACHE, NOT_KEPT)))
