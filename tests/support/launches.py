"""Runs of small programs by a local executor, and what is left of them."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from jeeves_runner.core.outcome import Ending
from jeeves_runner.execute.contract import StreamName
from jeeves_runner.execute.local import processes
from jeeves_runner.execute.local.launch import Launch
from jeeves_runner.execute.local.launcher import Launcher

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a subreaper")

DAEMON = """
import os, signal, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    {disguise}
    os.write(writer, str(os.getpid()).encode())
    time.sleep(600)
os.wait()
print(os.read(reader, 20).decode(), flush=True)
"""
SILENT = "null = os.open('/dev/null', os.O_RDWR); [os.dup2(null, fd) for fd in (0, 1, 2)]"


class Collected:
    """A sink that keeps everything and lets a test wait for a text in it."""

    def __init__(self) -> None:
        self.streams: dict[StreamName, bytes] = {"stdout": b"", "stderr": b""}
        self._more = asyncio.Event()

    def write(self, stream: StreamName, data: bytes) -> None:
        self.streams[stream] += data
        self._more.set()

    @property
    def stdout(self) -> str:
        return self.streams["stdout"].decode()

    async def until(self, text: str, times: int = 1) -> None:
        async with asyncio.timeout(100):
            while self.stdout.count(text) < times:
                self._more.clear()
                await self._more.wait()


def launch(script: str, run_id: int = 1, **changes: object) -> Launch:
    mark = uuid4().hex
    base = Launch(
        run_id=run_id,
        argv=("sh", "-c", script),
        env={b"PATH": os.environb[b"PATH"], b"JR_RUN_MARK": mark.encode()},
        cwd="/",
        mark=mark,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


async def run(executor: Launcher, script: Launch) -> tuple[Ending, Collected]:
    sink = Collected()
    handle = await executor.start(script, sink)
    async with asyncio.timeout(100):
        return await executor.wait(handle.run_id), sink


def run_once(script: Launch, executor: Launcher | None = None) -> tuple[Ending, Collected]:
    return asyncio.run(run(executor or Launcher(), script))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = processes.read_stat(pid) if processes.ON_LINUX else None
    return stat is None or not stat.is_dead


def own_children() -> set[int]:
    return children_of(os.getpid()) if processes.ON_LINUX else set()


def children_of(pid: int) -> set[int]:
    """The children of a process, by whichever of its threads. Linux only."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    # A thread may end before its list is opened, or before that is read.
    lists = [processes.read_proc(str(task / "children")) or b"" for task in tasks]
    return {int(child) for found in lists for child in found.split()}


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd" if processes.ON_LINUX else "/dev/fd").iterdir()))


async def run_in(executor: Launcher, script: Launch, sink: Collected) -> Ending:
    return await executor.wait((await executor.start(script, sink)).run_id)


def daemon(disguise: str = SILENT, run_id: int = 1) -> Launch:
    """A run whose leader prints the pid of its daemon and ends once that is on its own."""
    return launch("", run_id, argv=python(DAEMON.replace("{disguise}", disguise)))
