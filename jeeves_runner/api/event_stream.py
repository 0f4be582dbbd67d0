"""Answers that go on: server-sent events, until the client hangs up or the server has a reason to end them.

A stream costs one task, which sleeps while there is nothing to send. Each piece is sent once the system has
taken the one before, so what a slow client has not taken is held once, and by the place that it comes from.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Literal, Protocol, Self, cast

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter
from aiohttp.payload import AsyncIterablePayload

from jeeves_runner.api.event_text import BEGINNING, event_text
from jeeves_runner.errors import JeevesError, Overloaded
from jeeves_runner.runner.stop import Asked
from jeeves_runner.views.events import CLOSED, ClosedEvent

log = logging.getLogger("jeeves_runner.http")

CONTENT_TYPE: Final = "text/event-stream"

_HEADERS: Final = {
    hdrs.CONTENT_TYPE: CONTENT_TYPE,
    "X-Accel-Buffering": "no",  # nginx would keep events back until there are many
}

PACE: Final = 0.25
"""Seconds between two pieces at least."""

Reason = Literal["slow", "stopping", "not_allowed", "unreadable"]


class Source(Protocol):
    """What a stream sends."""

    def begin(self, wake: Callable[[], None]) -> None:
        """Call ``wake``, in the event loop, whenever there may be something to read."""

    def close(self) -> None:
        """Call it no more."""

    async def read(self) -> bytes | None:
        """Whole events; nothing if there is none now. None: it went on too fast for this client."""

    def keep_alive(self) -> bytes:
        """What is sent in a silence."""

    @property
    def pace(self) -> float:
        """Seconds between two pieces, but for those of one backlog: ``PACE``, or more."""

    @property
    def has_more(self) -> bool:
        """Whether there is more that is not to wait for its time."""

    @property
    def is_over(self) -> bool:
        """Whether all has been read that will ever be."""


class Streams:
    """All streams that are open. They end with the server."""

    def __init__(self, stopping: Asked, *, most: int, patience: float, silence: float) -> None:
        """``most``: how many there may be. ``patience``: for how many seconds a client may take nothing.
        ``silence``: after so many without an event something is sent all the same, and it is asked whether
        the client may go on."""
        self._stopping = stopping
        self._most = most
        self._patience = patience
        self._silence = silence
        self._open: set[EventStream] = set()
        self._watching: asyncio.Task[None] | None = None

    async def open(
        self, begin: Callable[[], Awaitable[Source]], still_counts: Callable[[], bool]
    ) -> "EventStream":
        """The answer that sends what a source has. Overloaded if there are too many."""
        if len(self._open) >= self._most:
            raise Overloaded(
                f"{self._most} streams of events are open, and there can be no more",
                hint="close some of them, or ask at intervals",
            )
        source = await begin()
        stream = EventStream(self, source, still_counts, self._patience, self._silence)
        self._open.add(stream)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="end of the streams")
        if self._stopping.is_set():
            stream.end("stopping")
        return stream

    def left(self, stream: "EventStream") -> None:
        """It is closed."""
        self._open.discard(stream)

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    async def close(self, _app: web.Application | None = None) -> None:
        """End all."""
        if self._watching is not None:
            self._watching.cancel()
        self._end_all()

    async def _watch(self) -> None:
        await self._stopping.wait()
        self._end_all()

    def _end_all(self) -> None:
        for stream in tuple(self._open):
            stream.end("stopping")


class EventStream(web.Response):
    """The answer. To be closed once it has been sent, or cannot be."""

    def __init__(
        self,
        streams: Streams,
        source: Source,
        still_counts: Callable[[], bool],
        patience: float,
        silence: float,
    ) -> None:
        self._pieces = _Pieces(source, still_counts, patience, silence)
        super().__init__(body=_Sending(self._pieces), headers=_HEADERS)
        self._streams = streams
        self._source = source
        self._patience = patience
        self.force_close()  # a stream is the last thing that its connection is for

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._pieces.writer = request.writer
        if request.transport is not None:
            _end_if_unheard(request.transport.get_extra_info("socket"), 2 * self._patience)
        return await super().prepare(request)

    def end(self, reason: Reason) -> None:
        """Tell the client why, and end."""
        self._pieces.end(reason)

    def hang_up(self) -> None:
        """The client is gone."""
        self._pieces.hang_up()

    async def close(self) -> None:
        """Free what it takes."""
        self._streams.left(self)
        self._source.close()


class _Sending(AsyncIterablePayload):
    """Sends the pieces. How long a client may take for one is theirs to say: by itself aiohttp would wait now
    and then, and for any time."""

    def __init__(self, pieces: "_Pieces") -> None:
        super().__init__(pieces, content_type=CONTENT_TYPE)
        self._pieces = pieces

    async def write(self, writer: AbstractStreamWriter) -> None:
        async for piece in self._pieces:
            await cast(StreamWriter, writer).write(piece, drain=False)


class _Pieces:
    """What is sent, piece by piece. No generator, for the reason that other answers in pieces are none."""

    def __init__(
        self, source: Source, still_counts: Callable[[], bool], patience: float, silence: float
    ) -> None:
        self._source = source
        self._still_counts = still_counts
        self._patience = patience
        self._silence = silence
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._asked_at = self._loop.time()
        self._sent_at = self._asked_at - PACE
        self._beginning = BEGINNING
        self._ends: Reason | None = None
        self._is_over = False
        self.writer: AbstractStreamWriter | None = None
        source.begin(self._wake.set)

    def __aiter__(self) -> Self:
        return self

    def end(self, reason: Reason) -> None:
        self._ends = self._ends or reason
        self._wake.set()

    def hang_up(self) -> None:
        self._is_over = True
        self._wake.set()

    async def __anext__(self) -> bytes:
        if self._beginning:
            beginning, self._beginning = self._beginning, b""
            return beginning
        if not await self._all_is_taken():
            self.end("slow")
        while not self._is_ending():
            if (piece := await self._piece()) and not self._is_over:
                self._sent_at = self._loop.time()
                return piece
        if self._is_over:
            raise StopAsyncIteration
        self._is_over = True
        return _closed(self._ends or "stopping")

    async def _piece(self) -> bytes:
        """The next one; nothing if there is none, or a reason to end."""
        if not self._is_still_let_in():
            self.end("not_allowed")
            return b""
        if self._source.is_over:
            self._is_over = True
            return b""
        await self._keep_pace()
        if self._is_ending():
            return b""
        self._wake.clear()
        if (piece := await self._read()) or self._is_ending() or self._source.is_over:
            return piece
        is_woken = await self._wait(self._sent_at + self._silence - self._loop.time())
        return b"" if is_woken else self._source.keep_alive()

    def _is_ending(self) -> bool:
        return self._is_over or self._ends is not None

    def _is_still_let_in(self) -> bool:
        now = self._loop.time()
        if now - self._asked_at < self._silence:
            return True
        self._asked_at = now
        return self._still_counts()

    async def _keep_pace(self) -> None:
        """Wait until the next piece may be sent, or the stream ends."""
        until = self._sent_at + self._source.pace
        while not self._is_ending() and not self._source.has_more:
            if (left := until - self._loop.time()) <= 0:
                return
            self._wake.clear()
            await self._wait(left)

    async def _read(self) -> bytes:
        try:
            piece = await self._source.read()
        except (OSError, JeevesError) as error:
            log.warning("a stream of events ends: %s", error)
            self.end("unreadable")
            return b""
        if piece is None:
            self.end("slow")
            return b""
        return piece

    async def _wait(self, seconds: float) -> bool:
        """Whether it was woken within so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
                return True
        return False

    async def _all_is_taken(self) -> bool:
        """Whether the system takes all that was sent, in time."""
        if self.writer is None:
            return True
        try:
            async with asyncio.timeout(self._patience):
                await self.writer.drain()
        except TimeoutError:
            return False
        return True


def _end_if_unheard(wire: socket.socket, seconds: float) -> None:
    """Have the system end a connection whose other side does not answer: a machine that is gone says nothing.
    By itself Linux tries for a quarter of an hour. What is sent in silences makes it notice."""
    if sys.platform == "linux" and wire.family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))


def _closed(reason: Reason) -> bytes:
    document: ClosedEvent = {"reason": reason, "message": CLOSED[reason]}
    return event_text("closed", document)
