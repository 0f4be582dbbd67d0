"""What a connection may cost: how many there are at once, how long one may keep a descriptor for nothing.

The runner needs descriptors for its runs. Without these limits any program of this machine could
take all of them by connecting and saying nothing.
"""

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web

from jeeves_runner.api.problems import CONTENT_TYPE, UNEXPECTED, problem, problem_body, problem_of_http
from jeeves_runner.api.responses import encode

#: The name in the log of all that HTTP does.
log = logging.getLogger("jeeves_runner.http")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """``connections`` at once; seconds until a request's ``head`` and its ``body`` are here, and that a
    connection may be ``idle`` between two requests."""

    connections: int = 256
    head: float = 10.0
    body: float = 30.0
    idle: float = 75.0


class Connection(web.RequestHandler):
    """One client's connection within its limits; all it answers by itself are problems, too."""

    def __init__(
        self,
        server: web.Server,
        limits: Limits,
        open_ones: "set[Connection]",
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """``open_ones``: the connections open on the same socket. The server's own list also holds those
        whose client is gone while a handler works."""
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=limits.idle,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to have none
            logger=log,
        )
        self._open_ones = open_ones
        self._limits = limits
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self._open_ones) >= self._limits.connections:
            log.debug("refused a connection: %d are open", self._limits.connections)
            stream = cast(asyncio.Transport, transport)
            stream.write(_REFUSAL)
            stream.close()
            return
        self._open_ones.add(self)
        super().connection_made(transport)
        self._head_timer = self._loop.call_later(self._limits.head, self.force_close)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._open_ones.discard(self)
        self.head_has_come()
        super().connection_lost(exc)

    def head_has_come(self) -> None:
        """The first request is here; from now on the connection may be idle for longer."""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Refusals that come before any middleware (``Expect``) get the shape of all others here."""
        self.head_has_come()
        if isinstance(resp, web.HTTPException):
            resp = problem_of_http(resp)
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to bytes that are no HTTP, and to a fault outside of the routes. The connection ends."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("answering a request failed", exc_info=exc)
            answer = problem(status, "unexpected", UNEXPECTED)
        else:
            first_line = (message or "").partition("\n")[0].strip().rstrip(":")
            detail = f"this is not HTTP as the server reads it: {first_line}"
            log.debug("refused a request: %s", detail)
            answer = problem(status, "bad_request", detail)
        if request.writer.output_size > 0:
            raise ConnectionResetError("an answer is on its way already")
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """aiohttp reads what is left of a body after the answer; that it is broken was answered already."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            log.debug("closed a connection: its body cannot be read")
        else:
            super().log_exception(*args, **kw)


def _refusal() -> bytes:
    """What one connection too many is told, as it stands on the wire."""
    body = encode(
        problem_body(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "too_many_connections",
            "too many connections are open to this server",
            hint="close those that are not needed, then try again",
        )
    )
    status = HTTPStatus.SERVICE_UNAVAILABLE
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


_REFUSAL: Final = _refusal()
