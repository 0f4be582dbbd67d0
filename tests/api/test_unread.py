"""Answers that their clients do not take: they cost little, and not for long."""

import asyncio
import gc
import json
import logging
import socket
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from support.api import Api, with_api
from support.ledger import Ledger

from jeeves_runner.api.connection import Limits
from jeeves_runner.api.responses import PiecesResponse
from jeeves_runner.api.unread import Unread
from jeeves_runner.db import state

MIB = 1 << 20
LARGE = "z" * (3 * MIB)
"""More than the system takes of a connection by itself."""


class HandLoop:
    """The part of an event loop that tells the time and has timers; its time is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object]) -> "Timer":
        timer = Timer(self.now + delay, callback)
        self.timers.append(timer)
        return timer

    def pass_to(self, now: float) -> None:
        """All that comes due until then, in its order."""
        while self.timers and (timer := min(self.timers, key=lambda timer: timer.when)).when <= now:
            self.timers.remove(timer)
            self.now = timer.when
            if not timer.is_cancelled:
                timer.callback()
        self.now = now


@dataclass(eq=False)
class Timer:
    when: float
    callback: Callable[[], object]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Client:
    """A connection whose client takes what the test says."""

    def __init__(self, bytes_held: int = 10) -> None:
        self.bytes_held = self.left = bytes_held
        self.is_cut = False

    def held(self) -> int:
        return self.bytes_held

    def untaken(self) -> int:
        return self.left

    def cut(self) -> None:
        self.is_cut = True


@pytest.fixture
def loop() -> HandLoop:
    return HandLoop()


@pytest.fixture
def unread(loop: HandLoop) -> Unread:
    return Unread(cast(asyncio.AbstractEventLoop, loop), logging.getLogger("unread"), seconds=60, most=100)


def test_a_client_that_takes_nothing_is_given_up_after_its_time(loop: HandLoop, unread: Unread) -> None:
    client = Client()
    unread.begin(client)
    loop.pass_to(59)
    assert not client.is_cut
    loop.pass_to(75)
    assert client.is_cut


def test_a_client_that_takes_little_stays_for_as_long_as_it_takes(loop: HandLoop, unread: Unread) -> None:
    client = Client()
    unread.begin(client)
    for minute in range(1, 10):
        client.left -= 1
        loop.pass_to(50.0 * minute)
    assert not client.is_cut
    loop.pass_to(600)
    assert client.is_cut


def test_a_client_that_took_all_is_not_looked_at_any_more(loop: HandLoop, unread: Unread) -> None:
    client = Client()
    unread.begin(client)
    unread.end(client)
    loop.pass_to(600)
    assert not client.is_cut


def test_of_all_that_hold_too_much_the_one_that_took_nothing_for_longest_goes(
    loop: HandLoop, unread: Unread
) -> None:
    slow, stuck, late, last = clients = [Client(40) for _ in range(4)]
    for client in (slow, stuck):
        unread.begin(client)
    slow.left -= 1
    loop.pass_to(10)
    unread.begin(late)
    assert [client.is_cut for client in clients] == [False, True, False, False]
    unread.end(late)
    unread.begin(last)
    assert [client.is_cut for client in clients] == [False, True, False, False]


def test_the_log_tells_of_any_number_of_them_once(
    loop: HandLoop, unread: Unread, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            unread.begin(Client())
            loop.pass_to(loop.now + 100)
        assert len(caplog.messages) == 1
        loop.pass_to(loop.now + 1000)
    assert caplog.messages == [
        "clients do not take their answers; their connections are closed",
        "clients take their answers again",
    ]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    with ledger.tx() as tx:
        state.set_value(tx, "ns", "large", json.dumps(LARGE))
    return ledger


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_a_large_answer_comes_whole_and_its_file_goes(ledger: Ledger) -> None:
    def files() -> int:
        return sum(1 for link in Path("/proc/self/fd").iterdir() if "(deleted)" in str(link.resolve()))

    async def scenario(api: Api) -> None:
        before = files()
        answer = await api.get("/state/ns/large")
        assert answer.body["value"] == LARGE
        head = await api.ask("HEAD", "/state/ns/large")
        assert head.body == ""
        assert int(head.headers["Content-Length"]) == int(answer.headers["Content-Length"]) > len(LARGE)
        async with asyncio.timeout(30):
            while files() > before:  # noqa: ASYNC110 - it is closed once the answer has been taken
                await asyncio.sleep(0)

    with_api(ledger, scenario)


async def ask_and_wait(api: Api) -> socket.socket:
    """A client that asks for the large value; what it does not read, its system hardly takes for it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MIB // 32)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", api.port))
    head = f"GET /state/ns/large HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\nConnection: close\r\n\r\n"
    await loop.sock_sendall(client, head.encode())
    return client


async def read_all(client: socket.socket, pause: float = 0) -> bytes:
    parts = []
    while part := await asyncio.get_running_loop().sock_recv(client, MIB // 8):
        parts.append(part)
        await asyncio.sleep(pause)
    client.close()
    return b"".join(parts)


def test_a_client_that_does_not_read_is_cut(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(api: Api) -> None:
        clients = [await ask_and_wait(api) for _ in range(3)]
        async with asyncio.timeout(30):
            while caplog.text.count("closed a connection") < 3:  # noqa: ASYNC110 - the log has no event
                await asyncio.sleep(0.01)
        for client in clients:
            with pytest.raises(ConnectionResetError):
                await read_all(client)
            client.close()
        assert (await api.get("/state/ns/large")).body["value"] == LARGE

    with caplog.at_level(logging.DEBUG, "jeeves_runner.http"):
        with_api(ledger, scenario, Limits(untaken=1.5))  # the client that reads keeps to it
    told = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert told == ["clients do not take their answers; their connections are closed"]


@pytest.mark.parametrize("untaken", [0.2, 60.0])
def test_an_answer_that_was_not_taken_is_freed_at_once(
    ledger: Ledger, untaken: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Python's collector, which a server runs once an hour. The client is cut, or hangs up."""
    made, make = list[weakref.ref[PiecesResponse]](), PiecesResponse.__init__

    def noted(answer: PiecesResponse, *args: Any, **options: Any) -> None:
        make(answer, *args, **options)
        made.append(weakref.ref(answer))

    monkeypatch.setattr(PiecesResponse, "__init__", noted)

    async def scenario(api: Api) -> None:
        gc.collect()
        gc.disable()
        try:
            client = await ask_and_wait(api)
            async with asyncio.timeout(30):
                while not made:  # noqa: ASYNC110 - nothing else tells
                    await asyncio.sleep(0.01)
                if untaken > 1:
                    client.close()
                while any(answer() is not None for answer in made):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            client.close()
        finally:
            gc.enable()

    with_api(ledger, scenario, Limits(untaken=untaken))


def test_a_client_that_reads_slowly_gets_all_of_it(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(api: Api) -> bytes:
        client = await ask_and_wait(api)
        return await read_all(client, pause=0.002)

    answer = with_api(ledger, scenario, Limits(untaken=20.0))
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["value"] == LARGE
    assert caplog.messages == []
