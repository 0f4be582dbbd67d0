"""A run that is asked to end: SIGTERM first, SIGKILL after the grace."""

import asyncio
import contextlib

import pytest
from support.launches import Collected, launch, linux_only

from jeeves_runner.core.outcome import Exited, Lost
from jeeves_runner.execute.local.launcher import Launcher

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def test_cancel_asks_first(executor: Launcher) -> None:
    async def scenario() -> None:
        sink = Collected()
        script = launch("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done")
        handle = await executor.start(script, sink)
        await sink.until("ready")
        await executor.cancel(handle.run_id, 20)
        assert await executor.wait(handle.run_id) == Exited(code=7)
        assert sink.stdout == "ready\nbye\n"

    asyncio.run(scenario())


def test_what_ignores_the_request_is_killed_after_the_grace(executor: Launcher) -> None:
    async def scenario() -> None:
        sink = Collected()
        handle = await executor.start(launch("trap '' TERM; echo ready; sleep 60 & wait; wait"), sink)
        await sink.until("ready")
        await executor.cancel(handle.run_id, 0.1)
        async with asyncio.timeout(30):
            assert await executor.wait(handle.run_id) == Exited(signal="SIGKILL")

    asyncio.run(scenario())


def test_cancelling_again_brings_the_kill_forward_and_asks_no_second_time() -> None:
    async def scenario() -> None:
        executor, sink = Launcher(drain=0.1), Collected()
        script = launch("trap 'echo asked' TERM; echo ready; while :; do sleep 0.01; done")
        handle = await executor.start(script, sink)
        await sink.until("ready")
        await executor.cancel(handle.run_id, 60)
        await sink.until("asked")
        await executor.cancel(handle.run_id, 90)
        await executor.cancel(handle.run_id, 0.1)
        async with asyncio.timeout(30):
            assert await executor.wait(handle.run_id) == Exited(signal="SIGKILL")
        assert sink.stdout.count("asked") == 1
        await executor.cancel(handle.run_id, 0)

    asyncio.run(scenario())


def test_the_whole_group_is_asked(executor: Launcher) -> None:
    async def scenario() -> None:
        sink = Collected()
        inner = 'trap "echo inner; exit" TERM; echo ready; while :; do sleep 0.01; done'
        handle = await executor.start(launch(f"trap 'wait; exit 1' TERM; sh -c '{inner}' & wait"), sink)
        await sink.until("ready")
        await executor.cancel(handle.run_id, 20)
        await executor.wait(handle.run_id)
        assert "inner" in sink.stdout

    asyncio.run(scenario())


@linux_only
def test_processes_that_left_the_group_are_asked_too() -> None:
    async def scenario() -> None:
        executor, sink = Launcher(), Collected()
        inner = 'trap "echo inner; exit" TERM; echo ready; while :; do sleep 0.01; done'
        script = launch(f"trap : TERM; setsid -w sh -c '{inner}'; exit 6")
        handle = await executor.start(script, sink)
        await sink.until("ready")
        await executor.cancel(handle.run_id, 20)
        assert await executor.wait(handle.run_id) == Exited(code=6)
        assert "inner" in sink.stdout

    asyncio.run(scenario())


def test_a_start_that_is_cancelled_leaves_no_process() -> None:
    async def scenario() -> None:
        executor = Launcher(drain=0)
        first = asyncio.create_task(executor.start(launch("exit 0"), Collected()))
        second = asyncio.create_task(executor.start(launch("sleep 600", run_id=2), Collected()))
        await asyncio.sleep(0)
        second.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await second
        assert second.cancelled()
        assert await executor.wait((await first).run_id) == Exited(code=0)
        assert await executor.wait(2) == Lost(message="this runner has no such process")

    asyncio.run(scenario())
