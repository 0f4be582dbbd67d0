"""What a connection may cost: how many there are at once, how long one may keep a descriptor for nothing.

The runner needs descriptors for its runs. Without these limits any program of this machine could
take all of them by connecting and saying nothing.
"""

import asyncio
import logging
import resource
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from jeeves_runner.api.answer_headers import add_headers, as_text
from jeeves_runner.api.event_stream import EventStream
from jeeves_runner.api.peers import Peer
from jeeves_runner.api.problems import CONTENT_TYPE, UNEXPECTED, HttpProblem, problem_of_http
from jeeves_runner.api.responses import PiecesResponse, encode
from jeeves_runner.api.shared_answer import SharedAnswer
from jeeves_runner.api.unread import Unread, untaken_of_system
from jeeves_runner.core.values import MAX_NAME_LENGTH
from jeeves_runner.runner.stop import Asked
from jeeves_runner.views.problems import problem_body

#: The name in the log of all that HTTP does.
log = logging.getLogger("jeeves_runner.http")

_READ_AHEAD: Final = 1 << 14
"""Bytes of a body that nothing has read yet, after which no more are taken for now."""

_LONGEST_LINE: Final = 3 * 12 * MAX_NAME_LENGTH + 1024
"""Bytes of a request's first line: three names, whose characters take twelve each where they are encoded."""

_SPREAD: Final = 128
"""Over so many moments the times of connections are spread."""

_MANY_HEADERS: Final = "Too many headers"
"""How aiohttp begins to say so; its error for that is also its error for much else."""

_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""The end of a socket that takes no time for what its other side has not taken."""

_MOST_CONNECTIONS: Final = 4096
_WIDE: Final = 1 << 20
"""Bytes that the system is to take of a connection whose client asks for what is sent in one step."""

_MOST_WIDE: Final = 32
"""So many connections of a socket may have that: they may hold some 64 MB of the system's memory."""

_SHARE: Final = 4
"""The part of all descriptors that the connections of one socket may take is one in so many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """``connections`` at once; seconds until a request's ``head`` and its ``body`` are here, that a
    connection may be ``idle`` between two requests, that an answer may stay ``untaken``, and that a stream of
    events may be in ``silence``; bytes that all answers that are not taken, and all bodies that are not
    whole, may hold in ``memory``."""

    connections: int = _MOST_CONNECTIONS
    head: float = 10.0
    body: float = 30.0
    idle: float = 75.0
    untaken: float = 60.0
    silence: float = 15.0
    memory: int = 64 << 20

    @property
    def streams(self) -> int:
        """How many streams of events there may be, so that there is room for other requests."""
        return max(1, self.connections // 2)

    @property
    def stream_untaken(self) -> float:
        """Seconds after which a stream that is not taken is ended: so soon that its client can be told."""
        return self.untaken / 2


def connections_within(descriptors: int) -> int:
    """How many connections a socket may have in a process that may have so many descriptors."""
    return max(1, min(_MOST_CONNECTIONS, descriptors // _SHARE))


def limits_of_this_process() -> Limits:
    """The limits that leave the runner enough descriptors for its runs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Limits(connections=connections_within(_MOST_CONNECTIONS * _SHARE if soft < 0 else soft))


class Places:
    """The connections that are open on one socket, and those of them that have no request under way.

    The server's own list also holds those whose client is gone while a handler works.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: set[Connection] = set()
        self._idle: dict[Connection, None] = {}
        self._wide: set[Connection] = set()
        self._taken = 0

    def take(self, connection: "Connection") -> bool:
        """Whether there is a place. The connection that has been idle for the longest time gives way."""
        if len(self._open) >= self._most:
            if not self._idle:
                return False
            longest = next(iter(self._idle))
            self.leave(longest)
            longest.force_close()
        self._open.add(connection)
        return True

    def spread(self, seconds: float) -> float:
        """A time that is up to a tenth longer, another one for each connection: those that come in one moment
        do not all end in one."""
        self._taken += 1
        return seconds * (1 + self._taken % _SPREAD / _SPREAD / 10)

    def leave(self, connection: "Connection") -> None:
        """It is closed."""
        self._open.discard(connection)
        self._wide.discard(connection)
        self._idle.pop(connection, None)

    def widen(self, connection: "Connection") -> bool:
        """Whether the system is to take more of its bytes at once from here on."""
        if connection in self._wide or len(self._wide) >= _MOST_WIDE or connection not in self._open:
            return False
        self._wide.add(connection)
        return True

    def rests(self, connection: "Connection") -> None:
        """It has no request under way any more."""
        if connection in self._open:
            self._idle[connection] = None

    def works(self, connection: "Connection") -> None:
        """A request has come."""
        self._idle.pop(connection, None)


class Connection(web.RequestHandler):
    """One client's connection within its limits; all it answers by itself are problems, too."""

    def __init__(
        self,
        server: web.Server,
        limits: Limits,
        unread: Unread,
        places: Places,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """``places``: those of its socket."""
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=places.spread(limits.idle),
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to have none
            logger=log,
            read_bufsize=_READ_AHEAD,
            max_line_size=_LONGEST_LINE,
            auto_decompress=False,  # a few bytes may be many: bodies that are encoded are refused
        )
        self._places = places
        self._limits = limits
        self._unread = unread
        self._stream: asyncio.Transport | None = None
        self._answer: web.StreamResponse | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._gone: Asked | None = None
        self.peer_user: int | None = None
        """The user at its other end, once the guard has asked for that."""
        self.direct_peer: Peer | None = None
        """Who sends the requests that no proxy speaks for, once the guard has asked for that."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)
        if not self._places.take(self):
            log.debug("refused a connection: %d are open", self._limits.connections)
            stream.write(_REFUSAL)
            stream.close()
            return
        self._stream = stream
        stream.set_write_buffer_limits(high=0)  # what the system does not take is told at once
        super().connection_made(transport)
        self._places.rests(self)
        self._head_timer = self._loop.call_later(self._places.spread(self._limits.head), self.force_close)

    @property
    def gone(self) -> Asked:
        """Set once the client has hung up: what waits for it alone can end. Handlers are not cancelled."""
        if self._gone is None:
            self._gone = Asked()
            if self._stream is None or self._stream.is_closing():
                self._gone.set()
        return self._gone

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._gone is not None:
            self._gone.set()
        self._places.leave(self)
        self._unread.end(self)
        self._end_head_timer()
        if isinstance(self._answer, EventStream):
            self._answer.hang_up()
        # The error would hold the frames of what was being sent, and be held by them, until Python's next
        # collection. A write tells of the loss by an error of its own.
        super().connection_lost(None)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread.begin(self)

    def resume_writing(self) -> None:
        self._unread.end(self)
        super().resume_writing()

    def held(self) -> int:
        answer = self._answer
        body = answer.body if isinstance(answer, web.Response) else None
        in_body = answer.held if isinstance(answer, PiecesResponse | SharedAnswer) else 0
        return self._unsent() + in_body + (len(body) if isinstance(body, bytes) else 0)

    def untaken(self) -> int:
        wire = None if self._stream is None else self._stream.get_extra_info("socket")
        return self._unsent() + (0 if wire is None else untaken_of_system(wire))

    def cut(self) -> None:
        log.debug("closed a connection: its client does not take its answer")
        if self._stream is not None:
            wire = self._stream.get_extra_info("socket")
            with suppress(OSError):  # so that the system drops what it holds of it, too
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self._stream.abort()

    def _unsent(self) -> int:
        return 0 if self._stream is None else self._stream.get_write_buffer_size()

    def request_has_come(self) -> None:
        """A whole head is here; after its answer the connection may be idle for longer."""
        self._places.works(self)
        self._end_head_timer()

    def _widen(self) -> None:
        """Such an answer goes out in one step, where otherwise each part of it would wait for the client."""
        if self._stream is not None and self._places.widen(self):
            with suppress(OSError):
                self._stream.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _WIDE)

    def _end_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Refusals that come before any middleware (``Expect``) get the shape of all others here."""
        self.request_has_come()
        is_plain = type(resp) is web.Response  # as most are; to ask for each kind takes a while
        if not is_plain and isinstance(resp, web.HTTPException):
            resp = problem_of_http(resp).answer()
        if not is_plain and isinstance(resp, SharedAnswer):
            self._widen()
        if not resp.prepared:
            add_headers(resp)
        self._answer = resp
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._answer = None
            self._places.rests(self)
            if not is_plain and isinstance(resp, PiecesResponse | EventStream):
                await resp.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to bytes that are no HTTP, and to a fault outside of the routes. The connection ends."""
        if isinstance(exc, ConnectionError):
            raise exc  # the client is gone before its request came to a route
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("answering a request failed", exc_info=exc)
            answer = HttpProblem(status, "unexpected", UNEXPECTED).answer()
        else:
            problem = _unreadable(exc, message or "", status)
            log.debug("refused a request: %s", problem.detail)
            answer = problem.answer()
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


def _unreadable(exc: BaseException | None, message: str, status: int) -> HttpProblem:
    """What is wrong with bytes that aiohttp has refused to read as a request."""
    limit = exc.args[1] if isinstance(exc, LineTooLong) else None
    if limit == _LONGEST_LINE:
        detail = f"the path and the query have more than {_LONGEST_LINE} bytes together"
        return HttpProblem(HTTPStatus.REQUEST_URI_TOO_LONG, "uri_too_long", detail)
    if limit is not None:
        detail = f"a header has more than {limit} bytes"
        return HttpProblem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail)
    if message.startswith(_MANY_HEADERS):
        detail = "there are too many headers"
        return HttpProblem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail)
    first_line = message.partition("\n")[0].strip().rstrip(":")
    return HttpProblem(status, "bad_request", f"this is not HTTP as the server reads it: {first_line}")


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
        f"{as_text()}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


_REFUSAL: Final = _refusal()
