"""What every executor must do, whether its runs end with their runner or outlive it."""

import asyncio
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from support.contract import Make, Noted, order, recorded, until
from support.engine import EngineExecutor
from support.orders import left, play
from support.runs import until_there

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.model import RunStatus, SourceType
from jeeves_runner.core.outcome import Exited, Finished, Lost, is_confirmed
from jeeves_runner.errors import InvalidValue, StartFailed
from jeeves_runner.execute.contract import Order


@pytest.mark.parametrize(
    ("text", "status"), [("echo done", RunStatus.OK), ("echo done; exit 3", RunStatus.ERROR)]
)
def test_work_ends_as_it_ended_and_all_of_its_output_is_there_by_then(
    make: Make, text: str, status: RunStatus
) -> None:
    async def scenario() -> None:
        executor, sink = make(), Noted()
        await executor.open()
        handle = await executor.start(order(text), sink)
        assert recorded(await executor.wait(handle, sink)).status is status
        assert sink.output == b"done\n"
        assert executor.has_ended(handle)

    play(scenario)


def test_an_ending_says_when_the_work_ran(make: Make, tmp_path: Path) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"

    async def scenario() -> None:
        executor, sink, clock = make(), Noted(), SystemClock()
        before = clock.now()
        handle = await executor.start(order(f"touch {begun}; {until_there(go)}; sleep 0.3"), sink)
        await until(begun)
        begins = clock.now()
        go.touch()
        ending = await executor.wait(handle, sink)
        assert isinstance(ending, Exited | Finished)
        assert ending.span is not None
        rounded = timedelta(milliseconds=2)  # a length is, and the clock is cut
        assert before <= ending.span.started_at <= begins + rounded
        over = ending.span.started_at + timedelta(milliseconds=ending.span.duration_ms)
        assert begins + timedelta(seconds=0.3) - rounded <= over <= clock.now() + rounded

    play(scenario)


def test_what_cannot_be_started_raises_and_leaves_nothing(make: Make) -> None:
    async def scenario() -> None:
        executor = make()
        wrong = order("")
        if executor.name == "local":
            wrong = Order(wrong.spec._replace(source_type=SourceType.PATH, script="missing.sh"), wrong.run)
        with pytest.raises((StartFailed, InvalidValue)):
            await executor.start(wrong, Noted())
        assert isinstance(await executor.recover(left(wrong), None), Lost)

    play(scenario)


def test_starting_what_is_live_returns_its_handle(make: Make, tmp_path: Path) -> None:
    started, go = tmp_path / "started", tmp_path / "go"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        work = order(f"echo once >> {started}; {until_there(go)}")
        first = await executor.start(work, sink)
        assert await executor.start(work, sink) == first
        go.touch()
        await executor.wait(first, sink)
        assert started.read_text() == "once\n"

    play(scenario)


def test_a_cancel_ends_work_that_obeys_and_a_second_one_is_harmless(make: Make, tmp_path: Path) -> None:
    ready = tmp_path / "ready"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        handle = await executor.start(order(f"trap 'exit 9' TERM; touch {ready}; sleep 60 & wait"), sink)
        await until(ready)
        assert not executor.has_ended(handle)
        await executor.cancel(handle, 20)
        await executor.cancel(handle, 20)
        assert recorded(await executor.wait(handle, sink)).status is RunStatus.ERROR
        await executor.cancel(handle, 20)

    play(scenario)


def test_a_cancel_is_enforced_after_its_grace(make: Make, tmp_path: Path) -> None:
    ready = tmp_path / "ready"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        handle = await executor.start(order(f"trap '' TERM; touch {ready}; sleep 60; sleep 60"), sink)
        await until(ready)
        await executor.cancel(handle, 0.2)
        assert recorded(await executor.wait(handle, sink)).status is RunStatus.ERROR

    play(scenario)


def test_a_cancelled_wait_may_be_repeated(make: Make, tmp_path: Path) -> None:
    go = tmp_path / "go"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        handle = await executor.start(order(f"{until_there(go)}; echo done"), sink)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await executor.wait(handle, sink)
        go.touch()
        assert recorded(await executor.wait(handle, sink)).status is RunStatus.OK
        assert sink.output == b"done\n"

    play(scenario)


def test_twenty_at_once_do_not_mix(make: Make) -> None:
    async def scenario() -> None:
        executor = make()

        async def one(number: int) -> None:
            sink = Noted()
            handle = await executor.start(order(f"echo {number}; exit {number % 2}", number), sink)
            ending = recorded(await executor.wait(handle, sink))
            assert ending.status is (RunStatus.ERROR if number % 2 else RunStatus.OK)
            assert sink.output == f"{number}\n".encode()

        await asyncio.gather(*map(one, range(1, 21)))

    play(scenario)


def test_what_must_be_masked_is_said_before_any_output(make: Make) -> None:
    async def scenario() -> None:
        executor, sink = make(), Noted()
        await executor.wait(await executor.start(order("echo $SECRET", SECRET="hunter2-hunter2"), sink), sink)
        assert sink.secrets is not None

    play(scenario)


def test_what_work_says_of_itself_is_passed_on_with_its_tokens(make: Make, tmp_path: Path) -> None:
    go = tmp_path / "go"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        text = f'test -z "$SAYS" || echo "5 reads" > $SAYS; {until_there(go)}'
        ended = asyncio.create_task(executor.wait(await executor.start(order(text), sink), sink))
        if executor.name == "local":  # a program says it by its result line, at the end
            go.touch()
            await ended
            assert sink.said == []
        else:
            while not sink.said:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
            go.touch()
            ending = await ended
            assert sink.said[-1] == ("reads", 5)
            assert (recorded(ending).tokens, recorded(ending).model) == (5, "engine-1")

    play(scenario)


@pytest.mark.parametrize("make", ["engine"], indirect=True)  # of programs all are started that are asked for
def test_a_start_that_waits_for_a_place_says_so_and_then_starts(make: Make) -> None:
    async def scenario() -> None:
        executor, sink = make(), Noted()
        assert isinstance(executor, EngineExecutor)
        await executor.ask(op="be", places=0)
        start = asyncio.create_task(executor.start(order("echo done"), sink))
        while not sink.said:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        assert sink.said[0] == ("waits for a place", None)
        await executor.ask(op="be", places=1)
        assert recorded(await executor.wait(await start, sink)).status is RunStatus.OK

    play(scenario)


def test_an_end_that_is_not_confirmed_may_come_late(make: Make, tmp_path: Path) -> None:
    go = tmp_path / "go"

    async def scenario() -> None:
        executor, sink = make(), Noted()
        if isinstance(executor, EngineExecutor):
            await executor.ask(op="be", deaf=True)
        handle = await executor.start(order(until_there(go)), sink)
        await executor.cancel(handle, 0)
        ending = await executor.wait(handle, sink)
        assert is_confirmed(ending) is (executor.name == "local")
        with pytest.raises(TimeoutError) if not is_confirmed(ending) else nullcontext():
            async with asyncio.timeout(0.1):
                assert await executor.late(handle) is None
        go.touch()
        late = await executor.late(handle)
        assert late is None if executor.name == "local" else late is not None
        assert late is None or recorded(late).status is RunStatus.OK

    play(scenario)
