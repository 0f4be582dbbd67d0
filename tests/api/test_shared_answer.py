"""Large answers that several clients share, taken by clients of all kinds, over real sockets."""

import asyncio
import select
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger

from jeeves_runner.api.connection import Limits

JOBS = 500
WORDS = "z" * 1000


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    for number in range(JOBS):
        made.add_job(f"job-{number:03}")
    made.conn.execute("UPDATE jobs SET description = ?", (WORDS,))
    return made


async def _asked(api: Api, takes: int = 1 << 16, times: int = 1) -> socket.socket:
    """A connection that has asked for all jobs, and has read nothing yet."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes)
    wire.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(wire, ("127.0.0.1", api.port))
    await loop.sock_sendall(
        wire, times * f"GET /jobs HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\n\r\n".encode()
    )
    return wire


async def _answer(wire: socket.socket, at_once: int) -> tuple[bytes, bytes]:
    """The head and the body of an answer."""
    loop, got = asyncio.get_running_loop(), bytearray()
    while b"\r\n\r\n" not in got:
        got += await loop.sock_recv(wire, 16)  # nothing of the answer after it
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    whole = bytearray(body)
    while len(whole) < length:
        piece = await loop.sock_recv(wire, min(at_once, length - len(whole)))
        assert piece, f"{len(whole)} of {length} bytes came"
        whole += piece
    return head, bytes(whole)


@pytest.mark.parametrize("at_once", [1 << 10, 1 << 16, 1 << 20])
def test_every_client_gets_all_of_it_however_little_it_takes_at_once(ledger: Ledger, at_once: int) -> None:
    async def scenario(api: Api) -> None:
        body = (await api.get("/jobs")).body
        assert len(body["jobs"]) == JOBS
        with ExitStack() as stack:
            wires = [stack.enter_context(await _asked(api, at_once, times=2)) for _ in range(5)]
            firsts = await asyncio.gather(*(_answer(wire, at_once) for wire in wires))
            seconds = await asyncio.gather(*(_answer(wire, at_once) for wire in wires))
        assert all(head.startswith(b"HTTP/1.1 200 ") for head, _ in firsts + seconds)
        assert len({whole for _, whole in firsts + seconds}) == 1
        assert firsts[0][1].count(WORDS.encode()) == JOBS

    with_api(ledger, scenario)


def test_more_clients_than_the_system_holds_much_of_get_all_of_it_too(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        with ExitStack() as stack:
            wires = [stack.enter_context(await _asked(api)) for _ in range(40)]
            found = await asyncio.gather(*(_answer(wire, 1 << 18) for wire in wires))
        assert len({whole for _, whole in found}) == 1

    with_api(ledger, scenario)


def test_a_client_that_takes_nothing_of_it_is_cut_and_others_are_served_meanwhile(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        with await _asked(api, times=9) as wire:
            is_cut = select.poll()
            is_cut.register(wire, select.POLLHUP | select.POLLERR)
            async with asyncio.timeout(30):
                while not is_cut.poll(0):
                    assert len((await api.get("/jobs")).body["jobs"]) == JOBS

    with_api(ledger, scenario, Limits(untaken=1.0))


def test_a_client_that_hangs_up_amid_it_is_no_news(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(api: Api) -> None:
        for _ in range(5):
            with await _asked(api, times=5) as wire:
                await asyncio.get_running_loop().sock_recv(wire, 1)
        with await _asked(api) as wire:
            await _answer(wire, 1 << 16)

    with_api(ledger, scenario)
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
