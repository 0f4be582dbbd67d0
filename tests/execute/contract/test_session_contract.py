"""What every executor must do, as sessions do it: their work is what an agent is told, and no program.

The gateway is the double, or the real one that ``OPENCLAW_GATEWAY_URL`` names.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from support.gateway import double
from support.orders import left, play
from support.session_runs import Noted, Sessions, order

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.outcome import Ending, Exited, Finished, Lost, outcome
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.contract import Handle
from jeeves_runner.execute.origin import RunOrigin
from jeeves_runner.execute.registry import Executors
from jeeves_runner.execute.session.executor import SessionExecutor
from jeeves_runner.execute.session.gateway import Gateway
from jeeves_runner.execute.session.pauses import Pace

Make = Callable[[], AbstractAsyncContextManager[Sessions]]
"""A new executor on what the one before has left, as after a restart of the runner."""

HERE = RunOrigin(machine=None, database="/db", file=None)
SECONDS = 110
"""For one test: a real gateway that shares two processors with others takes its time."""


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, str]]:
    """The URL of the gateway, and its token."""
    url = os.environ.get("OPENCLAW_GATEWAY_URL")
    if url is not None:
        yield url, os.environ.get("OPENCLAW_GATEWAY_TOKEN", "")
        return
    with double() as far:
        yield far.url, far.token


@pytest.fixture
def make(address: tuple[str, str]) -> Make:
    @asynccontextmanager
    async def one() -> AsyncIterator[Sessions]:
        url, token = address
        gateway = Gateway(url, lambda: token, timeout=30)
        pace = Pace(look=0.2, settle=0.5, pause=0.2, meter=0.2)
        executor = SessionExecutor(gateway, SystemClock(), slots=6, pace=pace)
        try:
            yield Sessions(executor)
        finally:
            await executor.close()

    return one


@pytest.fixture
def job() -> str:
    """A job of this test's own, with places of its own at the gateway."""
    return f"t{uuid4().hex[:8]}"


def status(ending: Ending) -> RunStatus:
    return outcome(ending, cause=None, result=None).status


@pytest.mark.parametrize(
    ("task", "ends", "output"),
    [("MODE:echo=done", RunStatus.OK, b"done"), ("MODE:err=400", RunStatus.ERROR, None)],
)
def test_work_ends_as_it_ended_and_all_of_its_output_is_there_by_then(
    make: Make, job: str, task: str, ends: RunStatus, output: bytes | None
) -> None:
    async def scenario() -> None:
        async with make() as runner:
            handle, sink = await runner.start(order(task, job=job))
            assert status(await runner.executor.wait(handle, sink)) is ends
            assert output is None or sink.output == output
            assert runner.executor.has_ended(handle)

    play(scenario, SECONDS)


def test_an_ending_says_when_the_work_ran(make: Make, job: str) -> None:
    async def scenario() -> None:
        clock = SystemClock()
        async with make() as runner:
            before = clock.now()
            ending, _ = await runner.run(order("MODE:slow=1", job=job))
            assert isinstance(ending, Exited | Finished)
            assert ending.span is not None
            assert before - timedelta(seconds=1) <= ending.span.started_at <= clock.now()
            assert ending.span.duration_ms >= 1000
            end = ending.span.started_at + timedelta(milliseconds=ending.span.duration_ms)
            assert end <= clock.now() + timedelta(seconds=1)

    play(scenario, SECONDS)


def test_what_cannot_be_started_raises_and_leaves_nothing(make: Make, job: str) -> None:
    async def scenario() -> None:
        async with make() as runner:
            wrong = order(job=job, thinking="wild")
            with pytest.raises(StartFailed):
                await runner.start(wrong)
            assert isinstance(await runner.executor.recover(left(wrong), None), Lost)

    play(scenario, SECONDS)


def test_starting_what_is_live_returns_its_handle(make: Make, job: str) -> None:
    async def scenario() -> None:
        async with make() as runner:
            work = order("MODE:slow=1", job=job)
            handle, sink = await runner.start(work)
            assert (await runner.start(work))[0] == handle
            assert status(await runner.executor.wait(handle, sink)) is RunStatus.OK

    play(scenario, SECONDS)


def test_a_cancel_ends_work_and_a_second_one_is_harmless(make: Make, job: str) -> None:
    async def scenario() -> None:
        async with make() as runner:
            handle, sink = await runner.start(order("MODE:hang", job=job))
            assert not runner.executor.has_ended(handle)
            await runner.executor.cancel(handle, 20)
            await runner.executor.cancel(handle, 20)
            assert status(await runner.executor.wait(handle, sink)) is RunStatus.CANCELLED
            await runner.executor.cancel(handle, 20)

    play(scenario, SECONDS)


def test_a_cancelled_wait_may_be_repeated(make: Make, job: str) -> None:
    async def scenario() -> None:
        async with make() as runner:
            handle, sink = await runner.start(order("MODE:slow=1", job=job))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await runner.executor.wait(handle, sink)
            assert status(await runner.executor.wait(handle, sink)) is RunStatus.OK
            assert sink.output.startswith(b"FAKE-REPLY")

    play(scenario, SECONDS)


def test_many_at_once_do_not_mix(make: Make, job: str) -> None:
    async def scenario() -> None:
        async with make() as runner:

            async def one(number: int) -> None:
                ending, sink = await runner.run(
                    order(f"MODE:echo=n{number}", number, job=f"{job}.{number % 3}")
                )
                assert status(ending) is RunStatus.OK
                assert sink.output == f"n{number}".encode()

            await asyncio.gather(*map(one, range(1, 13)))

    play(scenario, SECONDS)


@pytest.mark.parametrize("noted", [True, False], ids=["handle noted", "handle lost"])
def test_after_a_restart_work_is_taken_over(make: Make, job: str, noted: bool) -> None:
    """The handle passes through the database as text, if the runner lived long enough to write it."""

    async def scenario() -> None:
        work = order("MODE:slow=2", job=job)
        async with make() as old:
            handle, _ = await old.start(work)
        async with make() as new:
            kept = handle.as_json() if noted else Handle("session", 1, {}).as_json()
            answer = await Executors([new.executor], lambda _spec: "session", HERE).recover(left(work), kept)
            assert not isinstance(answer, Lost)
            sink = Noted()
            assert status(await new.executor.wait(answer[1], sink)) is RunStatus.OK
            assert sink.output.startswith(b"FAKE-REPLY")

    play(scenario, SECONDS)


@pytest.mark.parametrize("kept", ['{"executor": ["session"]}', '{"executor": "session"}', "[]", "{half", "7"])
def test_work_of_a_handle_that_nothing_has_written_is_looked_for_without_it(
    make: Make, job: str, kept: str
) -> None:
    async def scenario() -> None:
        async with make() as runner:
            executors = Executors([runner.executor], lambda _spec: "session", HERE)
            assert isinstance(await executors.recover(left(order(job=job)), kept), Lost)

    play(scenario, SECONDS)


@pytest.mark.parametrize("after", [0.0, 0.002, 0.02, 0.2, 1.0])
def test_of_a_cancelled_start_nothing_is_left_that_cannot_be_found(
    make: Make, job: str, after: float
) -> None:
    async def scenario() -> None:
        async with make() as runner:
            work, sink = order("MODE:hang", job=job), Noted()
            start = asyncio.create_task(runner.executor.start(work, sink))
            await asyncio.sleep(after)
            start.cancel()
            await asyncio.wait([start], timeout=30)
            found = await runner.executor.recover(left(work), None) if start.cancelled() else start.result()
            if isinstance(found, Handle):
                await runner.executor.cancel(found, 0)
                assert status(await runner.executor.wait(found, sink)) is RunStatus.CANCELLED
            # What was not there then has not come since.
            assert isinstance(found, Handle) or isinstance(
                await runner.executor.recover(left(work), None), Lost
            )

    play(scenario, SECONDS)
