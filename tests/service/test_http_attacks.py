"""A server that is attacked over HTTP: no fault of its own, no stall of its event loop, all runs on time."""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from support.server import EVERY_SECOND, database, save

from jeeves_runner.clock import SystemClock, from_text
from jeeves_runner.config import load_config
from jeeves_runner.db.connection import connect
from jeeves_runner.service import Runner

_STALL: Final = 0.020
"""Seconds of the processor that one step of the event loop may take."""

_LATE: Final = timedelta(seconds=1.5)
"""How long after its time a run may start. The machine of tests is busy with others."""

_TESTS: Final = Path(__file__).parent.parent
_FILES: Final = 4 * 4096


@contextmanager
def steps_measured() -> Iterator[list[tuple[float, str]]]:
    """The longest steps of the event loop meanwhile, in seconds of its thread's processor time."""
    found: list[tuple[float, str]] = []
    run = asyncio.Handle._run

    def measured(handle: asyncio.Handle) -> None:
        callback: Any = handle._callback  # type: ignore[attr-defined]
        begin = time.thread_time()
        run(handle)
        took = time.thread_time() - begin
        if took > _STALL / 4:
            task: Any = getattr(callback, "__self__", None)
            found.append((took, repr(task.get_coro() if hasattr(task, "get_coro") else callback)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.Handle, "_run", measured)
        yield found


def attack(url: str, seconds: float) -> dict[str, Any]:
    """What the attackers, in a process of their own, say."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    words = [sys.executable, "-m", "support.http_attacks", host, port, str(seconds)]
    environment = os.environ | {"PYTHONPATH": str(_TESTS)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@contextmanager
def many_files() -> Iterator[None]:
    """Descriptors for some thousand connections, where the system gives them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def attacked(root: Path, seconds: float) -> tuple[dict[str, Any], list[tuple[float, str]]]:
    """What the attackers say, and the longest steps of the event loop meanwhile."""
    async with AsyncExitStack() as stack:
        runner = Runner(load_config(root, None), SystemClock(), stack)
        await runner.start()
        await asyncio.sleep(0)
        with steps_measured() as steps:
            said = await asyncio.to_thread(attack, runner.url, seconds)
    return said, steps


def times(root: Path) -> list[tuple[datetime, datetime | None]]:
    """The times of all runs, and when they started. One that came while the run before it had not ended did
    not start, and has its row all the same."""
    with closing(connect(database(root))) as conn:
        rows: list[Any] = conn.execute(
            "SELECT scheduled_for, started_at FROM runs WHERE trigger = 'schedule' ORDER BY scheduled_for"
        ).fetchall()
    return [(from_text(planned), started and from_text(started)) for planned, started in rows]


def play(root: Path, seconds: float) -> None:
    save(root, "tick.yaml", EVERY_SECOND)
    with many_files():
        said, steps = asyncio.run(attacked(root, seconds))
    found = times(root)
    latest = max(started - planned for planned, started in found if started is not None)
    print(f"{said['sent']} requests; longest step {max(steps, default=(0.0, ''))}; latest start {latest}")
    assert said["faults"] == []
    assert [step for step in sorted(steps, reverse=True) if step[0] > _STALL] == []
    assert len(found) == (found[-1][0] - found[0][0]) // timedelta(seconds=1) + 1  # each second has its row
    assert latest < _LATE


def test_it_answers_with_problems_and_goes_on(root: Path) -> None:
    play(root, 5)


@pytest.mark.campaign
def test_it_goes_on_for_minutes(root: Path) -> None:
    play(root, 180)
