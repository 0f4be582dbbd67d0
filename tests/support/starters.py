"""A launcher with a starter, whose process is held back, stopped or killed by a test."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing

from jeeves_runner.clock import SystemClock
from jeeves_runner.execute.local.direct import DirectSpawner
from jeeves_runner.execute.local.launcher import Launcher
from jeeves_runner.execute.local.starter import Starter

Scenario = Callable[[Launcher, Starter], Awaitable[None]]


def play(scenario: Scenario) -> None:
    """The scenario, with a starter whose process is gone afterwards."""

    async def whole() -> None:
        clock = SystemClock()
        with closing(Starter(clock, DirectSpawner(clock))) as starter:
            await scenario(Launcher(drain=0.3, spawner=starter), starter)

    asyncio.run(whole())


def pid_of(starter: Starter) -> int:
    """The number of its present process."""
    assert starter.process is not None
    return starter.process.pid


@asynccontextmanager
async def stopped(starter: Starter) -> AsyncIterator[int]:
    """Keep its process from working for a while."""
    pid = pid_of(starter)
    os.kill(pid, signal.SIGSTOP)
    yield pid
    os.kill(pid, signal.SIGCONT)


async def under_way(starter: Starter, count: int = 1) -> None:
    """Wait until it has been told of so many starts that it has not answered."""
    async with asyncio.timeout(10):
        while (  # noqa: ASYNC110 - within turns of the loop
            starter.process is None or len(starter.process.under_way) < count
        ):
            await asyncio.sleep(0)
