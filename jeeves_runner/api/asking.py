"""Who asks, by what, and how they would have the answer: worked out only where a handler wants to know."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from jeeves_runner.api.browser import Browser
from jeeves_runner.api.callers import Caller
from jeeves_runner.api.connection import Connection
from jeeves_runner.api.guard import Guard
from jeeves_runner.api.parameters import preferences, weights
from jeeves_runner.core.origin import Actor

REFRESH: Final = "Jeeves-Refresh"
"""The header of an open page that comes again: it may get what was made for others a moment ago."""


class Asking:
    """What a request says besides its values."""

    __slots__ = ("_done", "_guard", "_request", "caller")

    def __init__(self, request: web.Request, caller: Caller, guard: Guard, done: int) -> None:
        """``done``: the status of the answer once it is carried out."""
        self._request = request
        self._guard = guard
        self._done = done
        self.caller = caller
        """Who asks."""

    @property
    def acting(self) -> Actor:
        """The same as what they do is recorded with."""
        return Actor(self.caller.name, self.caller.origin, self._done)

    @property
    def browser(self) -> Browser:
        """The browser that asks, if it is one."""
        return self._guard.browser_of(self._request, self.caller)

    @property
    def connection(self) -> Connection:
        """What it came by, and the answer goes by."""
        connection = self._request.protocol
        if not isinstance(connection, Connection):
            raise TypeError("a request has come by another connection than one of ours")
        return connection

    def still_counts(self) -> bool:
        """Whether the caller would still be let in: a long answer asks this at least once a minute."""
        return self._guard.still_counts(self.caller)

    @property
    def accept(self) -> str:
        """What the client would rather be answered with: its header ``Accept``."""
        return self._request.headers.get("Accept", "")

    @property
    def target(self) -> str:
        """What is asked for, as it was written: the path and the query."""
        return self._request.raw_path

    @property
    def cookies(self) -> Mapping[str, str]:
        """What the browser keeps for this server."""
        return self._request.cookies

    @property
    def takes_gzip(self) -> bool:
        """Whether the client takes an answer packed by gzip."""
        return weights(self._request.headers.get("Accept-Encoding", "")).get("gzip", 0.0) > 0

    @property
    def is_refresh(self) -> bool:
        """Whether an open page comes again."""
        return REFRESH in self._request.headers

    @property
    def known(self) -> frozenset[str]:
        """The versions of the answer that the client has kept: the tags of ``If-None-Match`` (RFC 9110)."""
        return frozenset(tag.value for tag in self._request.if_none_match or ())

    @property
    def part(self) -> slice | None:
        """The bytes of the answer that the client wants: one range of ``Range`` (RFC 9110). None for all of
        it, also where it wants several, or only if it still is as it was: then all may come."""
        if "If-Range" in self._request.headers:
            return None
        try:
            asked = self._request.http_range
        except ValueError:
            return None
        return None if asked.start is None and asked.stop is None else asked

    @property
    def at_once(self) -> bool:
        """Whether the client would rather not wait: ``Prefer: respond-async`` (RFC 7240)."""
        return "respond-async" in preferences(self._request)

    @property
    def last_event_id(self) -> str | None:
        """The last event of a stream that the client has: ``Last-Event-ID`` (HTML standard, section 9.2)."""
        return self._request.headers.get("Last-Event-ID")
