"""The gateway, called over HTTP.

The caller must know what became of a call that failed: whether it was refused, cannot have been taken, or may
have been. Each is an exception of its own, and none of them holds the token.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.gateway import TOKEN_VARIABLE
from jeeves_runner.core.params import HIDDEN
from jeeves_runner.core.retry_after import retry_after
from jeeves_runner.core.values import parse_json
from jeeves_runner.core.wording import one_line
from jeeves_runner.execute.faults import Fault
from jeeves_runner.execute.output.secret_texts import is_masked
from jeeves_runner.execute.session.answers import Details, Messages, messages_of
from jeeves_runner.side_thread import SILENT, SideThread
from jeeves_runner.unreachable import reason_of

MAX_ANSWER: Final = 8 * 1024 * 1024
"""Bytes of the longest answer that is read."""

_AT_ONCE: Final = 16
"""Calls that are on their way at the same time."""
_CONNECT: Final = 10.0
"""Seconds that a connection may take."""
_KEEP_ALIVE: Final = 4.0
"""Seconds for which a connection is kept that has nothing to do: one less than the gateway keeps it."""
_TOKEN_HINT: Final = f"let `gateway.token_path`, or {TOKEN_VARIABLE}, have the gateway's `gateway.auth.token`"
_LONGEST_WORDS: Final = 500
_LONGEST_WAIT: Final = 300.0
_SHORTEST_WAIT: Final = 0.1
_USUAL_WAIT: Final = 1.0
_HOLD_OFF: Final = 60.0
"""Seconds for which a token that was refused is not shown again."""
_PART: Final = 64 * 1024


class GatewayFault(Exception):
    """A call of the gateway that did not succeed. The text is for people."""


class Refused(GatewayFault):
    """The gateway has answered no, in its own words; to ask the same again is of no use."""

    def __init__(self, words: str, *, status: int = 200, kind: str = "") -> None:
        super().__init__(words)
        self.status = status
        self.kind = kind


class Unauthorized(GatewayFault):
    """There is no token, or the gateway does not take it. ``hint``: what to do about it."""

    def __init__(self, words: str, hint: str | None = None) -> None:
        super().__init__(words)
        self.hint = hint


class NotNow(GatewayFault):
    """The gateway could not be asked, or gave no usable answer; it is asked again later.

    ``retry_after``: seconds for which it wants to be left alone, if it says so.
    """

    def __init__(self, words: str, retry_after: float | None = None) -> None:
        super().__init__(words)
        self.retry_after = retry_after


class Unreachable(NotNow):
    """There is no connection: nothing was sent."""


class Unavailable(NotNow):
    """It has answered that it takes no calls now: nothing was done."""


class Ambiguous(NotNow):
    """The call was sent and has no usable answer: it may have been carried out.

    ``has_failed``: it has answered with a failure, of this ``kind`` if it is a gateway that says so.
    ``is_silent``: it has not answered in time, and may be at work on it still.
    """

    def __init__(
        self, words: str, *, has_failed: bool = False, is_silent: bool = False, kind: str = ""
    ) -> None:
        super().__init__(words)
        self.has_failed = has_failed
        self.is_silent = is_silent
        self.kind = kind


class Gateway:
    """The one at ``url``. Use it from one event loop, and ``close`` it.

    ``token`` is called in a thread, when a token is needed and when one was refused. ``timeout``: seconds
    that one call may take.
    """

    def __init__(self, url: str, token: Callable[[], str | Fault], *, timeout: float) -> None:
        self._url = url
        self._read_token = token
        self._timeout = timeout
        self._token: str | None = None
        self._refused: tuple[str, float] | None = None  # the token, and until when it is not shown again
        self._left_alone_until, self._left_alone_for = 0.0, ""  # and what it said then
        self._token_thread = SideThread("gateway token")
        self._http: aiohttp.ClientSession | None = None
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def close(self) -> None:
        """Let go of the connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def token(self) -> str:
        """The token, to be kept out of all output. Raises Unauthorized where there is none."""
        if self._token is None:
            self._token = await self._new_token()
        return self._token

    async def invoke(self, tool: str, args: Details, *, parent: str | None = None) -> Details:
        """What the tool answers. ``parent``: the key of the session in whose name it is called."""
        body: dict[str, object] = {"tool": tool, "args": args}
        if parent is not None:
            body["sessionKey"] = parent
        status, answer = await self._call(
            "POST", "/tools/invoke", json.dumps(body, ensure_ascii=False).encode(errors="replace")
        )
        result = answer.get("result")
        details = result.get("details") if isinstance(result, dict) else None
        if status != 200 or not isinstance(details, dict):
            raise Ambiguous("the gateway has given an answer without a result")
        return details

    async def history(self, key: str, limit: int, cursor: str | None = None) -> Messages:
        """A session's newest messages, or those before the cursor, with what they used. Raises Refused for a
        session that the gateway does not know, and where this way to it is closed."""
        path = f"/sessions/{quote(key, safe='')}/history?limit={limit}"
        if cursor is not None:
            path += f"&cursor={quote(cursor, safe='')}"
        return messages_of((await self._call("GET", path))[1])

    @asynccontextmanager
    async def socket(self, limit: int) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Its WebSocket, whose messages have ``limit`` bytes at most."""
        try:
            async with self._session().ws_connect(
                self._url.replace("http", "ws", 1), max_msg_size=limit, autoclose=True
            ) as socket:
                yield socket
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(_words_of(error)) from None

    async def _call(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Details]:
        """Status and document of an answer that is no refusal."""
        token = await self.token()
        async with self._places:
            self._check_may_be_asked(token)
            status, headers, content = await self._request(method, path, body, token)
        if status == 401:
            fresh = await self._new_token()
            if fresh == token:
                self._refused = token, _now() + _HOLD_OFF
                self._check_may_be_asked(token)
            self._token = fresh
            return await self._call(method, path, body)
        return status, self._document(status, headers, content, partial(_without, token))

    def _check_may_be_asked(self, token: str) -> None:
        if self._refused is not None:
            refused, until = self._refused
            if refused == token and _now() < until:
                self._token = None  # it may be another one by the next call
                raise Unauthorized("the gateway does not take the token", _TOKEN_HINT)
            self._refused = None
        if (wait := self._left_alone_until - _now()) > 0:
            raise Unavailable(self._left_alone_for, wait)

    async def _request(
        self, method: str, path: str, body: bytes | None, token: str
    ) -> tuple[int, "aiohttp.typedefs.LooseHeaders", bytes]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with self._session().request(
                method, self._url + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status, response.headers, await _content(response)
        # None of them is kept as a cause: their requests hold the token.
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise Unreachable(_words_of(error)) from None
        except TimeoutError:
            words = f"the gateway has not answered within {self._timeout:g} s"
            raise Ambiguous(words, is_silent=True) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Ambiguous(_words_of(error)) from None

    def _document(
        self, status: int, headers: Any, content: bytes, hiding: Callable[[object], object]
    ) -> Details:
        """What has been answered. ``hiding`` takes the token out of the gateway's words: it may repeat what
        it was sent."""
        document = _decoded(content)
        fault = document.get("error") if document is not None else None
        words = hiding(fault.get("message")) if isinstance(fault, dict) else None
        said = _shortened(words) if isinstance(words, str) and words else f"HTTP status {status}"
        if status in (429, 503):
            wait = self._wait(headers.get("Retry-After"))
            self._left_alone_until, self._left_alone_for = _now() + wait, said
            raise Unavailable(said, wait)
        kind = fault.get("type") if isinstance(fault, dict) else None
        kind = kind if isinstance(kind, str) else ""
        if status >= 500:
            raise Ambiguous(said, has_failed=True, kind=kind)
        if status >= 300:
            raise Refused(said, status=status, kind=kind)
        if document is None:
            raise Ambiguous("the gateway has given an answer that is no JSON object")
        result = document.get("result")
        details = result.get("details") if isinstance(result, dict) else None
        if isinstance(details, dict) and "error" in details:
            details["error"] = hiding(details["error"])
        return document

    def _wait(self, written: str | None) -> float:
        """Seconds for which it wants to be left alone; a second if it does not say."""
        seconds = retry_after(written, SystemClock().now(), _LONGEST_WAIT)
        return _USUAL_WAIT if seconds is None else max(seconds, _SHORTEST_WAIT)

    async def _new_token(self) -> str:
        try:
            token = await self._token_thread.call(self._read_token)
        except OSError as error:
            raise Unauthorized(f"the gateway's token cannot be read: {error.strerror or SILENT}") from None
        if isinstance(token, Fault):
            raise Unauthorized(token.message, token.hint)
        return token

    def _session(self) -> aiohttp.ClientSession:
        """It is made with the first call, because it belongs to an event loop."""
        if self._http is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_request_redirect.append(_stay)  # ws_connect has no word for that
            self._http = aiohttp.ClientSession(
                trace_configs=[tracing],
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(
                    total=self._timeout, sock_connect=min(_CONNECT, self._timeout / 2)
                ),
                headers={"Accept-Encoding": "identity", "User-Agent": "jeeves-runner"},
            )
        return self._http


async def _stay(*_: object) -> None:
    """Follow no redirect: the token is for the place that the config names."""
    raise aiohttp.ClientError


async def _content(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_chunked(_PART):
        size += len(part)
        if size > MAX_ANSWER:
            response.close()
            raise Ambiguous(f"the gateway has given an answer of more than {MAX_ANSWER // 1024 // 1024} MiB")
        parts.append(part)
    return b"".join(parts)


def _decoded(content: bytes) -> Details | None:
    try:
        document = parse_json(content.decode())
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _words_of(error: Exception) -> str:
    """What went wrong with a connection, in words that hold no address and no header."""
    reason: str | None = None
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.InvalidURL):
        reason = reason_of(error)
    elif isinstance(error, aiohttp.ConnectionTimeoutError):
        reason = "it takes too long to connect"
    if reason is not None:
        return f"the gateway cannot be reached: {reason}"
    return "the connection to the gateway was lost"


def _without(token: str, words: object) -> object:
    return words.replace(token, HIDDEN) if isinstance(words, str) and is_masked(token) else words


def _shortened(words: str) -> str:
    return one_line(words[:_LONGEST_WORDS])


def _now() -> float:
    return asyncio.get_running_loop().time()
