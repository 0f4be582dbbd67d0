"""A run of an empty script, its start and outcome durable: in process and over HTTP, beside a subprocess."""

import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, ms
from jeeves_runner.clock import SystemClock
from jeeves_runner.config import load_config
from jeeves_runner.service import Runner

SCRIPT = "#!/bin/sh\n"
MANIFEST = "jobs:\n  - {id: empty, script: empty.sh, timeout: 1m}\n"


@asynccontextmanager
async def running(root: Path) -> AsyncIterator[Runner]:
    """A whole runner in this process, on a free port."""
    async with AsyncExitStack() as stack:
        runner = Runner(load_config(root, None), SystemClock(), stack)
        await runner.start()
        yield runner


def project(root: Path) -> Path:
    script = root / "empty.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    (root / "jobs.d").mkdir()
    (root / "jobs.d" / "empty.yaml").write_text(MANIFEST)
    (root / "jeeves-runner.yaml").write_text("port: 0\n")
    return script


class Client:
    """One kept connection and as little as HTTP needs: a client library's own time is not the server's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host

    @classmethod
    async def connect(cls, url: str) -> "Client":
        host = url.removeprefix("http://")
        name, _, port = host.rpartition(":")
        reader, writer = await asyncio.open_connection(name, int(port))
        return cls(reader, writer, host)

    async def post(self, path: str) -> Any:
        self._writer.write(
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: 0\r\n\r\n".encode()
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        return json.loads(await self._reader.readexactly(length))


async def measure(root: Path, rounds: int) -> tuple[float, float, float]:
    """Medians in seconds of a bare subprocess, a run in process, a run over HTTP, taking turns."""
    script = str(project(root))
    bare, inside, over_http = [], [], []
    async with running(root) as runner:
        client = await Client.connect(runner.url)
        for n in range(rounds + 20):
            start = time.perf_counter()
            subprocess.run([script], capture_output=True, check=True)
            spawned = time.perf_counter()
            run = await runner.runs.wait((await runner.runs.trigger("empty")).id)
            ended = time.perf_counter()
            assert run.status == "ok", run
            answer = await client.post("/jobs/empty/run")
            answered = time.perf_counter()
            assert answer["result"]["status"] == "ok", answer
            if n >= 20:
                bare.append(spawned - start)
                inside.append(ended - spawned)
                over_http.append(answered - ended)
    return statistics.median(bare), statistics.median(inside), statistics.median(over_http)


def main(rounds: int = 400) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jr-bench-") as folder:
        bare, inside, over_http = asyncio.run(measure(Path(folder), rounds))
    added = over_http - inside
    return [
        Row.against("in process, durable start and outcome", inside, bare, 2.5),
        Row(what="HTTP on top", value=ms(added), floor="", ratio=None, target=None, met=added <= 0.0005),
    ]
