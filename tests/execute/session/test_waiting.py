"""What a run waits for: a place, a gateway that is away, its children; and what it says meanwhile."""

import asyncio

from support.gateway import Double, Settings, answer, double, drop, no_status
from support.orders import play
from support.session_runs import Noted, end_of, finished, order, sessions

from jeeves_runner.core.outcome import Finished


def test_a_parent_has_five_children_at_once_and_the_sixth_waits(far: Double) -> None:
    async def scenario() -> None:
        async with sessions(far) as runner:
            started = [await runner.start(order("MODE:slow=10", run_id)) for run_id in range(1, 6)]
            sixth = asyncio.create_task(runner.run(order("MODE:ok", 6)))
            ended = [await runner.executor.wait(handle, sink) for handle, sink in started]
            ending, sink = await sixth
            assert {finished(each).status for each in (*ended, ending)} == {"ok"}
            assert "waits for a free place of its parent at the gateway: " in sink.said[0]
            assert "max active children" in sink.said[0]
            other = await runner.run(order("MODE:ok", 7, job="other"))
            assert other[1].said == []

    play(scenario)


def test_a_run_in_the_gateway_s_lane_says_so() -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            first, _ = await runner.start(order("MODE:slow=20", 1))
            handle, sink = await runner.start(order("MODE:hang", 2))
            waiting = asyncio.create_task(runner.executor.wait(handle, sink))
            await sink.until_said("waits in the gateway's lane")
            await runner.executor.wait(first, Noted())
            await sink.until_nothing_is_said()
            await runner.executor.cancel(handle, 0)
            await waiting
            assert sink.said[-1] == ""

    with double(Settings(lane=1, speed=20)) as far:
        play(lambda: scenario(far))


def test_a_gateway_that_is_away_is_waited_for() -> None:
    async def scenario(far: Double) -> None:
        far.kill()
        async with sessions(far) as runner:
            sink = Noted()
            start = asyncio.create_task(runner.executor.start(order(), sink))
            await sink.until_said("waits for the gateway: the gateway cannot be reached")
            await asyncio.to_thread(far.start)
            ending = await runner.executor.wait(await start, sink)
            assert finished(ending).status == "ok"
            assert far.counts()["sessions_spawn"] == 1

    with double() as far:
        play(lambda: scenario(far))


def test_a_gateway_that_is_starting_or_draining_is_waited_for(far: Double) -> None:
    headers = {"Retry-After": "0.2"}
    body = '{"error":{"message":"Gateway is draining for restart; try again shortly."}}'
    starting = (
        '{"ok":true,"result":{"details":{"status":"error","childSessionKey":"agent:main:subagent:no",'
        '"error":"agent unavailable during gateway startup"}}}'
    )
    far.switch_on(answer("sessions_spawn", 503, body, headers=headers))
    far.switch_on(answer("sessions_spawn", 200, starting))
    ending, sink = end_of(far, order())
    assert ending.status == "ok"
    assert sink.said == [
        "waits for the gateway: Gateway is draining for restart; try again shortly.",
        "waits for the gateway: agent unavailable during gateway startup",
        "",
    ]
    assert far.counts() | {"sessions_list": 0, "history": 0} == {
        "sessions_spawn": 3,
        "sessions_list": 0,
        "history": 0,
    }


def test_what_is_wrong_while_it_is_watched_is_said_and_waited_out(far: Double) -> None:
    async def scenario() -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:slow=10"))
            far.switch_on(answer("sessions_list", 502, "", times=2), no_status(times=3))
            ending = await runner.executor.wait(handle, sink)
            assert finished(ending).status == "ok"
            assert sink.said == ["nothing is known of it for now: HTTP status 502", ""]

    play(scenario)


def test_history_that_fails_is_asked_for_again_and_the_run_says_so(far: Double) -> None:
    far.switch_on(drop("history", times=3))
    ending, sink = end_of(far, order())
    assert ending.status == "ok"
    assert sink.said[0] == "has ended; how is not known for now: the connection to the gateway was lost"


def test_a_session_ends_when_its_children_have_and_their_tokens_are_its_own() -> None:
    task = 'MODE:tools=[["sessions_spawn",{"task":"MODE_:steps=2:2","label":"child"}]]'.replace(
        "MODE_", "MO\\u0044E"
    )

    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            ending, sink = await runner.run(order(task))
            assert isinstance(ending, Finished)
            assert ending.status == "ok"
            assert ending.tokens == (2 + 3) * 1234
            assert ending.span is not None
            assert ending.span.duration_ms >= 3 * 2000 / 10
            assert "waits for the sessions that it has begun" in sink.said

    with double(Settings(speed=10)) as far:
        play(lambda: scenario(far))
