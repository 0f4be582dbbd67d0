"""Clients of streams that stop to read, by real sockets, for which the system holds some of what is sent."""

import asyncio
import socket
from contextlib import closing
from pathlib import Path

import pytest
from support.api import Api, shell_job, with_api
from support.events import Event, events_in
from support.ledger import Ledger

from jeeves_runner.api import event_stream
from jeeves_runner.api.connection import Limits
from jeeves_runner.execute.output import log_thread

SIZE = 9_000_000
"""Bytes of a log; more than the system takes of a connection by itself."""

LIMITS = Limits(untaken=3.0)
CR_LF = b"\r\n"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(log_thread, "MAX_WAITING", SIZE * 2)  # nothing is lost to a disk that is slow
    made = Ledger(tmp_path / "runner.sqlite")
    shell_job(made, "greet", f"head -c {SIZE} /dev/zero | tr '\\0' x")
    return made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once a stream has a last word for its client."""
    is_told, closed = asyncio.Event(), event_stream._closed

    def tell(reason: event_stream.Reason) -> bytes:
        is_told.set()
        return closed(reason)

    monkeypatch.setattr(event_stream, "_closed", tell)
    return is_told


async def asked(api: Api, run_id: int, last_id: str) -> socket.socket:
    """A connection that has asked for the stream of a log, and has read nothing yet."""
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    wire.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(wire, ("127.0.0.1", api.port))
    lines = [f"GET /runs/{run_id}/logs?follow=1 HTTP/1.1", f"Host: 127.0.0.1:{api.port}"]
    lines += [f"Last-Event-ID: {last_id}"] if last_id else []
    await loop.sock_sendall(wire, "\r\n".join([*lines, "", ""]).encode())
    return wire


async def rest(wire: socket.socket) -> list[Event]:
    """All that comes until the server closes the connection."""
    loop, answer = asyncio.get_running_loop(), bytearray()
    while piece := await loop.sock_recv(wire, 1 << 20):
        answer += piece
    chunks, body = bytes(answer).partition(2 * CR_LF)[2], bytearray()
    while chunks:
        size, _, chunks = chunks.partition(CR_LF)
        body += chunks[: int(size, 16)]
        chunks = chunks[int(size, 16) + len(CR_LF) :]
    return list(events_in(body.decode()))


def test_a_client_that_stops_to_read_is_told_so_and_goes_on_where_it_was(
    ledger: Ledger, told: asyncio.Event
) -> None:
    async def scenario(api: Api) -> None:
        run = (await api.post("/jobs/greet/run")).body["result"]
        text, last_id, streams = "", "", 0
        while True:
            with closing(await asked(api, run["id"], last_id)) as wire:
                if streams == 0:
                    async with asyncio.timeout(60):
                        await told.wait()
                *texts, last = await rest(wire)
            streams += 1
            text += "".join(event.data["text"] for event in texts)
            if last.kind == "end":
                break
            assert (last.kind, last.data["reason"]) == ("closed", "slow")
            last_id = texts[-1].id
        assert streams == 2
        assert text == "x" * SIZE

    with_api(ledger, scenario, LIMITS)
