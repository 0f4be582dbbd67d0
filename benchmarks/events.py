"""Streams of events: what a thousand idle ones cost, what fifty cost while runs end, and how soon they tell.

The server is a process of its own, whose seconds of the processor are counted without those of its runs.
"""

import asyncio
import os
import resource
import statistics
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path

from support.server import Server, serving

from benchmarks.corpus import write_small_project
from benchmarks.measure import Row, ms
from benchmarks.run_overhead import SCRIPT, Client
from jeeves_runner import client as scripts

IDLE = 1000
MOST_OF_A_CORE = 0.02
MOST_MIB = 100
STREAMS = 50
A_SECOND = 100
"""Runs that are asked for in a second."""
MANIFEST = "jobs:\n  - {id: empty, script: empty.sh, timeout: 1m, overlap_policy: allow}\n"
SOON = 0.1
"""Seconds within which an event is there, where little happens."""
_DESCRIPTORS = 16_384
_TICKS = os.sysconf("SC_CLK_TCK")
_KIB_OF_PAGE = os.sysconf("SC_PAGESIZE") // 1024


class Listener(asyncio.Protocol):
    """One stream and as little of a client as possible."""

    def __init__(self, host: str, path: str) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self.ready = asyncio.Event()
        self.told = asyncio.Event()

    @classmethod
    async def open(cls, url: str, stack: AsyncExitStack, path: str = "/events") -> "Listener":
        host = url.removeprefix("http://")
        name, _, port = host.rpartition(":")
        loop = asyncio.get_running_loop()
        transport, listener = await loop.create_connection(lambda: cls(host, path), name, int(port))
        stack.callback(transport.abort)
        await listener.ready.wait()
        return listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if b"event: ready" in data:
            self.ready.set()
        if b"event: queue" in data:
            self.told.set()


def processor_seconds(server: Server) -> float:
    """Of the server itself, without its runs and its other processes."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(server: Server) -> float:
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * _KIB_OF_PAGE / 1024


async def idle(server: Server, seconds: int) -> list[Row]:
    """What a thousand streams cost that have nothing to tell."""
    before, began = processor_seconds(server), time.monotonic()
    await asyncio.sleep(seconds)
    alone = (processor_seconds(server) - before) / (time.monotonic() - began)
    small = memory_mib(server)
    async with AsyncExitStack() as stack:
        for _ in range(IDLE):
            await Listener.open(server.url, stack)
        taken = memory_mib(server) - small
        before, began = processor_seconds(server), time.monotonic()
        await asyncio.sleep(seconds)
        core = (processor_seconds(server) - before) / (time.monotonic() - began) - alone
    return [
        Row(
            what=f"{IDLE:,} idle streams, of a core",
            value=f"{core:.1%}",
            floor=f"{alone:.1%}",
            met=core < MOST_OF_A_CORE,
        ),
        Row(what=f"{IDLE:,} idle streams, memory", value=f"{taken:.0f} MiB", met=taken < MOST_MIB),
    ]


async def runs(server: Server, count: int) -> float:
    """Seconds of the processor for each of so many runs, asked for at their pace."""
    client = await Client.connect(server.url)
    before, began = processor_seconds(server), time.monotonic()
    last = 0
    for n in range(count):
        answer = await client.post("/jobs/empty/run?wait=0s")
        last = (answer.get("run") or answer["result"])["id"]
        await asyncio.sleep(max(0.0, began + n / A_SECOND - time.monotonic()))
    await ended(server, last)
    return (processor_seconds(server) - before) / count


async def ended(server: Server, run_id: int) -> None:
    while (await asyncio.to_thread(server.get, f"/runs/{run_id}?wait=1m"))["run"]["finished_at"] is None:
        pass


async def burdened(server: Server, rounds: int) -> Row:
    """A run with fifty streams that hear of it, beside one of which nothing hears."""
    alone, heard = [], []
    await runs(server, A_SECOND)
    for _ in range(rounds):
        alone.append(await runs(server, 2 * A_SECOND))
        async with AsyncExitStack() as stack:
            for _ in range(STREAMS):
                await Listener.open(server.url, stack)
            heard.append(await runs(server, 2 * A_SECOND))
    what = f"a run of {A_SECOND} a second with {STREAMS} streams, processor"
    return Row.against(what, statistics.median(heard), statistics.median(alone), 1.25)


async def soon(server: Server, root: Path, count: int) -> Row:
    """From the commit of another process to the event, where nothing else happens."""
    taken = []
    with scripts.Client(str(root / "data" / "runner.sqlite")) as jr:
        async with AsyncExitStack() as stack:
            listener = await Listener.open(server.url, stack)
            for n in range(count):
                await asyncio.sleep(0.3 + 0.007 * (n % 10))  # so that no look has just been
                listener.told.clear()
                jr.enqueue("mail", n)
                committed = time.perf_counter()
                await listener.told.wait()
                taken.append(time.perf_counter() - committed)
    median = statistics.median(taken)
    return Row(
        what="from a commit to its event, the longest in the last column but one",
        value=ms(median),
        floor=ms(max(taken)),
        met=median <= SOON,
    )


def main(rounds: int) -> list[Row]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _DESCRIPTORS), hard))
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_small_project(root, MANIFEST, "empty.sh", SCRIPT)
        server = stack.enter_context(serving(root))

        async def measure() -> list[Row]:
            return [
                *await idle(server, 5 * rounds),
                await burdened(server, rounds),
                await soon(server, root, 10 * rounds),
            ]

        found = asyncio.run(measure())
        with suppress(OSError):
            server.stop()
    return found
