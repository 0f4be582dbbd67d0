"""Lives of the double: in a thread of the test, or as a process of its own (``__main__.py``)."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from aiohttp import web
from support.gateway.http import Gateway
from support.gateway.sessions import Sessions
from support.gateway.settings import Settings

_TESTS = Path(__file__).parents[2]


class Life(Protocol):
    """One life of a double, from a start to its end."""

    port: int
    pid: int
    """Of the process that it goes on in."""

    def kill(self) -> None:
        """End it at once."""

    def terminate(self) -> None:
        """Ask it to end once its runs have."""

    def join(self) -> None:
        """Wait until it has ended."""


class ThreadLife:
    """A life in a thread."""

    def __init__(self, settings: Settings) -> None:
        self.pid = os.getpid()
        self._settings = settings
        self._began = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="gateway", daemon=True)
        self._thread.start()
        assert self._began.wait(30), "the double has not started"

    def kill(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._ended.set)
        self.join()

    def terminate(self) -> None:
        self._loop.call_soon_threadsafe(self._drained.set)

    def join(self) -> None:
        self._thread.join()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended, self._drained = asyncio.Event(), asyncio.Event()

        def began(port: int) -> None:
            self.port = port
            self._began.set()

        await live(self._settings, began, self._ended, self._drained)


class ProcessLife:
    """A life as a process of its own."""

    def __init__(self, settings: Settings) -> None:
        program = [sys.executable, "-m", "support.gateway", settings.to_json()]
        env = {**os.environ, "PYTHONPATH": str(_TESTS)}
        self._process = subprocess.Popen(program, env=env, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        assert self._process.stdout is not None
        with self._process.stdout as said:
            self.port = int(said.readline())

    def kill(self) -> None:
        self._process.kill()
        self.join()

    def terminate(self) -> None:
        self._process.terminate()

    def join(self) -> None:
        self._process.wait()


async def live(
    settings: Settings, began: Callable[[int], None], ended: asyncio.Event, drained: asyncio.Event
) -> None:
    """Serve until ``ended`` is set; once ``drained`` is, until no run is left. ``began`` is told the port."""
    gateway = Gateway(settings, Sessions(None if settings.state is None else Path(settings.state)))
    runner = web.AppRunner(gateway.app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", settings.port, reuse_address=True)
    await site.start()
    gateway.begin()
    began(runner.addresses[0][1])

    async def drain() -> None:
        await drained.wait()
        await gateway.drained()
        ended.set()

    draining = asyncio.create_task(drain())
    await ended.wait()
    draining.cancel()
    await gateway.end()
    await runner.cleanup()
