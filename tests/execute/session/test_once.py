"""A run has one session at most, whatever becomes of the calls and of the runner."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.gateway import (
    Double,
    Fault,
    Settings,
    answer,
    crash,
    double_process,
    drop,
    half,
    hang,
    husk,
    late,
    torn,
)
from support.orders import left, play
from support.session_runs import Noted, arrived, finished, how_many, order, sessions

from jeeves_runner.core.outcome import Finished, Lost
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.contract import Handle, Order

ANSWERS_WITHIN = 0.3
"""Seconds; a fault that hangs is one after them."""

FAULTS = (
    drop("sessions_spawn"),
    drop("sessions_spawn", acted=True),
    hang("sessions_spawn"),
    hang("sessions_spawn", acted=True),
    late("sessions_spawn", 0.5, acted=True),
    half("sessions_spawn"),
    torn("sessions_spawn"),
    crash("sessions_spawn"),
    crash("sessions_spawn", acted=True),
    answer("sessions_spawn", 502, "<html>"),
    answer("sessions_spawn", 504, "", acted=True),
    answer("sessions_spawn", 503, "{}", headers={"Retry-After": "0.1"}),
    answer("sessions_spawn", 200, '{"ok": true}', acted=True),
)
LOOKS = (drop("sessions_list"), hang("sessions_list"), half("sessions_list"), crash("sessions_list"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind} {fault.status} {fault.acted}")
def test_a_call_that_goes_astray_makes_no_second_session(far: Double, fault: Fault) -> None:
    async def scenario() -> None:
        async with sessions(far, answers_within=ANSWERS_WITHIN) as runner:
            far.switch_on(fault)
            work = order()
            ending, _ = await runner.run(work)
            assert finished(ending).status == "ok"
            assert await how_many(far, work) == 1

    play(scenario)


@pytest.mark.parametrize("seed", range(8))
def test_no_series_of_faults_makes_a_second_session(far: Double, seed: int) -> None:
    random = Random(seed)

    async def scenario() -> None:
        async with sessions(far, answers_within=ANSWERS_WITHIN) as runner:
            far.switch_on(*random.choices(FAULTS + LOOKS, k=random.randint(2, 6)))
            work = order()
            ending, _ = await runner.run(work)
            assert isinstance(ending, Finished)
            far.switch_off()
            assert await how_many(far, work) == 1

    play(scenario)


@pytest.mark.parametrize("seed", range(20))
def test_a_runner_that_dies_at_any_moment_leaves_one_session_or_none(far: Double, seed: int) -> None:
    """Its successor takes the session over whose handle was not noted, or finds that there is none."""
    random = Random(seed)

    async def scenario() -> None:
        far.switch_on(late("sessions_spawn", 0.05 * random.random(), acted=random.random() < 0.5))
        work = order("MODE:slow=4")
        async with sessions(far) as first:
            start = asyncio.create_task(first.start(work))
            await asyncio.sleep(0.1 * random.random())
            start.cancel()
            await asyncio.gather(start, return_exceptions=True)
        async with sessions(far) as second:
            answer = await second.executor.recover(left(work), None)
            if not isinstance(answer, Lost):
                sink = Noted()
                ending = await second.executor.wait(answer, sink)
                assert finished(ending).status == "ok"
                assert sink.output.startswith(b"FAKE-REPLY")
        assert await how_many(far, work) == (0 if isinstance(answer, Lost) else 1)

    play(scenario)


def test_what_the_text_must_be_is_known_from_the_job_where_no_handle_was_noted(far: Double) -> None:
    async def scenario() -> None:
        work = order("MODE:echo=sorry", expect_result="json")
        async with sessions(far) as first:
            await first.start(work)
        async with sessions(far) as second:
            answer = await second.executor.recover(left(work), None)
            assert isinstance(answer, Handle)
            ending = await second.executor.wait(answer, Noted())
            assert isinstance(ending, Finished)
            assert ending.message == "expected an object or a list as JSON, and got 'sorry'"

    play(scenario)


def test_many_starts_over_a_gateway_that_is_restarted_begin_each_once(tmp_path: Path) -> None:
    async def scenario(far: Double) -> None:
        works = [order("MODE:ok", run_id, job=f"job{run_id}") for run_id in range(1, 13)]
        async with sessions(far, answers_within=1) as runner:
            tasks = [asyncio.create_task(runner.run(work)) for work in works]
            for _ in range(2):
                # All may have been taken before it was restarted: then none comes any more.
                arriving = asyncio.create_task(arrived(far, "sessions_spawn"))
                either: set[asyncio.Future[Any]] = {arriving, asyncio.gather(*tasks)}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                arriving.cancel()
                await asyncio.to_thread(far.restart)
            await asyncio.gather(*tasks)
            counts = Counter([await how_many(far, work) for work in works])
            assert counts == {1: len(works)}

    # A process: what a kill cuts off in a thread of this one is left unclosed here.
    with double_process(Settings(speed=50, state=str(tmp_path / "state"))) as far:
        play(lambda: scenario(far), 110)


def test_a_look_that_is_refused_on_the_way_says_that_a_session_may_run(far: Double) -> None:
    """A gateway may have got other settings meanwhile."""
    refused = '{"ok":false,"error":{"type":"not_found","message":"Tool not available: sessions_list"}}'
    once = late("sessions_list", 0, acted=True)

    async def scenario() -> None:
        async with sessions(far, answers_within=ANSWERS_WITHIN) as runner:
            far.switch_on(husk(), once, answer("sessions_list", 404, refused, times=None))
            with pytest.raises(StartFailed, match="Tool not available: sessions_list; a call had no answer"):
                await runner.start(order())

    play(scenario)


def test_a_row_that_no_session_stands_behind_is_none(far: Double) -> None:
    """The gateway leaves one when the connection ends while it makes the session; that is begun again."""

    async def scenario() -> None:
        async with sessions(far) as runner:
            far.switch_on(husk())
            work = order("MODE:echo=done")
            ending, sink = await runner.run(work)
            assert finished(ending).status == "ok"
            assert sink.output == b"done"
            assert "waits to see whether the gateway has begun its session" in sink.said
            assert await how_many(far, work) == 2  # the row of nothing stays

    play(scenario)


async def dead_in_the_middle(far: Double, work: Order) -> None:
    """Have a runner die while the gateway makes the session of a run."""
    async with sessions(far) as first:
        far.switch_on(husk())
        sink = Noted()
        start = asyncio.create_task(first.executor.start(work, sink))
        await sink.until_said("waits for the gateway")
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)


def test_a_runner_that_dies_while_its_session_is_made_leaves_a_run_that_has_not_begun(far: Double) -> None:
    async def scenario() -> None:
        work = order("MODE:echo=done")
        await dead_in_the_middle(far, work)
        async with sessions(far) as second:
            found = await second.executor.recover(left(work), None)
            assert isinstance(found, Handle)
            ending = await second.executor.wait(found, Noted())
            assert isinstance(ending, Lost)
            assert not ending.began
            again, _ = await second.run(work)
            assert finished(again).status == "ok"

    play(scenario)


def test_what_has_not_begun_is_cancelled_by_waiting_for_that_to_be_sure(far: Double) -> None:
    async def scenario() -> None:
        work = order("MODE:echo=done")
        await dead_in_the_middle(far, work)
        async with sessions(far) as second:
            found = await second.executor.recover(left(work), None)
            assert isinstance(found, Handle)
            await second.executor.cancel(found, 5)
            ending = await second.executor.wait(found, Noted())
            assert isinstance(ending, Lost)
            assert not ending.began

    play(scenario)
