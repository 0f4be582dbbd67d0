"""What fifty open pages cost a server while a hundred runs a second end.

Each does what ``live.js`` does in a browser of its own: it has a stream that says that something has changed,
and comes again at the pace it is told. The server beside it, with the same data and as many runs, has never
had a stream: once one was open, a server goes on to look for events for some minutes.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import aiohttp
from support.dashboard_world import make
from support.pages import BROWSER
from support.server import Server, serving

from benchmarks.events import A_SECOND
from benchmarks.measure import Row
from benchmarks.run_overhead import Client
from jeeves_runner.dashboard.routes import PAGES

PAGES_OPEN: Final = 50
MOST_OF_A_CORE: Final = 0.05

_MIX: Final = (
    ("/", 12), ("/jobs", 8), ("/runs", 8), ("/jobs/empty", 4), ("/timeline", 4), ("/queues", 4),
    ("/schedule", 2), ("/alerts", 3), ("/sync", 2), ("/graph", 1), ("/state", 1), ("/revisions", 1),
)  # fmt: skip
"""Which pages are open, and how many of each."""

_HELD: Final = 0.25
"""Seconds that ``live.js`` waits at least after it was told."""

_SLICE: Final = 2
"""Seconds of one turn."""

_OF_A_PROCESS: Final = 2
"""Linux: the end of the number of a clock that counts the processor of a process, with all of its threads."""

_EMPTY: Final = """\
jobs:
  - {id: empty, command: ["/bin/true"], timeout: 1m, overlap_policy: allow}
"""


class OpenPage:
    """A page in a browser of its own."""

    def __init__(self, session: aiohttp.ClientSession, url: str, path: str) -> None:
        self._session = session
        self._url = url
        self._path = path
        self._kinds: set[str] = set()
        self._pace = 1.0
        self._tag: str | None = None
        self._wanted = asyncio.Event()
        self.came = 0
        """How often it has come again."""

    async def stay(self, opened: Callable[[], None]) -> None:
        """Until it is cancelled."""
        text = await self._ask({})
        self._kinds = set(text.partition('data-live="')[2].partition('"')[0].split())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(opened))
            tasks.create_task(self._come_again())

    async def _listen(self, opened: Callable[[], None]) -> None:
        async with self._session.get(f"{self._url}/events?brief=true") as stream:
            name = b""
            async for line in stream.content:
                if line.startswith(b"event: "):
                    name = line[7:].strip()
                    if name == b"ready":
                        opened()
                elif line.startswith(b"data: ") and name == b"changed":
                    self._told(json.loads(line[6:])["kinds"])

    def _told(self, kinds: Sequence[str]) -> None:
        if self._kinds.intersection(kinds):
            self._wanted.set()

    async def _come_again(self) -> None:
        asked_at = 0.0
        while True:
            await self._wanted.wait()
            await asyncio.sleep(max(_HELD, asked_at + self._pace - time.monotonic()))
            self._wanted.clear()
            asked_at = time.monotonic()
            await self._ask({"Jeeves-Refresh": "1"})
            self.came += 1

    async def _ask(self, headers: dict[str, str]) -> str:
        sent = {"Accept": BROWSER, "Accept-Encoding": "gzip", **headers}
        if self._tag is not None:
            sent["If-None-Match"] = self._tag
        async with self._session.get(self._url + self._path, headers=sent) as answer:
            assert answer.status in (200, 304), (self._path, answer.status)
            self._pace = int(answer.headers["Jeeves-Pace"]) / 1000
            if "Jeeves-Old" in answer.headers:
                self._wanted.set()
            self._tag = answer.headers.get("ETag", self._tag)
            return await answer.text()


class Opened:
    """Fifty of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stack = AsyncExitStack()
        self._pages: list[OpenPage] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Opened":
        left = PAGES_OPEN
        all_there = asyncio.Event()

        def opened() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                all_there.set()

        for path in paths():
            connector = aiohttp.TCPConnector(limit=2)
            session = await self._stack.enter_async_context(
                aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
            )
            self._pages.append(OpenPage(session, self._url, path))
            self._tasks.append(asyncio.create_task(self._pages[-1].stay(opened)))
        await all_there.wait()
        return self

    async def __aexit__(self, *_about: object) -> None:
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()
        failed = [end for end in ends if isinstance(end, Exception)]
        if failed:
            raise ExceptionGroup("pages that could not stay open", failed)

    @property
    def came(self) -> int:
        """How often pages have come again, all together."""
        return sum(page.came for page in self._pages)


def paths() -> Sequence[str]:
    """One for each page that is open."""
    there = {page.path for page in PAGES}
    mix = [path for path, count in _MIX if path in there or path == "/jobs/empty" for _ in range(count)]
    mix = [path for path in mix if path != "/jobs/empty" or "/jobs/{job}" in there]
    return [mix[number % len(mix)] for number in range(PAGES_OPEN)]


def processor_seconds(server: Server) -> float:
    """Of the server itself, without its runs and its other processes, to the nanosecond."""
    return time.clock_gettime(~server.pid << 3 | _OF_A_PROCESS)


async def runs(server: Server) -> float:
    """A hundred runs a second are asked for and end; how many a second it were."""
    client = await Client.connect(server.url)
    began = time.monotonic()
    for number in range(_SLICE * A_SECOND):
        await client.post("/jobs/empty/run?wait=0s")
        await asyncio.sleep(max(0.0, began + (number + 1) / A_SECOND - time.monotonic()))
    return _SLICE * A_SECOND / (time.monotonic() - began)


async def measure(alone: Server, looked_at: Server, rounds: int) -> Row:
    """Short turns, so that noise hits both. What a server takes is counted over the turns of both: pages that
    come again once its own turn is over belong to it."""
    more, without, paces = [], [], []
    async with Opened(looked_at.url) as opened:
        for server in (alone, looked_at):
            await runs(server)
        came = opened.came
        for _ in range(rounds):
            before = processor_seconds(alone), processor_seconds(looked_at)
            paces += [await runs(alone), await runs(looked_at)]
            floor = processor_seconds(alone) - before[0]
            more.append((processor_seconds(looked_at) - before[1] - floor) * paces[-1] / A_SECOND / _SLICE)
            without.append(floor * paces[-2] / A_SECOND / _SLICE)
        each = (opened.came - came) / rounds / _SLICE / PAGES_OPEN
    core, slowest = statistics.median(more), min(paces)
    what = f"{PAGES_OPEN} open pages, each new {each:.2f} times a second, at {slowest:.0f} runs a second"
    floor_of_all = f"{statistics.median(without):.1%}"
    return Row(what=what, value=f"{core:.1%}", floor=floor_of_all, met=core < MOST_OF_A_CORE)


def project(root: Path) -> Path:
    make(root)
    (root / "jobs.d" / "empty.yaml").write_text(_EMPTY)
    config = root / "jeeves-runner.yaml"
    config.write_text(config.read_text().replace("max_concurrency: 12", "max_concurrency: 32"))
    return root


def main(folder: Path, rounds: int) -> list[Row]:
    with serving(project(folder / "alone")) as alone, serving(project(folder / "open")) as looked_at:
        return [asyncio.run(measure(alone, looked_at, 3 * rounds))]
