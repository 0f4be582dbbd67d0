"""A launcher with a starter, whose process is held back, stopped or killed by a test."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing

import pytest

from jeeves_runner.clock import SystemClock
from jeeves_runner.execute.local import starter_process
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


def get_stuck(starter: Starter, monkeypatch: pytest.MonkeyPatch, silence: float = 0.3) -> int:
    """Stop its process for good; its number. It alone is taken for stuck after so many seconds: the one that
    takes its place has its time to begin, on a slow machine too.
    """
    pid, process = pid_of(starter), starter.process
    assert process is not None
    find_out = process._on_silence
    patience = starter_process._SILENCE

    def found_out() -> None:
        monkeypatch.setattr(starter_process, "_SILENCE", patience)
        find_out()

    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(starter_process, "_SILENCE", silence)
    monkeypatch.setattr(process, "_on_silence", found_out)
    process._next_look.cancel()
    process._look_for_untold_exits()
    return pid


async def under_way(starter: Starter, count: int = 1) -> None:
    """Wait until it has been told of so many starts that it has not answered."""
    async with asyncio.timeout(30):
        while (  # noqa: ASYNC110 - within turns of the loop
            starter.process is None or len(starter.process.under_way) < count
        ):
            await asyncio.sleep(0)
