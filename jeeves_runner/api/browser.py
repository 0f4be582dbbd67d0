"""A browser that is let in: the cookie by which it is known, until it is let out."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

from jeeves_runner.db.tokens import Session


class Browser(NamedTuple):
    """The far end of a request, as far as cookies go."""

    cookie: str
    """The name of its cookie."""
    is_https: bool
    """Whether people reach the server by https: then the cookie never goes another way."""
    kept_at: str | None
    """Where it keeps such a cookie, in place of the origin that it asks from; None: there."""
    slow: Callable[[], Awaitable[None]]
    """Notes that it has shown a wrong token, and waits as long as that deserves. TooManyAttempts."""

    def let_in(self, answer: web.Response, session: Session) -> None:
        """Have it show ``session`` from now on. No script of a page can read it, no other site has it
        sent."""
        answer.set_cookie(
            self.cookie,
            session.secret,
            max_age=session.lasts_ms // 1000,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self.is_https,
        )

    def let_out(self, answer: web.Response) -> None:
        """Have it show nothing any more."""
        answer.del_cookie(self.cookie, path="/", httponly=True, samesite="Lax", secure=self.is_https)
