"""One deadline for a whole stop: each step gets what is left, and none more."""

import asyncio
from pathlib import Path
from typing import Final

import apsw
import pytest
from support.clock import HandClock

from jeeves_runner.clock import SystemClock
from jeeves_runner.runner.stop import Asked, Stop

DATABASE: Final = Path("/data/runner.sqlite")


async def hang() -> None:
    await asyncio.Event().wait()


def test_the_deadline_is_made_once_and_told() -> None:
    clock, told = HandClock(), list[float]()

    async def scene() -> None:
        stop = Stop(clock, DATABASE, begun=told.append)
        assert stop.left() == float("inf")
        now = clock.monotonic()
        assert stop.begin(60)
        clock.advance(seconds=20)
        assert not stop.begin(600)
        assert (stop.left(), stop.left(reserve=15), stop.left(reserve=50)) == (40, 25, 0)
        assert told == [now + 60]

    asyncio.run(scene())


def test_a_grace_counts_from_the_beginning_of_the_stop() -> None:
    clock = HandClock()

    async def scene() -> None:
        stop = Stop(clock, DATABASE)
        assert stop.left_of(30) == 30
        stop.begin(60)
        clock.advance(seconds=20)
        assert (stop.left_of(30), stop.left_of(10)) == (10, 0)

    asyncio.run(scene())


def test_the_first_fault_is_what_it_stops_for() -> None:
    async def scene() -> None:
        stop, first = Stop(SystemClock(), DATABASE), ValueError("first")
        stop.begin(1)
        stop.begin(1, first)
        stop.begin(1, ValueError("second"))
        assert stop.fault is first

    asyncio.run(scene())


def test_a_step_that_does_not_end_is_left_and_named(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        stop = Stop(SystemClock(), DATABASE)
        stop.begin(0.1)
        await stop.within("the disk", hang(), reserve=0.05)
        await stop.within("the writer", hang(), most=0.01)
        assert stop.unfinished == ["the disk", "the writer"]
        assert stop.what_is_left == "the disk, the writer"

    asyncio.run(scene())
    assert [record.message for record in caplog.records] == [
        "stopping: the disk did not end in time and is left",
        "stopping: the writer did not end in time and is left",
    ]


def test_a_step_that_cannot_do_its_work_is_named_too() -> None:
    async def give_up() -> bool:
        return False

    async def scene() -> None:
        stop = Stop(SystemClock(), DATABASE)
        await stop.within("the planner", give_up())
        assert stop.unfinished == ["the planner"]

    asyncio.run(scene())


def test_a_step_that_fails_keeps_no_other_from_its_turn(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("no")

    async def scene() -> None:
        stop = Stop(SystemClock(), DATABASE)
        stop.begin(10)
        await stop.within("the writer", fail())
        assert stop.unfinished == []

    asyncio.run(scene())
    (record,) = caplog.records
    assert (record.message, bool(record.exc_info)) == ("stopping: the writer failed", True)


def test_a_step_that_fails_with_the_database_says_what_is_wrong_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise apsw.CorruptError("database disk image is malformed")

    async def scene() -> None:
        await Stop(SystemClock(), DATABASE).within("the writer", fail())

    asyncio.run(scene())
    (record,) = caplog.records
    assert record.message.startswith(f"stopping: the writer failed: {DATABASE} ")
    assert not record.exc_info


def test_what_is_done_until_a_stop_answers_or_is_given_up() -> None:
    given_up = []

    async def work() -> str:
        return "done"

    async def long_work() -> str:
        try:
            await hang()
        finally:
            given_up.append(True)
        return "never"

    async def scene() -> None:
        stop = Stop(SystemClock(), DATABASE)
        assert await stop.unless_asked(work()) == "done"
        long = asyncio.create_task(stop.unless_asked(long_work()))
        await asyncio.sleep(0)
        stop.begin(10)
        assert await long is None

    asyncio.run(scene())
    assert given_up == [True]


class TestAWaitThatTheStopEnds:
    def test_goes_on_until_what_it_waits_for(self) -> None:
        async def scene() -> None:
            reached = False
            async with Asked().ends_wait(60):
                await asyncio.sleep(0)
                reached = True
            assert reached

        asyncio.run(scene())

    def test_ends_when_the_stop_is_asked_for(self) -> None:
        async def scene() -> None:
            asked = Asked()
            asyncio.get_running_loop().call_soon(asked.set)
            async with asyncio.timeout(30):
                async with asked.ends_wait(None):
                    await hang()
                async with asked.ends_wait(None):  # it has been asked for already
                    await hang()

        asyncio.run(scene())

    def test_ends_after_its_time(self) -> None:
        async def scene() -> None:
            async with asyncio.timeout(30), Asked().ends_wait(0.0):
                await hang()

        asyncio.run(scene())

    def test_hides_no_other_end(self) -> None:
        async def fails(error: BaseException) -> None:
            async with Asked().ends_wait(60):
                raise error

        async def cancelled() -> None:
            task = asyncio.create_task(fails(asyncio.CancelledError()))
            await asyncio.wait({task})
            assert task.cancelled()
            with pytest.raises(TimeoutError, match="of another"):
                await fails(TimeoutError("of another"))

        asyncio.run(cancelled())

    def test_may_end_in_the_turn_in_which_the_stop_is_asked_for(self) -> None:
        async def scene() -> None:
            asked = Asked()
            async with asked.ends_wait(60):
                asked.set()
            asked.set()

        asyncio.run(scene())
