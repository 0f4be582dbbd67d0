"""What a run is to be with every version of the gateway, and what it cannot be with older ones."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gateway import NEWEST, OLDEST, WITHOUT_TIMEOUT, Double, Fault, Settings, answer, double, drop
from support.orders import left, play
from support.session_runs import Noted, finished, how_many, order, sessions

from jeeves_runner.core.outcome import Finished, Lost
from jeeves_runner.execute.session.gateway import Gateway

VERSIONS = (NEWEST, WITHOUT_TIMEOUT, OLDEST)


@pytest.fixture(scope="module", params=VERSIONS)
def shared(request: pytest.FixtureRequest) -> Iterator[Double]:
    with double(Settings(version=request.param, speed=20)) as far:
        yield far


@pytest.mark.parametrize(
    ("task", "status", "calls"),
    [("MODE:ok", "ok", 1), ("MODE:steps=2:1", "ok", 3), ("MODE:err=400", "error", 0)],
)
def test_a_run_ends_as_its_session_does(far: Double, task: str, status: str, calls: int) -> None:
    async def scenario() -> None:
        async with sessions(far) as runner:
            ending, sink = await runner.run(order(task, timeout=60))
            assert isinstance(ending, Finished)
            assert ending.status == status
            assert sink.output == (ending.text or "").encode()
            assert sink.output or status == "error"
            if far.settings.version == OLDEST:  # it tells the size of the last prompt alone
                assert ending.tokens == (1200 if calls else None)
            else:
                assert ending.tokens == calls * 1234

    play(scenario)


def test_a_session_that_hangs_times_out_where_it_is_told_to(far: Double) -> None:
    async def scenario() -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:hang", timeout=3))
            waiting = asyncio.create_task(runner.executor.wait(handle, sink))
            if far.settings.version == WITHOUT_TIMEOUT:
                await asyncio.wait([waiting], timeout=0.5)
                assert not waiting.done()  # the runner's own deadline has it cancelled
                waiting.cancel()
                return
            ending = await waiting
            assert finished(ending).status == "timeout"

    play(scenario)


def test_sessions_of_several_jobs_are_seen_by_one_runner(far: Double) -> None:
    async def scenario() -> None:
        async with sessions(far) as runner:
            works = [order("MODE:slow=4", number, job=f"job{number % 3}") for number in range(1, 10)]
            ends = await asyncio.gather(*map(runner.run, works))
            assert {finished(ending).status for ending, _ in ends} == {"ok"}
            assert all(sink.output for _, sink in ends)

    play(scenario)


def test_a_session_is_seen_that_hundreds_of_newer_ones_have_pushed_down(far: Double) -> None:
    """Older gateways show the newest of all sessions, and leave out those of other parents afterwards."""

    async def scenario() -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:slow=40"))
            gateway = Gateway(far.url, lambda: far.token, timeout=20)
            try:
                async with asyncio.TaskGroup() as others:
                    for number in range(210):
                        args = {"task": "MODE:ok", "label": f"another-{number}"}
                        parent = f"agent:main:another-{number}"
                        others.create_task(gateway.invoke("sessions_spawn", args, parent=parent))
                    ending = await runner.executor.wait(handle, sink)
            finally:
                await gateway.close()
            assert finished(ending).status == "ok"

    play(scenario)


INTERNAL = (
    '{"ok":true,"result":{"details":{"status":"error","childSessionKey":"agent:main:subagent:no",'
    '"error":"gateway timeout after 10000ms\\nGateway target: ws://127.0.0.1:1"}}}'
)
"""What an older gateway answers that has not had its own answer in time."""


@pytest.mark.parametrize(
    "fault",
    [
        drop("sessions_spawn"),
        drop("sessions_spawn", acted=True),
        answer("sessions_spawn", 200, INTERNAL),
        answer("sessions_spawn", 200, INTERNAL, acted=True),
    ],
    ids=["lost before", "lost after", "gave up before", "gave up after"],
)
def test_a_call_without_an_answer_makes_one_session(far: Double, fault: Fault) -> None:
    async def scenario() -> None:
        async with sessions(far) as runner:
            far.switch_on(fault)
            work = order()
            ending, _ = await runner.run(work)
            assert finished(ending).status == "ok"
            assert await how_many(far, work) == 1

    play(scenario)


def test_the_next_runner_finds_a_session_whose_key_was_not_noted(far: Double) -> None:
    async def scenario() -> None:
        work = order("MODE:slow=10")
        async with sessions(far) as first:
            await first.start(work)
        async with sessions(far) as second:
            found = await second.executor.recover(left(work), None)
            assert not isinstance(found, Lost)
            ending = await second.executor.wait(found, Noted())
            assert finished(ending).status == "ok"
            assert isinstance(await second.executor.recover(left(order()), None), Lost)

    play(scenario)


def test_the_next_runner_follows_a_session_on_and_hears_of_a_late_end(far: Double) -> None:
    async def scenario() -> None:
        async with sessions(far) as first:
            handle, _ = await first.start(order("MODE:slow=8"))
        async with sessions(far) as second:
            late = await second.executor.late(handle)
            assert isinstance(late, Finished)
            assert (late.status, late.tokens) == ("ok", 1200 if far.settings.version == OLDEST else 1234)

    play(scenario)


def test_a_parent_is_over_when_its_children_are(far: Double) -> None:
    task = r'MODE:tools=[["sessions_spawn",{"task":"MO\u0044E:slow=40","label":"child"}]]'

    async def scenario() -> None:
        async with sessions(far) as runner:
            ending, sink = await runner.run(order(task))
            assert isinstance(ending, Finished)
            assert ending.status == "ok"
            assert "waits for the sessions that it has begun" in sink.said
            assert ending.tokens == (2 * 1200 if far.settings.version == OLDEST else 3 * 1234)

    play(scenario)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_gateway_was_doing_that_was_killed_has_failed(version: str, tmp_path: Path) -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:hang"))
            await asyncio.to_thread(far.restart)
            ending = await runner.executor.wait(handle, sink)
            assert finished(ending).status == "error"

    with double(Settings(version=version, speed=50, state=str(tmp_path / "state"))) as far:
        play(lambda: scenario(far))
