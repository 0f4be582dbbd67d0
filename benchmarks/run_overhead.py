"""A run of an empty script, its start and outcome durable: in process, over HTTP, and beside a subprocess."""

import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.corpus import write_small_project
from benchmarks.measure import Row, ms
from jeeves_runner.clock import SystemClock
from jeeves_runner.config import load_config
from jeeves_runner.service import Runner

SCRIPT = "#!/bin/sh\n"
WARM_UP = 20
MANIFEST = "jobs:\n  - {id: empty, script: empty.sh, timeout: 1m}\n"


@asynccontextmanager
async def running(root: Path) -> AsyncIterator[Runner]:
    """A whole runner in this process, on a free port."""
    async with AsyncExitStack() as stack:
        runner = Runner(load_config(root, None), SystemClock(), stack)
        await runner.start()
        yield runner


def project(root: Path) -> Path:
    return write_small_project(root, MANIFEST, "empty.sh", SCRIPT)


class Client(asyncio.Protocol):
    """One open connection and as little HTTP as possible: a client library would add time of its own."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._received = b""
        self._answered: asyncio.Future[bytes] | None = None
        self._transport: asyncio.WriteTransport

    @classmethod
    async def connect(cls, url: str) -> "Client":
        host = url.removeprefix("http://")
        name, _, port = host.rpartition(":")
        _, client = await asyncio.get_running_loop().create_connection(lambda: cls(host), name, int(port))
        return client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if self._answered is not None and length and len(body) >= int(length):
            self._received = b""
            self._answered.set_result(body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionResetError("the server hung up without an answer"))

    async def post(self, path: str) -> Any:
        if self._transport.is_closing():
            raise ConnectionResetError("the server has hung up")
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        return json.loads(await self._answered)


Act = Callable[[], Awaitable[None]]


async def in_turns(one: Act, other: Act, rounds: int) -> tuple[float, float]:
    """Medians, in seconds, of two acts that take turns, so that noise hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    for n in range(rounds + WARM_UP):
        for act, found in zip((one, other), times, strict=True):
            start = time.perf_counter()
            await act()
            if n >= WARM_UP:
                found.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


async def measure(root: Path, rounds: int) -> tuple[float, float, float]:
    """In seconds: a bare subprocess, a run in process, and what HTTP adds to a run."""
    script = str(project(root))
    async with running(root) as runner:
        client = await Client.connect(runner.url)

        async def bare() -> None:
            subprocess.run([script], capture_output=True, check=True)

        async def in_process() -> None:
            run = await runner.runs.wait((await runner.runs.request("empty")).id)
            assert run.status == "ok", run

        async def over_http() -> None:
            answer = await client.post("/jobs/empty/run")
            assert answer["result"]["status"] == "ok", answer

        spawned, ran = await in_turns(bare, in_process, rounds)
        ran_beside, answered = await in_turns(in_process, over_http, rounds)
    return spawned, ran, answered - ran_beside


def main(rounds: int = 1000) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        bare, inside, added = asyncio.run(measure(Path(folder), rounds))
    return [
        Row.against("in process, durable start and outcome", inside, bare, 2.5),
        Row(what="HTTP on top", value=ms(added), floor="", ratio=None, target=None, met=added <= 0.0005),
    ]
