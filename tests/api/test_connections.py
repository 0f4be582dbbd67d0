"""Connections cost the runner little: there are not too many of them, and none stays for nothing."""

import asyncio
import json
import logging
import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from support.api import Answer, Api, problem, shell_job, with_api
from support.ledger import Ledger

from jeeves_runner.api import accepting
from jeeves_runner.api.connection import Limits, connections_within
from jeeves_runner.api.server import listen

SHORT = 0.1
"""Seconds, for what a test waits for the end of."""

POST = "POST /jobs/greet/run HTTP/1.1\r\nHost: {host}\r\n"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    shell_job(ledger, "greet", "echo hello")
    return ledger


class Wire:
    """A connection whose client speaks byte by byte."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def __aenter__(self) -> "Wire":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._api.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, text: str) -> None:
        self.writer.write(text.replace("{host}", f"127.0.0.1:{self._api.port}").encode("latin-1"))

    async def rest(self) -> str:
        """All that comes until the server closes the connection."""
        async with asyncio.timeout(30):
            return (await self.reader.read()).decode()

    async def answer(self) -> tuple[int, dict[str, object]]:
        """Status and body of one answer."""
        async with asyncio.timeout(30):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
            body = json.loads(await self.reader.readexactly(length))
        assert "problem+json" in head or head.split()[1] == "200"
        return int(head.split()[1]), body


async def runs_begun(ledger: Ledger, number: int) -> None:
    """Until so many runs have been asked for."""
    async with asyncio.timeout(30):
        while ledger.count("runs") < number:  # noqa: ASYNC110 - the row is all there is to see
            await asyncio.sleep(0.01)


def test_one_connection_too_many_is_told_so_and_closed(ledger: Ledger) -> None:
    shell_job(ledger, "patient", "exec sleep 60", overlap_policy="allow")

    async def scenario(api: Api) -> None:
        async with Wire(api) as first, Wire(api) as second:
            for number, wire in enumerate((first, second), 1):
                wire.send("POST /jobs/patient/run HTTP/1.1\r\nHost: {host}\r\n\r\n")
                await runs_begun(ledger, number)
            async with Wire(api) as third:
                status, body = await third.answer()
                assert (status, body["error"]) == (503, "too many connections are open to this server")
                assert await third.rest() == ""

    with_api(ledger, scenario, Limits(connections=2))


def test_a_new_connection_takes_the_place_of_the_one_that_has_been_idle_longest(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        async with Wire(api) as first, Wire(api) as second:
            for wire in (first, second, first):
                wire.send("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")
                assert await wire.answer() == (200, {"status": "ok"})
            async with Wire(api) as third:
                third.send("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")
                assert await third.answer() == (200, {"status": "ok"})
                assert await second.rest() == ""
                first.send("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")
                assert await first.answer() == (200, {"status": "ok"})

    with_api(ledger, scenario, Limits(connections=2))


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(1 << 20, 4096), (16384, 4096), (4096, 1024), (1024, 256), (3, 1)]
)
def test_connections_leave_descriptors_for_runs(descriptors: int, connections: int) -> None:
    assert connections_within(descriptors) == connections


async def asked_again(api: Api) -> Answer | None:
    """The runs, or None from a server that has not yet seen that the other client is gone."""
    with suppress(aiohttp.ClientError):
        answer = await api.get("/runs")
        return None if answer.status == 503 else answer
    return None


def test_who_hung_up_does_not_count_although_its_run_goes_on(ledger: Ledger) -> None:
    shell_job(ledger, "patient", "exec sleep 60")

    async def scenario(api: Api) -> None:
        async with Wire(api) as wire:
            wire.send("POST /jobs/patient/run HTTP/1.1\r\nHost: {host}\r\n\r\n")
            await runs_begun(ledger, 1)
        async with asyncio.timeout(30):
            while (answer := await asked_again(api)) is None:
                pass
        assert [run["status"] for run in answer.body["runs"]] == ["running"]

    with_api(ledger, scenario, Limits(connections=1))


@pytest.mark.parametrize("begun", ["", "GET /healthz HTTP/1.1\r\nHost: "])
def test_a_connection_without_a_whole_head_is_closed(ledger: Ledger, begun: str) -> None:
    async def scenario(api: Api) -> None:
        async with Wire(api) as wire:
            wire.send(begun)
            assert await wire.rest() == ""

    with_api(ledger, scenario, Limits(head=SHORT))


def test_a_head_in_time_may_wait_long_for_its_answer(ledger: Ledger) -> None:
    shell_job(ledger, "patient", "sleep 1.5")

    async def scenario(api: Api) -> None:
        assert (await api.post("/jobs/patient/run")).body["result"]["status"] == "ok"

    with_api(ledger, scenario, Limits(head=1.0))


def test_an_idle_connection_is_closed(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        async with Wire(api) as wire:
            wire.send("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")
            assert await wire.answer() == (200, {"status": "ok"})
            assert await wire.rest() == ""

    with_api(ledger, scenario, Limits(idle=SHORT))


def test_nor_does_half_of_a_second_head_keep_it(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        async with Wire(api) as wire:
            wire.send("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\nGET /healthz HTTP/1.1\r\nHo")
            assert await wire.answer() == (200, {"status": "ok"})
            assert await wire.rest() == ""

    with_api(ledger, scenario, Limits(idle=SHORT))


def test_a_body_that_does_not_come_is_a_problem(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        async with Wire(api) as wire:
            wire.send(POST + "Content-Length: 9\r\n\r\n{")
            status, body = await wire.answer()
            assert (status, body["error"]) == (408, "the body did not arrive in time")

    with_api(ledger, scenario, Limits(body=SHORT))
    assert ledger.count("runs") == 0


def test_bodies_that_do_not_come_to_their_end_hold_so_much_together(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        async with Wire(api) as first:
            first.send(POST + "Content-Length: 1000\r\n\r\n" + " " * 900)
            async with asyncio.timeout(30):
                while (answer := await api.post("/jobs/greet/pause", {"reason": "x" * 200})).status == 200:
                    pass
            assert problem(answer) == (503, "too many bodies of requests are on their way")
        async with asyncio.timeout(30):
            while (answer := await api.post("/jobs/greet/pause", {"reason": "x" * 200})).status == 503:
                pass
        assert answer.status == 200

    with_api(ledger, scenario, Limits(memory=1000))


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        ("hello\r\n\r\n", 400, "this is not HTTP"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "this is not HTTP as the server reads it: Missing 'Host'"),
        (
            f"GET /{'a' * 20_000} HTTP/1.1\r\n\r\n",
            414,
            "the path and the query have more than 19456 bytes together",
        ),
        (f"GET /?a={'a' * 20_000} HTTP/1.1\r\n\r\n", 414, "the path and the query have more than 19456"),
        (f"GET / HTTP/1.1\r\nA: {'a' * 9_000}\r\n\r\n", 431, "a header has more than 8190 bytes"),
        (f"GET / HTTP/1.1\r\n{'a' * 9_000}: a\r\n\r\n", 431, "a header has more than 8190 bytes"),
        ("GET / HTTP/1.1\r\n" + "A: a\r\n" * 200 + "\r\n", 431, "there are too many headers"),
        (POST + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "this is not HTTP"),
        (
            POST + "Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello",
            415,
            "the body is no JSON by its Content-Type, or has a",
        ),
        (POST + "Content-Length: 5\r\nContent-Encoding: br\r\n\r\nhello", 415, ""),
        ("GET / HTTP/1.1\r\nHost: {host}\r\nExpect: miracles\r\n\r\n", 417, "this server knows no such"),
        ("GET /no HTTP/1.1\r\nHost: {host}\r\nExpect: miracles\r\n\r\n", 417, "this server knows no such"),
    ],
)
def test_what_is_no_proper_http_is_a_problem_and_no_news(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, text: str, status: int, error: str
) -> None:
    async def scenario(api: Api) -> None:
        async with Wire(api) as wire:
            wire.send(text)
            answered, body = await wire.answer()
            assert answered == status
            assert str(body["error"]).startswith(error)

    with caplog.at_level(logging.DEBUG):
        with_api(ledger, scenario)
    assert [line for line in caplog.records if line.levelno > logging.DEBUG or line.exc_info] == []
    assert ledger.count("runs") == 0


def test_a_client_that_hangs_up_amid_its_body_is_no_news(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(api: Api) -> None:
        async with Wire(api) as wire:
            wire.send(POST + "Content-Length: 9\r\n\r\n{")
        async with asyncio.timeout(30):
            while "the client hung up" not in caplog.text:  # noqa: ASYNC110 - the log is all there is to see
                await asyncio.sleep(0.01)

    with caplog.at_level(logging.DEBUG):
        with_api(ledger, scenario)
    assert [line for line in caplog.records if line.levelno > logging.DEBUG or line.exc_info] == []
    assert ledger.count("runs") == 0


def test_a_client_that_expects_to_go_on_and_hangs_up_is_no_news(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(api: Api) -> None:
        loop = asyncio.get_running_loop()
        for path in ("/jobs/greet/run", "/no") * 10:
            with socket.socket() as client:
                client.setblocking(False)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                await loop.sock_connect(client, ("127.0.0.1", api.port))
                head = POST.replace("/jobs/greet/run", path).replace("{host}", f"127.0.0.1:{api.port}")
                client.send(f"{head}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n".encode())
                await asyncio.sleep(0)
        assert (await api.get("/healthz")).status == 200

    with_api(ledger, scenario)
    assert caplog.records == []


def test_a_client_is_told_to_go_on_only_where_its_body_is_read(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        async with Wire(api) as wire:
            wire.send("POST /jobs/greet/run HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\n")
            wire.send("Content-Type: application/json\r\nContent-Length: 2\r\n\r\n")
            assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            wire.send("{}")
            assert (await wire.answer())[0] == 200
        async with Wire(api) as wire:
            wire.send("POST /jobs/greet/run HTTP/1.1\r\nHost: evil\r\nExpect: 100-continue\r\n")
            wire.send("Content-Type: application/json\r\nContent-Length: 2\r\n\r\n")
            assert (await wire.answer())[0] == 403
        async with Wire(api) as wire:
            wire.send("POST /jobs/greet/run HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\n")
            wire.send("Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n")
            assert (await wire.answer())[0] == 413

    with_api(ledger, scenario)


def test_without_free_descriptors_connections_wait_and_the_log_says_so_once(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(api: Api) -> None:
        loop = asyncio.get_running_loop()
        clients = [socket.socket() for _ in range(3)]
        with no_free_descriptor():
            for client in clients:
                client.setblocking(False)
                await loop.sock_connect(client, ("127.0.0.1", api.port))
            async with asyncio.timeout(30):
                while not caplog.records:  # noqa: ASYNC110 - the log has no event
                    await asyncio.sleep(0)
        for client in clients:
            host = f"127.0.0.1:{api.port}"
            await loop.sock_sendall(client, f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert (await loop.sock_recv(client, 100)).startswith(b"HTTP/1.1 200")
            client.close()

    with_api(ledger, scenario)
    (record,) = caplog.records
    assert record.getMessage() == "no connection is taken for now: Too many open files; it is tried again"
    assert record.exc_info is None


def test_a_listener_closed_while_it_waits_for_a_descriptor_listens_no_more(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "_REST", 0.001)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            taking = accepting.Accepting(listener, asyncio.Protocol)
            client.setblocking(False)
            with no_free_descriptor():
                await loop.sock_connect(client, listener.getsockname())
                async with asyncio.timeout(30):
                    while not caplog.records:  # noqa: ASYNC110 - the log has no event
                        await asyncio.sleep(0)
            taking.close()
            taking.close()
            after_the_rest = asyncio.Event()
            loop.call_later(2 * accepting._REST, after_the_rest.set)
            await after_the_rest.wait()

    asyncio.run(scenario())
    assert len(caplog.records) == 1


@contextmanager
def no_free_descriptor() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = os.open(os.devnull, os.O_RDONLY)
    os.close(first_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_many_connections_that_come_at_once_find_a_place_before_they_are_taken() -> None:
    """One that finds none tries again after a second: the system drops its first packet."""
    limit = Path("/proc/sys/net/core/somaxconn")
    most = min(300, int(limit.read_text()) if limit.exists() else 100)
    with closing(listen("127.0.0.1", 0)) as listener, ExitStack() as stack:
        for _ in range(most):
            client = stack.enter_context(socket.socket())
            client.settimeout(0.9)
            client.connect(listener.getsockname())


def test_many_connections_that_come_at_once_leave_turns_to_runs_that_start() -> None:
    async def scenario() -> list[int]:
        made, of_turns = list[asyncio.Protocol](), list[int]()

        def connect() -> asyncio.Protocol:
            made.append(asyncio.Protocol())
            return made[-1]

        with closing(listen("127.0.0.1", 0)) as listener, ExitStack() as stack:
            for _ in range(64):
                client = stack.enter_context(socket.socket())
                client.connect(listener.getsockname())
            taking = accepting.Accepting(listener, connect)
            async with asyncio.timeout(30):
                while len(made) < 64:
                    before = len(made)
                    await asyncio.sleep(0)
                    of_turns.append(len(made) - before)
            taking.close()
        return of_turns

    assert max(asyncio.run(scenario())) <= 8
