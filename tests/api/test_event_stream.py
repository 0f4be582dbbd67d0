"""One stream of events: its pace, and each way in which it ends."""

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
from aiohttp.abc import AbstractStreamWriter
from support.events import Event, events_in

from jeeves_runner.api.event_stream import PACE, EventStream, Streams, _end_if_unheard
from jeeves_runner.api.event_text import BEGINNING, event_text
from jeeves_runner.errors import Overloaded
from jeeves_runner.runner.stop import Asked

TEXT = event_text("text", {"text": "more"})


class Has:
    """A source that has what the test says, whenever it is asked."""

    def __init__(self, *pieces: bytes | OSError | None, has_more: bool = False) -> None:
        self.pieces = list(pieces)
        self.has_more = has_more
        self.pace = PACE
        self.is_over = False
        self.wake: Callable[[], None] | None = None

    def begin(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def close(self) -> None:
        self.wake = None

    async def read(self) -> bytes | None:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, OSError):
            raise piece
        return piece

    def keep_alive(self) -> bytes:
        return b":\n\n"


class Wire:
    """The way to a client, which takes what is sent or does not."""

    def __init__(self, *, is_stuck: bool = False) -> None:
        self.is_stuck = is_stuck

    async def drain(self) -> None:
        if self.is_stuck:
            await asyncio.Event().wait()


def streams(**limits: float) -> Streams:
    return Streams(
        Asked(), most=2, patience=limits.get("patience", 60.0), silence=limits.get("silence", 60.0)
    )


async def opened(made: Streams, source: Has, wire: Wire, still_counts: bool = True) -> EventStream:
    async def begin() -> Has:
        return source

    stream = await made.open(begin, lambda: still_counts)
    stream._pieces.writer = cast(AbstractStreamWriter, wire)
    return stream


async def sent(stream: EventStream) -> list[bytes]:
    """All that it sends until it ends; it is closed then."""
    found = [piece async for piece in stream._pieces]
    await stream.close()
    assert found.pop(0) == BEGINNING
    return found


def end(pieces: list[bytes]) -> str:
    [closed] = events_in(pieces[-1].decode())
    assert closed.kind == "closed"
    return str(closed.data["reason"])


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def test_a_client_that_takes_nothing_is_told_that_it_is_slow_and_its_stream_ends() -> None:
    async def scenario() -> None:
        stream = await opened(streams(patience=0.01), Has(TEXT), Wire(is_stuck=True))
        assert end(await sent(stream)) == "slow"

    run(scenario)


def test_so_is_one_that_its_source_has_gone_ahead_of() -> None:
    async def scenario() -> None:
        pieces = await sent(await opened(streams(), Has(TEXT, None), Wire()))
        assert (pieces[0], end(pieces)) == (TEXT, "slow")

    run(scenario)


def test_what_cannot_be_read_ends_the_stream() -> None:
    async def scenario() -> None:
        assert end(await sent(await opened(streams(), Has(OSError("gone")), Wire()))) == "unreadable"

    run(scenario)


def test_a_caller_who_counts_no_more_is_noticed_in_a_silence_and_in_none() -> None:
    async def scenario() -> None:
        silent = await sent(await opened(streams(silence=0.01), Has(), Wire(), still_counts=False))
        assert end(silent) == "not_allowed"
        busy = await sent(await opened(streams(silence=0.01), Has(*[TEXT] * 99), Wire(), still_counts=False))
        assert end(busy) == "not_allowed"
        assert len(busy) < 99

    run(scenario)


@pytest.mark.parametrize(("has_more", "at_least"), [(False, 2 * PACE), (True, 0.0)])
def test_pieces_keep_their_pace_but_for_those_that_are_behind(has_more: bool, at_least: float) -> None:
    async def scenario() -> None:
        source = Has(TEXT, TEXT, TEXT, None, has_more=has_more)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert len(await sent(await opened(streams(), source, Wire()))) == 4
        assert at_least <= loop.time() - begun < at_least + PACE * 4

    run(scenario)


def test_an_end_does_not_wait_for_the_pace() -> None:
    async def scenario() -> None:
        made = streams()
        stream = await opened(made, Has(TEXT), Wire())
        pieces = aiter(stream._pieces)
        assert [await anext(pieces), await anext(pieces)] == [BEGINNING, TEXT]
        last = asyncio.create_task(anext(pieces))
        await asyncio.sleep(0)
        await made.close()
        assert end([await last]) == "stopping"

    run(scenario)


def test_a_client_that_hangs_up_leaves_nothing_behind() -> None:
    async def scenario() -> None:
        made, source = streams(), Has()
        stream = await opened(made, source, Wire())
        sending = asyncio.create_task(sent(stream))
        await asyncio.sleep(0)
        stream.hang_up()
        assert await sending == []
        assert (made.count, source.wake) == (0, None)

    run(scenario)


def test_there_are_no_more_than_were_said() -> None:
    async def scenario() -> None:
        made = streams()
        first, _ = await opened(made, Has(), Wire()), await opened(made, Has(), Wire())
        with pytest.raises(Overloaded):
            await opened(made, Has(), Wire())
        await first.close()
        await opened(made, Has(), Wire())

    run(scenario)


def test_a_source_that_is_over_ends_the_stream_without_a_word() -> None:
    async def scenario() -> None:
        source = Has()
        source.is_over = True
        assert await sent(await opened(streams(), source, Wire())) == []

    run(scenario)


def test_an_event_is_one_line_of_data_whatever_is_in_it() -> None:
    text = "a\nb\r\n\u2028: c"
    assert list(events_in(event_text("text", {"text": text}, "7").decode())) == [
        Event("text", {"text": text}, "7")
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such option")
def test_the_system_ends_a_stream_whose_other_side_is_gone() -> None:
    """A machine that was unplugged says nothing; what is sent to it is not acknowledged."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as wire,
    ):
        _end_if_unheard(wire, 60.0)
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
    with socket.socket(socket.AF_UNIX) as local:
        _end_if_unheard(local, 60.0)
